import { concat } from "../../wire/bytes.ts"
import { Writer } from "../../wire/tls.ts"
import type { CipherSuite } from "../suite.ts"

/**
 * The confirmed transcript hash of the next epoch (RFC 9420 section 8.2): 32 bytes. `input` is the commit's
 * ConfirmedTranscriptHashInput: wire format, FramedContent and signature.
 */
export function confirmedTranscriptHash(
  suite: CipherSuite,
  interimBefore: Uint8Array,
  input: Uint8Array,
): Uint8Array {
  return suite.hash(concat(interimBefore, input))
}

/** The interim transcript hash of an epoch (RFC 9420 section 8.2): 32 bytes. */
export function interimTranscriptHash(
  suite: CipherSuite,
  confirmed: Uint8Array,
  confirmationTag: Uint8Array,
): Uint8Array {
  return suite.hash(new Writer(128).raw(confirmed).opaque(confirmationTag).view())
}

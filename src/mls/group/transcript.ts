import type { CryptoProvider } from "../../crypto/provider.ts"
import { concat } from "../../wire/bytes.ts"
import { Writer } from "../../wire/tls.ts"

/**
 * The confirmed transcript hash of the next epoch (RFC 9420 section 8.2): 32 bytes. `input` is the commit's
 * ConfirmedTranscriptHashInput: wire format, FramedContent and signature.
 */
export function confirmedTranscriptHash(
  crypto: CryptoProvider,
  interimBefore: Uint8Array,
  input: Uint8Array,
): Uint8Array {
  return crypto.sha256(concat(interimBefore, input))
}

/** The interim transcript hash of an epoch (RFC 9420 section 8.2): 32 bytes. */
export function interimTranscriptHash(
  crypto: CryptoProvider,
  confirmed: Uint8Array,
  confirmationTag: Uint8Array,
): Uint8Array {
  return crypto.sha256(new Writer(128).raw(confirmed).opaque(confirmationTag).view())
}

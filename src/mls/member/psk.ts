import { wipe } from "../../crypto/wipe.ts"
import { Writer } from "../../wire/tls.ts"
import { type PreSharedKeyId, writePreSharedKeyId } from "../codec/psk.ts"
import { expandWithLabel } from "../labels.ts"
import type { CipherSuite } from "../suite.ts"

const SECRET_BYTES = 32
const ZEROS = new Uint8Array(SECRET_BYTES)

/** psk_secret (RFC 9420 section 8.4) of all PSKs of one commit in their order: 32 bytes, all zero without any. */
export function pskSecret(
  suite: CipherSuite,
  psks: readonly { readonly id: PreSharedKeyId; readonly secret: Uint8Array }[],
): Uint8Array {
  let combined = new Uint8Array(SECRET_BYTES)
  for (const [index, { id, secret }] of psks.entries()) {
    const label = new Writer()
    writePreSharedKeyId(label, id)
    label.u16(index).u16(psks.length)
    const extracted = suite.kdfExtract(ZEROS, secret)
    const input = expandWithLabel(suite, extracted, "derived psk", label.view(), SECRET_BYTES)
    const next = suite.kdfExtract(input, combined)
    wipe(extracted, input, combined)
    combined = next.slice()
    wipe(next)
  }
  return combined
}

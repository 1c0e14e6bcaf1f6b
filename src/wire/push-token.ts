import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { FORMAT_VERSION, PUSH_ENDPOINT_BYTES_MAX } from "../limits.ts"
import { decodePadded, encodePadded, openSymmetric, SEALED_OVERHEAD_BYTES, sealSymmetric } from "./sealed.ts"
import { CodecError } from "./tls.ts"

/**
 * Where a push service takes messages for a client (RFC 8030 section 4: the push resource's URL), under a key that the
 * client puts into its queue configs and nowhere else:
 *
 *     struct { u8 version; opaque endpoint<V>; } PushToken, zero padding to a fixed length
 *     push token = nonce[12] || AES-256-GCM(push token key, nonce, aad "Cinder 1 push token", PushToken)
 */

/** Version, length, and the longest endpoint. */
const PADDED_BYTES = 1 + 2 + PUSH_ENDPOINT_BYTES_MAX
/** The length of every sealed push token. */
export const PUSH_TOKEN_BYTES = PADDED_BYTES + SEALED_OVERHEAD_BYTES

/** Seals the push resource's URL, at most {@link PUSH_ENDPOINT_BYTES_MAX} bytes. Throws CodecError if it is longer. */
export function sealPushToken(crypto: CryptoProvider, key: Uint8Array, endpoint: Uint8Array): Uint8Array {
  const plaintext = encodePadded(PADDED_BYTES, (writer) => {
    writer.u8(FORMAT_VERSION).opaque(endpoint)
  })
  return sealSymmetric(crypto, key, labels.pushToken, plaintext)
}

/** The URL in it, whose bytes are the caller's to wipe. Throws CryptoError or CodecError on anything else. */
export function openPushToken(crypto: CryptoProvider, key: Uint8Array, sealed: Uint8Array): Uint8Array {
  return decodePadded(openSymmetric(crypto, key, labels.pushToken, sealed), PADDED_BYTES, (reader) => {
    if (reader.u8() !== FORMAT_VERSION) throw new CodecError("push token version")
    return reader.opaque()
  })
}

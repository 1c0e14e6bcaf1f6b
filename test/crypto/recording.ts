import { nativeCrypto } from "../../src/crypto/native.ts"
import type { CryptoProvider } from "../../src/crypto/provider.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"

/**
 * The native provider, keeping hold of every secret buffer that went through it, so that a test can look whether
 * its user overwrote them afterwards.
 */
export function recordingCrypto(): {
  crypto: CryptoProvider
  secrets: { what: string; bytes: Uint8Array }[]
} {
  const secrets: { what: string; bytes: Uint8Array }[] = []
  const keep = (what: string, bytes: Uint8Array) => {
    secrets.push({ what, bytes })
    return bytes
  }
  const crypto: CryptoProvider = {
    ...nativeCrypto,
    hkdfExtract(salt, inputKey) {
      const key = nativeCrypto.hkdfExtract(salt, inputKey)
      // HPKE also extracts `psk_id_hash` and `info_hash`, which are public.
      return toHex(inputKey).includes(toHex(utf8("_hash"))) ? key : keep("extracted key", key)
    },
    aesGcmSeal(key, nonce, associatedData, plaintext) {
      keep("sealing key", key)
      return nativeCrypto.aesGcmSeal(key, nonce, associatedData, keep("plaintext", plaintext))
    },
    aesGcmSealInPlace(key, nonce, associatedData, buffer) {
      nativeCrypto.aesGcmSealInPlace(keep("sealing key", key), nonce, associatedData, buffer)
    },
    aesGcmOpen(key, nonce, associatedData, ciphertext) {
      keep("opening key", key)
      return keep("opened plaintext", nativeCrypto.aesGcmOpen(key, nonce, associatedData, ciphertext))
    },
    x25519: (secret, publicKey) => keep("shared secret", nativeCrypto.x25519(secret, publicKey)),
  }
  return { crypto, secrets }
}

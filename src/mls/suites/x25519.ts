import type { CryptoProvider } from "../../crypto/provider.ts"
import type { DhKem } from "./hpke.ts"

const KEY_BYTES = 32
const NONE = new Uint8Array(0)

/** DHKEM(X25519, HKDF-SHA256) (RFC 9180 section 4.1): all keys are 32 bytes. */
export function x25519Kem(crypto: CryptoProvider): DhKem {
  return {
    id: 0x0020,
    isPublicKey: (publicKey) => publicKey.length === KEY_BYTES,
    publicKey: (secretKey) => crypto.x25519Public(secretKey),
    agree: (secretKey, publicKey) => crypto.x25519(secretKey, publicKey),
    deriveSecretKey: (expand) => expand("sk", NONE),
  }
}

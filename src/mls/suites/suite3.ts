import { chacha20Poly1305 } from "./chacha20-poly1305.ts"
import { ed25519Parts } from "./ed25519.ts"
import { hpkeParts } from "./hpke.ts"
import { oncePerProvider } from "./once.ts"
import { sha256Parts } from "./sha256.ts"
import { x25519Kem } from "./x25519.ts"

const CHACHA20_POLY1305 = 3

/**
 * MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519 (RFC 9420 section 17.1): the AEAD of noble, the rest of the
 * provider. The same object for the same provider. All keys are 32 bytes.
 */
export const suite3 = oncePerProvider((crypto) => ({
  id: 3,
  ...sha256Parts(crypto),
  ...ed25519Parts(crypto),
  ...chacha20Poly1305,
  ...hpkeParts(crypto, x25519Kem(crypto), { ...chacha20Poly1305, aeadId: CHACHA20_POLY1305 }),
}))

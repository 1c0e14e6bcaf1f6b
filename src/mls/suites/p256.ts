import { p256 } from "@noble/curves/nist.js"
import { CryptoError, type CryptoProvider } from "../../crypto/provider.ts"
import { wipe } from "../../crypto/wipe.ts"
import type { CipherSuite } from "../suite.ts"
import type { DhKem } from "./hpke.ts"

/** P-256 by noble: secret keys are 32 bytes, public keys and KEM outputs 65, signatures at most 72. */

const SEED_BYTES = 48
const CANDIDATES_MAX = 256

/** What noble refuses, as CryptoError. */
function usable<T>(work: () => T): T {
  try {
    return work()
  } catch {
    throw new CryptoError("P-256 key")
  }
}

/** Uncompressed points only (RFC 9420 section 5.1.1), on the curve: 65 bytes. */
function isPoint(publicKey: Uint8Array): boolean {
  return p256.utils.isValidPublicKey(publicKey, false)
}

function publicKeyOf(secretKey: Uint8Array): Uint8Array {
  return usable(() => p256.getPublicKey(secretKey, false))
}

/** DHKEM(P-256, HKDF-SHA256) (RFC 9180 section 4.1). */
export const p256Kem: DhKem = {
  id: 0x0010,
  isPublicKey: isPoint,
  publicKey: publicKeyOf,
  agree(secretKey, publicKey) {
    if (!isPoint(publicKey)) throw new CryptoError("P-256 key")
    const point = usable(() => p256.getSharedSecret(secretKey, publicKey, true))
    const agreed = point.slice(1)
    wipe(point)
    return agreed
  },
  deriveSecretKey(expand) {
    for (let counter = 0; counter < CANDIDATES_MAX; counter++) {
      const candidate = expand("candidate", Uint8Array.of(counter))
      if (p256.utils.isValidSecretKey(candidate)) return candidate
    }
    throw new CryptoError("P-256 key")
  },
}

/** ECDSA with SHA-256, signatures as DER-encoded ECDSA-Sig-Value (RFC 9420 section 5.1.2). */
export function p256Parts(
  crypto: CryptoProvider,
): Pick<
  CipherSuite,
  "generateSignatureSecret" | "signaturePublic" | "sign" | "verify" | "isSignaturePublicKey"
> {
  return {
    generateSignatureSecret() {
      const seed = crypto.random(SEED_BYTES)
      const secretKey = p256.utils.randomSecretKey(seed)
      wipe(seed)
      return secretKey
    },
    signaturePublic: publicKeyOf,
    sign: (secretKey, message) => usable(() => p256.sign(message, secretKey, { format: "der" })),
    verify(publicKey, message, signature) {
      try {
        return (
          isPoint(publicKey) && p256.verify(signature, message, publicKey, { format: "der", lowS: false })
        )
      } catch {
        return false
      }
    },
    isSignaturePublicKey: isPoint,
  }
}

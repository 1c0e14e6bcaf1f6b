import type { CryptoProvider } from "../../crypto/provider.ts"
import type { CipherSuite } from "../suite.ts"

const KEY_BYTES = 32

/** Signatures of the suites with Ed25519: secret keys are 32-byte seeds, public keys 32 bytes, signatures 64. */
export function ed25519Parts(
  crypto: CryptoProvider,
): Pick<
  CipherSuite,
  "generateSignatureSecret" | "signaturePublic" | "sign" | "verify" | "isSignaturePublicKey"
> {
  return {
    generateSignatureSecret: () => crypto.random(KEY_BYTES),
    signaturePublic: (secretKey) => crypto.ed25519Public(secretKey),
    sign: (secretKey, message) => crypto.ed25519Sign(secretKey, message),
    verify: (publicKey, message, signature) => crypto.ed25519Verify(publicKey, message, signature),
    isSignaturePublicKey: (publicKey) => publicKey.length === KEY_BYTES,
  }
}

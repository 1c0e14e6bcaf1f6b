import { Writer } from "../wire/tls.ts"
import type { CryptoProvider } from "./provider.ts"

/** TBS = TLS { opaque label<V>; opaque content<V> }. */
function toBeSigned(label: Uint8Array, content: Uint8Array): Uint8Array {
  return new Writer(label.length + content.length + 8).opaque(label).opaque(content).view()
}

/** Ed25519 signature (64 bytes) over a content under a label of `labels.ts`, so that no signature serves two ends. */
export function signLabeled(
  crypto: CryptoProvider,
  seed: Uint8Array,
  label: Uint8Array,
  content: Uint8Array,
): Uint8Array {
  return crypto.ed25519Sign(seed, toBeSigned(label, content))
}

/** Strict verification of {@link signLabeled}'s result; a malformed key or signature is `false`. */
export function verifyLabeled(
  crypto: CryptoProvider,
  publicKey: Uint8Array,
  label: Uint8Array,
  content: Uint8Array,
  signature: Uint8Array,
): boolean {
  return crypto.ed25519Verify(publicKey, toBeSigned(label, content), signature)
}

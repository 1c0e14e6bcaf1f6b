import type { CipherSuite } from "../../src/mls/suite.ts"

/** A suite that notes every buffer it derived or decrypted, so that a test sees which of them were overwritten. */
export function recording(suite: CipherSuite): { readonly suite: CipherSuite; readonly made: Uint8Array[] } {
  const made: Uint8Array[] = []
  const note = (bytes: Uint8Array): Uint8Array => {
    made.push(bytes)
    return bytes
  }
  return {
    made,
    suite: {
      ...suite,
      kdfExpand: (secret, info, length) => note(suite.kdfExpand(secret, info, length)),
      kdfExtract: (salt, inputKey) => note(suite.kdfExtract(salt, inputKey)),
      hpkeOpen: (secretKey, info, sealed) => note(suite.hpkeOpen(secretKey, info, sealed)),
      aeadOpen: (key, nonce, aad, ciphertext) => note(suite.aeadOpen(key, nonce, aad, ciphertext)),
    },
  }
}

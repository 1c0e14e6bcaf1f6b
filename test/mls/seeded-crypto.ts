import type { CryptoProvider } from "../../src/crypto/provider.ts"
import { concat, toHex } from "../../src/wire/bytes.ts"
import { encodeWith } from "../../src/wire/tls.ts"

const BLOCK_BYTES = 32

/**
 * Primitives for many members in one process: random bytes come from a seed, so that a history repeats to the byte, and
 * what was verified once is not verified again for every member that gets the same message.
 */
export function seededCrypto(crypto: CryptoProvider, seed: number): CryptoProvider {
  let blocks = 0
  const verified = new Map<string, boolean>()
  return {
    ...crypto,
    random(length) {
      const bytes = new Uint8Array(length)
      for (let at = 0; at < length; at += BLOCK_BYTES) {
        const block = crypto.sha256(encodeWith(blocks++, (writer, n) => writer.u32(seed).u32(n)))
        bytes.set(block.subarray(0, length - at), at)
      }
      return bytes
    },
    ed25519Verify(publicKey, message, signature) {
      const question = toHex(crypto.sha256(concat(publicKey, signature, message)))
      const known = verified.get(question)
      if (known !== undefined) return known
      const answer = crypto.ed25519Verify(publicKey, message, signature)
      verified.set(question, answer)
      return answer
    },
  }
}

import { nativeCrypto } from "../../src/crypto/native.ts"
import type { LeafNode, LeafNodeSource } from "../../src/mls/codec/leaf-node.ts"
import { Writer } from "../../src/wire/tls.ts"

/** Leaves for tests of trees, where no signature is looked at. */

/** 32 bytes that differ for each number. */
export function distinctKey(number: number): Uint8Array {
  return nativeCrypto.sha256(new Writer().u32(number).finish())
}

export function unsignedLeaf(number: number, source: LeafNodeSource): LeafNode {
  return {
    encryptionKey: distinctKey(2 * number),
    signatureKey: distinctKey(2 * number + 1),
    credential: { kind: "basic", identity: new Writer().u32(number).finish() },
    capabilities: { versions: [1], cipherSuites: [1], extensions: [], proposals: [], credentials: [1] },
    source,
    extensions: [],
    signature: new Uint8Array(64),
  }
}

export const anyLifetime: LeafNodeSource = {
  kind: "keyPackage",
  lifetime: { notBefore: 0n, notAfter: 2n ** 64n - 1n },
}

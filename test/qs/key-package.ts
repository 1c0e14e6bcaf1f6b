import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { encodeKeyPackage, type KeyPackage, keyPackageToBeSigned } from "../../src/mls/codec/key-package.ts"
import { type LeafNode, leafNodeToBeSigned } from "../../src/mls/codec/leaf-node.ts"
import { signWithLabel } from "../../src/mls/labels.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { LAST_RESORT_EXTENSION_TYPE, QUEUE_CONFIG_EXTENSION_TYPE } from "../../src/wire/queue-config.ts"

const suite = suite1(crypto)

export interface KeyPackageChanges {
  readonly extensions?: KeyPackage["extensions"]
  readonly initKey?: Uint8Array
  readonly notAfter?: number
}

/** A KeyPackage that is valid for a while but for the changes asked for. `now` in seconds. */
export function keyPackageWith(
  now: number,
  { extensions = [], initKey, notAfter }: KeyPackageChanges,
): Uint8Array {
  const seed = crypto.random(32)
  const unsignedLeaf: Omit<LeafNode, "signature"> = {
    encryptionKey: crypto.x25519Public(crypto.random(32)),
    signatureKey: crypto.ed25519Public(seed),
    credential: { kind: "basic", identity: crypto.random(100) },
    capabilities: {
      versions: [1],
      cipherSuites: [1],
      extensions: [QUEUE_CONFIG_EXTENSION_TYPE, LAST_RESORT_EXTENSION_TYPE],
      proposals: [],
      credentials: [1],
    },
    source: {
      kind: "keyPackage",
      lifetime: { notBefore: BigInt(now - 10), notAfter: BigInt(notAfter ?? now + 1000) },
    },
    extensions: [],
  }
  const toBeSigned = leafNodeToBeSigned(unsignedLeaf, undefined)
  const leafNode = { ...unsignedLeaf, signature: signWithLabel(suite, seed, "LeafNodeTBS", toBeSigned) }
  const unsigned = {
    version: 1,
    cipherSuite: 1,
    initKey: initKey ?? crypto.x25519Public(crypto.random(32)),
    leafNode,
    extensions,
  }
  const signature = signWithLabel(suite, seed, "KeyPackageTBS", keyPackageToBeSigned(unsigned))
  return encodeKeyPackage({ ...unsigned, signature })
}

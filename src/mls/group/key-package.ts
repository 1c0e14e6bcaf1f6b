import { equal } from "../../wire/bytes.ts"
import { decodeKeyPackage, type KeyPackage, keyPackageToBeSigned } from "../codec/key-package.ts"
import { PROTOCOL_VERSION_MLS10 } from "../codec/protocol.ts"
import { check, decoding } from "../error.ts"
import { verifyWithLabel } from "../labels.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import {
  type Clock,
  checkExtensionList,
  checkLeafNode,
  checkLifetime,
  checkSource,
  clockOf,
} from "./leaf-validity.ts"

/**
 * Checks a KeyPackage by itself (RFC 9420 section 10.1). Extensions of the KeyPackage that its capabilities do not name
 * are ignored: section 10 forbids making them, 13.4 and 13.5 ask receivers to take them, and some clients in use do.
 * Throws MlsError.
 */
export function checkKeyPackage(suite: CipherSuite, keyPackage: KeyPackage, clock: Clock): void {
  const { leafNode } = keyPackage
  check(keyPackage.version === PROTOCOL_VERSION_MLS10, rules.keyPackageSuite)
  check(keyPackage.cipherSuite === suite.id, rules.keyPackageSuite)
  check(suite.isHpkePublicKey(keyPackage.initKey), rules.keyLength)
  check(!equal(keyPackage.initKey, leafNode.encryptionKey), rules.keyPackageInitKey)
  checkSource(leafNode, "keyPackage")
  checkLifetime(leafNode, clock)
  checkExtensionList(keyPackage.extensions)
  checkLeafNode(suite, leafNode, undefined)
  const signed = keyPackageToBeSigned(keyPackage)
  check(
    verifyWithLabel(suite, leafNode.signatureKey, "KeyPackageTBS", signed, keyPackage.signature),
    rules.keyPackageSignature,
  )
}

/**
 * Decodes a bare KeyPackage and checks everything about it that does not depend on a group (RFC 9420 section 10.1).
 * `now` and `maximumLifetime` are in seconds. Its values are views of `bytes`. Throws MlsError.
 */
export function verifyKeyPackage(
  suite: CipherSuite,
  bytes: Uint8Array,
  now: bigint,
  maximumLifetime?: bigint,
): KeyPackage {
  const keyPackage = decoding(() => decodeKeyPackage(bytes))
  checkKeyPackage(suite, keyPackage, clockOf(now, maximumLifetime))
  return keyPackage
}

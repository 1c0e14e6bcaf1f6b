import { CryptoError } from "../../crypto/provider.ts"
import { wipe } from "../../crypto/wipe.ts"
import { equal, equalConstantTime } from "../../wire/bytes.ts"
import { findExtension } from "../codec/extension.ts"
import { encodeGroupContext } from "../codec/group-context.ts"
import { decodeGroupInfo, type GroupInfo } from "../codec/group-info.ts"
import { decodeKeyPackage, type KeyPackage } from "../codec/key-package.ts"
import { encodeLeafNode } from "../codec/leaf-node.ts"
import { decodeMlsMessage } from "../codec/message.ts"
import { ExtensionType } from "../codec/protocol.ts"
import { isSuccession, type PreSharedKeyId } from "../codec/psk.ts"
import { decodeGroupSecrets, type GroupSecrets, type Welcome } from "../codec/welcome.ts"
import { check, decoding, MlsError } from "../error.ts"
import { keyPackageRef } from "../labels.ts"
import { observeGroup } from "../observer/creation.ts"
import type { CipherSuite } from "../suite.ts"
import { FlatTree } from "../tree/flat-tree.ts"
import { firstSecrets } from "./epoch.ts"
import type { KeyPackageSecrets } from "./key-package.ts"
import { confirmationTag, epochFromJoiner } from "./key-schedule.ts"
import { type ClientOf, checkLineage, checkSuccession, type Parent, parentPsk } from "./lineage.ts"
import { PrivateTree } from "./private-tree.ts"
import { pskSecret } from "./psk.ts"
import { findPsks, type NamedPsk, type PskLookup } from "./psks.ts"
import { memberRules } from "./rules.ts"
import type { MemberState } from "./state.ts"
import { joinPath } from "./treekem.ts"
import { openGroupInfo, openGroupSecrets } from "./welcome-crypto.ts"

/** A KeyPackage with its secrets, as whoever published it keeps it. */
export interface JoinerKeys {
  /** A bare KeyPackage. */
  readonly keyPackage: Uint8Array
  readonly secrets: KeyPackageSecrets
}

/** What else a Welcome needs. */
export interface JoinOptions {
  /** Needed unless the Welcome brings it; this one is used if both are there. */
  readonly ratchetTree?: Uint8Array
  readonly psks?: PskLookup
}

/** The same of a group that comes from another one. */
export interface SuccessorJoinOptions extends JoinOptions {
  readonly clientOf: ClientOf
}

/**
 * Joins a group by a Welcome (RFC 9420 section 12.4.3.1): an MLSMessage for `keys`. Everything that section asks for is
 * checked, but not whether the client is in a group of the same id already. If the group comes from another one, that is
 * `parent`. Secrets are copied. Throws MlsError.
 */
export function joinFromWelcome(
  suite: CipherSuite,
  message: Uint8Array,
  keys: JoinerKeys,
  options: JoinOptions,
  parent?: Parent,
): MemberState {
  const decoded = decoding(() => decodeMlsMessage(message.slice()))
  check(decoded.kind === "welcome", memberRules.welcomeSecrets)
  const { welcome } = decoded
  const keyPackage = decoding(() => decodeKeyPackage(keys.keyPackage.slice()))
  const sameSuite = welcome.cipherSuite === suite.id && keyPackage.cipherSuite === suite.id
  check(sameSuite, memberRules.welcomeSuite)
  checkKeys(suite, keyPackage, keys.secrets)
  const secrets = openSecrets(suite, welcome, keys)
  try {
    return enter(suite, welcome, keyPackage, keys.secrets, secrets, options, parent)
  } finally {
    wipe(secrets.joinerSecret, secrets.pathSecret)
  }
}

function checkKeys(suite: CipherSuite, keyPackage: KeyPackage, secrets: KeyPackageSecrets): void {
  const { leafNode } = keyPackage
  const pairs = [
    [suite.hpkePublic(secrets.initSecretKey), keyPackage.initKey],
    [suite.hpkePublic(secrets.encryptionSecretKey), leafNode.encryptionKey],
    [suite.signaturePublic(secrets.signatureSecret), leafNode.signatureKey],
  ] as const
  for (const [derived, stated] of pairs) check(equal(derived, stated), memberRules.keyPair)
}

function openSecrets(suite: CipherSuite, welcome: Welcome, keys: JoinerKeys): GroupSecrets {
  const ref = keyPackageRef(suite, keys.keyPackage)
  const mine = welcome.secrets.find(({ newMember }) => equal(newMember, ref))
  check(mine !== undefined, memberRules.welcomeSecrets)
  return refusing(() => {
    const { encryptedGroupInfo } = welcome
    const { initSecretKey } = keys.secrets
    const plaintext = openGroupSecrets(suite, initSecretKey, encryptedGroupInfo, mine.encryptedGroupSecrets)
    return decoding(() => decodeGroupSecrets(plaintext), memberRules.welcomeSecrets)
  })
}

/** What does not open is for somebody else. */
function refusing<T>(open: () => T): T {
  try {
    return open()
  } catch (error) {
    if (error instanceof CryptoError) throw new MlsError(memberRules.welcomeSecrets)
    throw error
  }
}

/** The PSKs that a Welcome names: that of the group it comes from, and what the client finds. */
function welcomePsks(
  psks: readonly PreSharedKeyId[],
  options: JoinOptions,
  parent: Parent | undefined,
): NamedPsk[] {
  checkSuccession(psks, parent)
  if (parent === undefined) return findPsks(psks, options.psks)
  return findPsks(psks, (id) => (isSuccession(id) ? parentPsk(parent, id) : options.psks?.(id)))
}

function enter(
  suite: CipherSuite,
  welcome: Welcome,
  keyPackage: KeyPackage,
  keys: KeyPackageSecrets,
  secrets: GroupSecrets,
  options: JoinOptions,
  parent: Parent | undefined,
): MemberState {
  const combinedPsk = pskSecret(suite, welcomePsks(secrets.psks, options, parent))
  const { joinerSecret } = secrets
  const bytes = refusing(() => openGroupInfo(suite, joinerSecret, combinedPsk, welcome.encryptedGroupInfo))
  const groupInfo = decoding(() => decodeGroupInfo(bytes))
  check(groupInfo.groupContext.cipherSuite === suite.id, memberRules.welcomeSuite)
  const { state: group, tree } = observeGroup(suite, groupInfo, treeOf(suite, groupInfo, options.ratchetTree))
  if (parent !== undefined) checkLineage(parent, group.context, tree)
  const leaf = ownLeaf(tree, keyPackage)
  const known = new Map<number, Uint8Array>([[2 * leaf, keys.encryptionSecretKey.slice()]])
  if (secrets.pathSecret !== undefined) {
    const path = joinPath(suite, tree, leaf, groupInfo.signer, secrets.pathSecret)
    for (const [node, key] of path) known.set(node, key)
  }
  const { context } = group
  const epoch = epochFromJoiner(suite, joinerSecret, combinedPsk, encodeGroupContext(context))
  wipe(combinedPsk)
  const expected = confirmationTag(suite, epoch.confirmation, context.confirmedTranscriptHash)
  check(equalConstantTime(expected, group.confirmationTag), memberRules.confirmationTag)
  return {
    suite,
    group,
    tree,
    leaf,
    signatureSecret: keys.signatureSecret.slice(),
    reInit: undefined,
    secrets: firstSecrets({ suite, group, tree }, epoch, new PrivateTree(known)),
  }
}

/** The tree that belongs to a GroupInfo: the one given, or the one inside. Throws MlsError. */
export function treeOf(suite: CipherSuite, groupInfo: GroupInfo, given: Uint8Array | undefined): FlatTree {
  const bytes = given ?? findExtension(groupInfo.extensions, ExtensionType.ratchetTree)?.data
  check(bytes !== undefined, memberRules.treeMissing)
  return FlatTree.decode(suite, bytes)
}

function ownLeaf(tree: FlatTree, keyPackage: KeyPackage): number {
  const mine = encodeLeafNode(keyPackage.leafNode)
  const leaf = tree.members().find((index) => equal(tree.leafBytes(index) as Uint8Array, mine))
  check(leaf !== undefined, memberRules.ownLeaf)
  return leaf
}

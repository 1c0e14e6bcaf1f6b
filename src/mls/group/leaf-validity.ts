import type { RequiredCapabilities } from "../codec/capabilities.ts"
import { credentialType } from "../codec/credential.ts"
import { type Extension, findExtension } from "../codec/extension.ts"
import { decodeExternalSenders, decodeRequiredCapabilities } from "../codec/group-extensions.ts"
import {
  decodeLeafNode,
  type LeafNode,
  type LeafNodeSource,
  type LeafPlace,
  leafNodeToBeSigned,
} from "../codec/leaf-node.ts"
import { NODE_HEADER_BYTES } from "../codec/node.ts"
import {
  ExtensionType,
  isDefaultExtension,
  isDefaultProposal,
  PROTOCOL_VERSION_MLS10,
} from "../codec/protocol.ts"
import { check, decoding } from "../error.ts"
import { verifyWithLabel } from "../labels.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import { credentialTypesInUse } from "../tree/keys.ts"
import type { TreeView } from "../tree/view.ts"

/** The time that lifetimes are held against, in seconds since 1970-01-01T00:00:00Z. */
export interface Clock {
  /**
   * Undefined leaves lifetimes out: RFC 9420 section 7.3 only recommends the check to receivers, and a client that reads
   * an old commit late must come to the result that everybody came to.
   */
  readonly now: bigint | undefined
  /** The longest lifetime that is accepted, in seconds; without it, any (RFC 9420 section 7.2). */
  readonly maximumLifetime?: bigint
}

export function clockOf(now: bigint, maximumLifetime: bigint | undefined): Clock {
  return maximumLifetime === undefined ? { now } : { now, maximumLifetime }
}

/** Throws MlsError if an extension type occurs twice (RFC 9420 section 13.4). */
export function checkExtensionList(extensions: readonly Extension[]): void {
  const types = new Set(extensions.map((extension) => extension.type))
  check(types.size === extensions.length, rules.duplicateExtension)
}

/** What a leaf must fulfil by itself, wherever it stands (RFC 9420 sections 7.2 and 7.3). Throws MlsError. */
export function checkLeafNode(suite: CipherSuite, leaf: LeafNode, place: LeafPlace | undefined): void {
  const { capabilities } = leaf
  check(suite.isHpkePublicKey(leaf.encryptionKey), rules.keyLength)
  check(suite.isSignaturePublicKey(leaf.signatureKey), rules.keyLength)
  checkExtensionList(leaf.extensions)
  checkExtensionsListed(leaf)
  check(capabilities.credentials.includes(credentialType(leaf.credential)), rules.leafCredentialUnlisted)
  check(capabilities.versions.includes(PROTOCOL_VERSION_MLS10), rules.leafVersion)
  check(capabilities.cipherSuites.includes(suite.id), rules.leafVersion)
  const signed = leafNodeToBeSigned(leaf, place)
  check(verifyWithLabel(suite, leaf.signatureKey, "LeafNodeTBS", signed, leaf.signature), rules.leafSignature)
}

function checkExtensionsListed(leaf: LeafNode): void {
  const supported = leaf.capabilities.extensions
  for (const { type } of leaf.extensions) {
    check(isDefaultExtension(type) || supported.includes(type), rules.leafExtensionUnlisted)
  }
}

/** Throws MlsError unless the leaf came into being the way its place asks for (RFC 9420 section 7.3). */
export function checkSource(leaf: LeafNode, kind: LeafNodeSource["kind"]): void {
  check(leaf.source.kind === kind, rules.leafSource)
}

/** Throws MlsError if the leaf has a lifetime and it is not now, or too long (RFC 9420 sections 7.2 and 7.3). */
export function checkLifetime(leaf: LeafNode, clock: Clock): void {
  if (leaf.source.kind !== "keyPackage") return
  const { notBefore, notAfter } = leaf.source.lifetime
  if (clock.now !== undefined) check(notBefore <= clock.now && clock.now <= notAfter, rules.leafLifetime)
  if (clock.maximumLifetime !== undefined) {
    check(notAfter - notBefore <= clock.maximumLifetime, rules.leafLifetimeTooLong)
  }
}

/** What the GroupContext's extensions ask of every member. */
export interface GroupDemands {
  /** Types that are not default. */
  readonly extensions: readonly number[]
  readonly required: RequiredCapabilities
}

const NOTHING_REQUIRED: RequiredCapabilities = { extensions: [], proposals: [], credentials: [] }

/** Decodes the GroupContext extensions that RFC 9420 defines. Throws MlsError if the list is not valid. */
export function groupDemands(extensions: readonly Extension[]): GroupDemands {
  checkExtensionList(extensions)
  return decoding(() => {
    const required = findExtension(extensions, ExtensionType.requiredCapabilities)
    const senders = findExtension(extensions, ExtensionType.externalSenders)
    if (senders !== undefined) decodeExternalSenders(senders)
    return {
      extensions: extensions.map(({ type }) => type).filter((type) => !isDefaultExtension(type)),
      required: required === undefined ? NOTHING_REQUIRED : decodeRequiredCapabilities(required),
    }
  }, rules.groupExtensionMalformed)
}

/** Throws MlsError unless the leaf supports what the group asks of it (RFC 9420 sections 7.3 and 13.4). */
export function checkDemands(leaf: LeafNode, demands: GroupDemands): void {
  const { extensions, proposals, credentials } = leaf.capabilities
  const { required } = demands
  for (const type of demands.extensions) check(extensions.includes(type), rules.leafGroupExtension)
  check(
    required.extensions.every((type) => isDefaultExtension(type) || extensions.includes(type)) &&
      required.proposals.every((type) => isDefaultProposal(type) || proposals.includes(type)) &&
      required.credentials.every((type) => credentials.includes(type)),
    rules.leafRequiredCapability,
  )
}

/** The leaf at a node that is known to hold one. */
export function leafAt(view: TreeView, leaf: number): LeafNode {
  return decodeLeafNode(view.entry(2 * leaf).subarray(NODE_HEADER_BYTES))
}

/** The leaves that are not blank, in order. */
export function membersOf(view: TreeView): number[] {
  const leaves: number[] = []
  for (let leaf = 0; leaf < view.leafWidth; leaf++) if (!view.isBlank(2 * leaf)) leaves.push(leaf)
  return leaves
}

/**
 * Checks that new leaves support what the group asks and all credential types in use, and that everybody supports
 * theirs (RFC 9420 section 7.3). Members that were there before are looked at only if something new is asked of them:
 * `demandsChanged`, or a credential type that nobody used. Throws MlsError.
 */
export function checkSupport(
  view: TreeView,
  fresh: ReadonlyMap<number, LeafNode>,
  demands: GroupDemands,
  demandsChanged: boolean,
  typesBefore: ReadonlySet<number>,
): void {
  const types = credentialTypesInUse(view)
  const everybody = demandsChanged || [...types].some((type) => !typesBefore.has(type))
  const affected = everybody ? membersOf(view) : fresh.keys()
  for (const index of affected) {
    const leaf = fresh.get(index) ?? leafAt(view, index)
    checkDemands(leaf, demands)
    for (const type of types) check(leaf.capabilities.credentials.includes(type), rules.leafCredentialSupport)
  }
}

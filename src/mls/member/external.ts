import { CryptoError } from "../../crypto/provider.ts"
import { wipe } from "../../crypto/wipe.ts"
import { findExtension } from "../codec/extension.ts"
import { decodeExternalPub } from "../codec/group-extensions.ts"
import { decodeGroupInfo } from "../codec/group-info.ts"
import type { Proposal } from "../codec/proposal.ts"
import { ExtensionType, WireFormat } from "../codec/protocol.ts"
import { check, decoding, MlsError } from "../error.ts"
import type { Policy } from "../group/policy.ts"
import { observeGroup } from "../observer/creation.ts"
import { observeProposal } from "../observer/proposal.ts"
import { rules } from "../rules.ts"
import type { CipherSuite } from "../suite.ts"
import { buildCommit } from "./build-commit.ts"
import { itemByReference, itemByValue } from "./commit-item.ts"
import { firstSecrets } from "./epoch.ts"
import { treeOf } from "./join.ts"
import { externalInitSender } from "./key-schedule.ts"
import { leafContent, type OwnLeaf } from "./leaf.ts"
import { PrivateTree } from "./private-tree.ts"
import { findPsks, type PskLookup, pskIdsOf } from "./psks.ts"
import { protectFromOutside } from "./public-protection.ts"
import type { MemberState } from "./state.ts"
import { wipePath } from "./treekem.ts"

/** How a client joins from outside. */
export interface ExternalJoinOptions extends Policy {
  /** Needed unless the GroupInfo brings it. */
  readonly ratchetTree?: Uint8Array
  readonly leaf: OwnLeaf
  /**
   * The SelfRemoves of this epoch, as PublicMessages, which are committed. Their membership tags only members can check
   * (draft-ietf-mls-extensions section 6.3).
   */
  readonly selfRemoves?: readonly Uint8Array[]
  /** The leaf that the client had before, which is removed (RFC 9420 section 12.4.3.2, "resync"). */
  readonly replaces?: number
  /** PSK proposals to commit. */
  readonly pskProposals?: readonly Proposal[]
  readonly psks?: PskLookup
  readonly authenticatedData?: Uint8Array
}

/** A commit by which a client enters a group, which has not taken effect anywhere. */
export interface ExternalJoin {
  /** MLSMessage. */
  readonly message: Uint8Array
  /** The client's state once the commit is accepted. */
  readonly next: MemberState
}

/**
 * Joins a group by an external commit (RFC 9420 section 12.4.3.2). `groupInfo` is bare and has `external_pub`; it is
 * checked as in a Welcome, its confirmation tag excepted, which only members can check. Throws MlsError.
 */
export function joinExternal(
  suite: CipherSuite,
  groupInfo: Uint8Array,
  options: ExternalJoinOptions,
): ExternalJoin {
  const info = decoding(() => decodeGroupInfo(groupInfo.slice()))
  const externalPub = findExtension(info.extensions, ExtensionType.externalPub)
  check(externalPub !== undefined, rules.groupInfoExternalPub)
  const publicKey = decoding(() => decodeExternalPub(externalPub), rules.groupInfoExternalPub)
  check(suite.isHpkePublicKey(publicKey), rules.groupInfoExternalPub)
  const { state: group, tree } = observeGroup(suite, info, treeOf(suite, info, options.ratchetTree))
  const selfRemoves = (options.selfRemoves ?? []).map((message) =>
    observeProposal(suite, group, tree, message, options),
  )
  const { initSecret, kemOutput } = startInit(suite, publicKey)

  const proposals: Proposal[] = [{ kind: "externalInit", kemOutput }]
  if (options.replaces !== undefined) proposals.push({ kind: "remove", removed: options.replaces })
  proposals.push(...(options.pskProposals ?? []))
  const sender = { kind: "newMemberCommit" } as const
  const { signatureSecret } = options.leaf
  const built = buildCommit({
    suite,
    group,
    tree,
    sender,
    policy: options,
    items: [
      ...proposals.map((proposal) => itemByValue(proposal, sender)),
      ...selfRemoves.map(itemByReference),
    ],
    psks: findPsks(pskIdsOf(proposals), options.psks),
    withoutPath: false,
    content: leafContent(suite, options.leaf),
    leafSignatureSecret: signatureSecret,
    signatureSecret,
    initSecret,
    wireFormat: WireFormat.publicMessage,
    authenticatedData: options.authenticatedData ?? new Uint8Array(0),
  })
  wipe(initSecret, built.joinerSecret, built.pskSecret)
  const privateTree = new PrivateTree(new Map(built.path?.keys ?? []))
  if (built.path !== undefined) wipePath(built.path)
  const start = { suite, group: built.group, tree: built.tree }
  return {
    message: protectFromOutside(built.handshake),
    next: {
      ...start,
      leaf: built.committerLeaf,
      signatureSecret: signatureSecret.slice(),
      reInit: undefined,
      secrets: firstSecrets(start, built.epoch, privateTree),
    },
  }
}

function startInit(
  suite: CipherSuite,
  publicKey: Uint8Array,
): { initSecret: Uint8Array; kemOutput: Uint8Array } {
  try {
    return externalInitSender(suite, publicKey)
  } catch (error) {
    if (error instanceof CryptoError) throw new MlsError(rules.groupInfoExternalPub)
    throw error
  }
}

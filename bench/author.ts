import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import { makeGroupSecret, removalKey } from "../src/ds/group-secret.ts"
import { leafCapabilities, makeContextExtensions } from "../src/group/context-extensions.ts"
import { KEY_BYTES } from "../src/limits.ts"
import { type Content, type FramedContent, writeFramedContent } from "../src/mls/codec/framing.ts"
import { encodeGroupContext, type GroupContext } from "../src/mls/codec/group-context.ts"
import { encodeExternalPub } from "../src/mls/codec/group-extensions.ts"
import { encodeGroupInfo, type GroupInfo, groupInfoToBeSigned } from "../src/mls/codec/group-info.ts"
import { encodeKeyPackage, type KeyPackage, keyPackageToBeSigned } from "../src/mls/codec/key-package.ts"
import { encodeLeafNode, type LeafNode, leafNodeToBeSigned } from "../src/mls/codec/leaf-node.ts"
import { encodeMlsMessage } from "../src/mls/codec/message.ts"
import { leafEntry } from "../src/mls/codec/node.ts"
import type { Proposal } from "../src/mls/codec/proposal.ts"
import type { UpdatePath } from "../src/mls/codec/update-path.ts"
import {
  encodeExtensions,
  FlatTree,
  keyPackageRef,
  observeCommit,
  observeCreation,
  type PublicGroupState,
} from "../src/mls/index.ts"
import { signWithLabel } from "../src/mls/labels.ts"
import { suite1 } from "../src/mls/suites/suite1.ts"
import { TreeEdit } from "../src/mls/tree/edit.ts"
import { parentHash } from "../src/mls/tree/hash.ts"
import { filteredDirectPath } from "../src/mls/tree/view.ts"
import { concat } from "../src/wire/bytes.ts"
import { LEAF_CREDENTIAL_BYTES } from "../src/wire/leaf-credential.ts"
import { QUEUE_CONFIG_EXTENSION_TYPE } from "../src/wire/queue-config.ts"
import { encodeWith, Writer } from "../src/wire/tls.ts"

const suite = suite1(crypto)

/**
 * The members of one group, as far as a delivery service can tell: signatures, trees and transcripts are right, and
 * what only members could check (membership and confirmation tags, ciphertexts) is random bytes of the right length.
 * So a group of a thousand can be made, and any of its members can commit, in seconds.
 */

const TAG_BYTES = 32
const SEALED_SECRET = { kemOutput: crypto.random(32), ciphertext: crypto.random(48) }
/** What a Welcome seals to each joiner: joiner secret and path secret, with their lengths and tag. */
const SEALED_GROUP_SECRETS = { kemOutput: crypto.random(32), ciphertext: crypto.random(85) }
const ENCRYPTED_GROUP_INFO_BYTES = 350
const FRAMED_CONTENT_HEADER = Uint8Array.of(0, 1, 0, 1)

/** A client that may join. */
export interface Candidate {
  readonly seed: Uint8Array
  readonly keyPackage: KeyPackage
}

/** A commit and what its committer sends beside it. */
export interface AuthoredCommit {
  readonly commit: Uint8Array
  readonly groupInfo: { readonly extensions: Uint8Array; readonly signature: Uint8Array }
  /** MLSMessage; for commits that add. */
  readonly welcome: Uint8Array
  /** The group takes the commit over. */
  accept(): void
}

function now(): bigint {
  return BigInt(Math.floor(Date.now() / 1000))
}

function unsignedLeaf(seed: Uint8Array): Omit<LeafNode, "signature"> {
  return {
    encryptionKey: crypto.x25519Public(crypto.random(KEY_BYTES)),
    signatureKey: crypto.ed25519Public(seed),
    credential: { kind: "basic", identity: crypto.random(LEAF_CREDENTIAL_BYTES) },
    capabilities: leafCapabilities(suite.id),
    source: { kind: "keyPackage", lifetime: { notBefore: now() - 3600n, notAfter: now() + 90n * 86_400n } },
    extensions: [],
  }
}

/** A KeyPackage with a leaf and a queue config of its own. */
export function makeCandidate(queueConfig: Uint8Array): Candidate {
  const seed = crypto.random(KEY_BYTES)
  const leaf = unsignedLeaf(seed)
  const leafNode = {
    ...leaf,
    signature: signWithLabel(suite, seed, "LeafNodeTBS", leafNodeToBeSigned(leaf, undefined)),
  }
  const unsigned = {
    version: 1,
    cipherSuite: 1,
    initKey: crypto.x25519Public(crypto.random(KEY_BYTES)),
    leafNode,
    extensions: [{ type: QUEUE_CONFIG_EXTENSION_TYPE, data: queueConfig }],
  }
  const signature = signWithLabel(suite, seed, "KeyPackageTBS", keyPackageToBeSigned(unsigned))
  return { seed, keyPackage: { ...unsigned, signature } }
}

export class GroupAuthor {
  readonly groupId: Uint8Array
  /** The DS's. */
  readonly secret = makeGroupSecret(crypto)
  state: PublicGroupState
  tree: FlatTree
  /** Signature seeds by leaf. */
  readonly seeds = new Map<number, Uint8Array>()
  /** What the creator sends. */
  readonly creation: { readonly groupInfo: Uint8Array; readonly ratchetTree: Uint8Array }

  /** A group of one at epoch 0. `key`: that of a DS that keeps the group's secret to itself. */
  constructor(groupId: Uint8Array, creator: Candidate, key?: Uint8Array) {
    this.groupId = groupId
    this.seeds.set(0, creator.seed)
    const ratchetTree = new Writer().opaque(leafEntry(encodeLeafNode(creator.keyPackage.leafNode))).finish()
    const context: GroupContext = {
      cipherSuite: 1,
      groupId,
      epoch: 0n,
      treeHash: FlatTree.decode(suite, ratchetTree).rootHash(),
      confirmedTranscriptHash: new Uint8Array(0),
      extensions: makeContextExtensions({
        admins: [crypto.ed25519Public(creator.seed)],
        removalKey: key ?? removalKey(crypto, this.secret),
      }),
    }
    const groupInfo = encodeGroupInfo(this.#signGroupInfo(context, crypto.random(TAG_BYTES), 0))
    this.creation = { groupInfo, ratchetTree }
    const { state, tree } = observeCreation(suite, groupInfo, ratchetTree, now())
    this.state = state
    this.tree = tree
  }

  /** What the committer of the current epoch sent of its GroupInfo. */
  groupInfo(signer: number): { readonly extensions: Uint8Array; readonly signature: Uint8Array } {
    const { context, confirmationTag } = this.state
    const { extensions, signature } = this.#signGroupInfo(context, confirmationTag, signer)
    return { extensions: encodeExtensions(extensions), signature }
  }

  /** A commit that adds without a path, or one with a path, which may remove. */
  commit(
    committer: number,
    added: readonly Candidate[],
    authenticatedData: Uint8Array,
    removed: readonly number[] = [],
  ): AuthoredCommit {
    const path = added.length === 0 ? this.#path(committer, removed) : undefined
    const changes: Proposal[] = [
      ...removed.map((leaf) => ({ kind: "remove", removed: leaf }) as const),
      ...added.map(({ keyPackage }) => ({ kind: "add", keyPackage }) as const),
    ]
    const proposals = changes.map((proposal) => ({ kind: "proposal", proposal }) as const)
    const commit = this.#frame({ kind: "commit", commit: { proposals, path } }, committer, authenticatedData)
    const staged = observeCommit(suite, this.state, this.tree, commit, { now: now() })
    const { next } = staged
    const { extensions, signature } = this.#signGroupInfo(next.context, next.confirmationTag, committer)
    return {
      commit,
      groupInfo: { extensions: encodeExtensions(extensions), signature },
      welcome: welcomeOf(added),
      accept: () => {
        this.state = next
        this.tree = staged.tree
        for (const leaf of staged.removed) this.seeds.delete(leaf)
        for (const [i, { leaf }] of staged.added.entries()) this.seeds.set(leaf, (added[i] as Candidate).seed)
      },
    }
  }

  /** A PrivateMessage of exactly this many bytes. */
  applicationMessage(bytes: number): Uint8Array {
    const encode = (ciphertextBytes: number) =>
      encodeMlsMessage({
        kind: "privateMessage",
        message: {
          groupId: this.groupId,
          epoch: this.state.context.epoch,
          contentKind: "application",
          authenticatedData: new Uint8Array(0),
          encryptedSenderData: crypto.random(28),
          ciphertext: crypto.random(ciphertextBytes),
        },
      })
    return encode(bytes - (encode(bytes).length - bytes))
  }

  #path(committer: number, removed: readonly number[]): UpdatePath {
    const edit = new TreeEdit(suite, this.tree)
    for (const leaf of removed) edit.remove(leaf)
    const steps = filteredDirectPath(edit, committer)
    const nodes = steps.map(({ copathResolution }) => ({
      encryptionKey: crypto.random(KEY_BYTES),
      encryptedPathSecrets: copathResolution.map(() => SEALED_SECRET),
    }))
    edit.blankDirectPath(committer)
    let above: Uint8Array = new Uint8Array(0)
    for (let i = steps.length - 1; i >= 0; i--) {
      const { encryptionKey } = nodes[i] as { encryptionKey: Uint8Array }
      const { copathChild } = steps[i] as { copathChild: number }
      above = parentHash(suite, { encryptionKey, parentHash: above }, edit.hash(copathChild))
    }
    const leaf = {
      ...(this.tree.leaf(committer) as LeafNode),
      encryptionKey: crypto.random(KEY_BYTES),
      source: { kind: "commit", parentHash: above } as const,
    }
    const signed = leafNodeToBeSigned(leaf, { groupId: this.groupId, leafIndex: committer })
    return {
      leafNode: { ...leaf, signature: signWithLabel(suite, this.#seed(committer), "LeafNodeTBS", signed) },
      nodes,
    }
  }

  #frame(content: Content, committer: number, authenticatedData: Uint8Array): Uint8Array {
    const { context } = this.state
    const sender = { kind: "member", leafIndex: committer } as const
    const framed: FramedContent = {
      groupId: this.groupId,
      epoch: context.epoch,
      sender,
      authenticatedData,
      content,
    }
    const signed = concat(
      FRAMED_CONTENT_HEADER,
      encodeWith(framed, writeFramedContent),
      encodeGroupContext(context),
    )
    const signature = signWithLabel(suite, this.#seed(committer), "FramedContentTBS", signed)
    const auth = { signature, confirmationTag: crypto.random(TAG_BYTES) }
    return encodeMlsMessage({
      kind: "publicMessage",
      message: { framed, auth, membershipTag: crypto.random(TAG_BYTES) },
    })
  }

  #signGroupInfo(groupContext: GroupContext, confirmationTag: Uint8Array, signer: number): GroupInfo {
    const extensions = [encodeExternalPub(crypto.random(KEY_BYTES))]
    const unsigned = { groupContext, extensions, confirmationTag, signer }
    const signed = groupInfoToBeSigned(unsigned)
    return { ...unsigned, signature: signWithLabel(suite, this.#seed(signer), "GroupInfoTBS", signed) }
  }

  #seed(leaf: number): Uint8Array {
    const seed = this.seeds.get(leaf)
    if (seed === undefined) throw new Error("no such member")
    return seed
  }
}

function welcomeOf(added: readonly Candidate[]): Uint8Array {
  const secrets = added.map(({ keyPackage }) => ({
    newMember: keyPackageRef(suite, encodeKeyPackage(keyPackage)),
    encryptedGroupSecrets: SEALED_GROUP_SECRETS,
  }))
  const encryptedGroupInfo = crypto.random(ENCRYPTED_GROUP_INFO_BYTES)
  return encodeMlsMessage({ kind: "welcome", welcome: { cipherSuite: 1, secrets, encryptedGroupInfo } })
}

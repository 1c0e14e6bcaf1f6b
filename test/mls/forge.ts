import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import type { ProposalOrRef } from "../../src/mls/codec/commit.ts"
import type { Extension } from "../../src/mls/codec/extension.ts"
import type { Content, FramedContent, Sender } from "../../src/mls/codec/framing.ts"
import { writeFramedContent } from "../../src/mls/codec/framing.ts"
import { encodeGroupContext } from "../../src/mls/codec/group-context.ts"
import { encodeExternalPub, encodeExternalSenders } from "../../src/mls/codec/group-extensions.ts"
import { encodeGroupInfo, type GroupInfo, groupInfoToBeSigned } from "../../src/mls/codec/group-info.ts"
import { type KeyPackage, keyPackageToBeSigned } from "../../src/mls/codec/key-package.ts"
import { encodeLeafNode, type LeafNode, leafNodeToBeSigned } from "../../src/mls/codec/leaf-node.ts"
import { encodeMlsMessage } from "../../src/mls/codec/message.ts"
import { leafEntry } from "../../src/mls/codec/node.ts"
import type { Proposal } from "../../src/mls/codec/proposal.ts"
import { ProposalType } from "../../src/mls/codec/protocol.ts"
import type { UpdatePath } from "../../src/mls/codec/update-path.ts"
import { signWithLabel } from "../../src/mls/labels.ts"
import { type CommitOptions, observeCommit, type StagedCommit } from "../../src/mls/observer/commit.ts"
import { observeCreation } from "../../src/mls/observer/creation.ts"
import type { PublicGroupState } from "../../src/mls/observer/state.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { TreeEdit } from "../../src/mls/tree/edit.ts"
import { FlatTree } from "../../src/mls/tree/flat-tree.ts"
import { parentHash } from "../../src/mls/tree/hash.ts"
import { filteredDirectPath } from "../../src/mls/tree/view.ts"
import { concat, utf8 } from "../../src/wire/bytes.ts"
import { encodeWith, Writer } from "../../src/wire/tls.ts"
import { distinctKey, unsignedLeaf } from "./leaves.ts"

const suite = suite1(crypto)

/**
 * A group whose members' keys the test has, so that it can sign anything in anybody's name. What an observer cannot check
 * (tags, ciphertexts) is left at zeros; everything else is made right, and each test makes one thing wrong.
 */

export const NOW = 1_000_000n
export const FORGED_GROUP = utf8("forged group")
/** The seed of the external sender that the group lists. */
export const OUTSIDER_SEED = distinctKey(999_999)

/** A proposal type that all clients here support. */
export const PROPOSAL_TYPE = 0xf001

const TAG = new Uint8Array(32)

/** A client; `number` decides its keys. */
export class Person {
  readonly number: number
  readonly seed: Uint8Array

  constructor(number: number) {
    this.number = number
    this.seed = distinctKey(500_000 + number)
  }

  leaf(changes: Partial<LeafNode> = {}): LeafNode {
    const lifetime = { notBefore: NOW - 100n, notAfter: NOW + 100n }
    const plain = unsignedLeaf(this.number, { kind: "keyPackage", lifetime })
    return {
      ...plain,
      capabilities: { ...plain.capabilities, proposals: [ProposalType.selfRemove, PROPOSAL_TYPE] },
      signatureKey: crypto.ed25519Public(this.seed),
      ...changes,
    }
  }

  signLeaf(leaf: LeafNode, leafIndex: number): LeafNode {
    const place = leaf.source.kind === "keyPackage" ? undefined : { groupId: FORGED_GROUP, leafIndex }
    const signed = leafNodeToBeSigned(leaf, place)
    return { ...leaf, signature: signWithLabel(suite, this.seed, "LeafNodeTBS", signed) }
  }

  keyPackage(leafChanges: Partial<LeafNode> = {}, changes: Partial<KeyPackage> = {}): KeyPackage {
    const unsigned = {
      version: 1,
      cipherSuite: 1,
      initKey: distinctKey(700_000 + this.number),
      leafNode: this.signLeaf(this.leaf(leafChanges), 0),
      extensions: [],
      ...changes,
    }
    const signature = signWithLabel(suite, this.seed, "KeyPackageTBS", keyPackageToBeSigned(unsigned))
    return { ...unsigned, signature, ...("signature" in changes ? changes : {}) }
  }

  add(leafChanges: Partial<LeafNode> = {}, changes: Partial<KeyPackage> = {}): Proposal {
    return { kind: "add", keyPackage: this.keyPackage(leafChanges, changes) }
  }
}

/** What to make wrong in a message. */
export interface MessageChanges {
  framed?: (framed: FramedContent) => FramedContent
  seed?: Uint8Array
  confirmationTag?: Uint8Array
  membershipTag?: Uint8Array
}

export interface CommitPlan extends MessageChanges {
  /** A member's leaf, or someone who joins. */
  committer?: number | Person
  proposals?: readonly Proposal[]
  references?: readonly Uint8Array[]
  /** Updates, Removes and SelfRemoves by reference, which the path has to stand on. */
  updates?: readonly { leaf: number; leafNode: LeafNode }[]
  removes?: readonly number[]
  path?: boolean
  leaf?: (leaf: LeafNode) => LeafNode
  /** The place that the path's leaf is signed for. */
  signedPlace?: number
  nodes?: (nodes: UpdatePath["nodes"]) => UpdatePath["nodes"]
}

export class Forge {
  state: PublicGroupState
  tree: FlatTree
  readonly people = new Map<number, Person>()
  #serial = 10_000

  constructor(extensions: readonly Extension[]) {
    const creator = new Person(0)
    this.people.set(0, creator)
    const leaf = encodeLeafNode(creator.signLeaf(creator.leaf(), 0))
    const ratchetTree = new Writer().opaque(leafEntry(leaf)).finish()
    const treeHash = FlatTree.decode(suite, ratchetTree).rootHash()
    const info = this.signGroupInfo({
      groupContext: {
        cipherSuite: 1,
        groupId: FORGED_GROUP,
        epoch: 0n,
        treeHash,
        confirmedTranscriptHash: new Uint8Array(0),
        extensions,
      },
    })
    const { state, tree } = observeCreation(suite, encodeGroupInfo(info), ratchetTree, NOW)
    this.state = state
    this.tree = tree
  }

  /** Four members, with parents that are not blank, and an external sender. */
  static standard(extensions: readonly Extension[] = []): Forge {
    const credential = { kind: "basic", identity: utf8("outsider") } as const
    const senders = encodeExternalSenders([{ signatureKey: crypto.ed25519Public(OUTSIDER_SEED), credential }])
    const forge = new Forge([senders, ...extensions])
    const joiners = [1, 2, 3].map((number) => new Person(number))
    forge.accept(forge.commit({ proposals: joiners.map((joiner) => joiner.add()) }))
    joiners.forEach((joiner, i) => {
      forge.people.set(i + 1, joiner)
    })
    forge.accept(forge.commit({ committer: 2 }))
    return forge
  }

  key(): Uint8Array {
    return distinctKey(this.#serial++)
  }

  observe(message: Uint8Array, options: Partial<CommitOptions> = {}): StagedCommit {
    return observeCommit(suite, this.state, this.tree, message, { now: NOW, ...options })
  }

  accept(message: Uint8Array): StagedCommit {
    const staged = this.observe(message)
    this.state = staged.next
    this.tree = staged.tree
    return staged
  }

  /** A GroupInfo for the current epoch, changed and then signed. */
  signGroupInfo(changes: Partial<GroupInfo>, seed = this.people.get(0)!.seed): GroupInfo {
    const unsigned = {
      groupContext: this.state?.context,
      extensions: [encodeExternalPub(new Uint8Array(32).fill(7))],
      confirmationTag: this.state?.confirmationTag ?? TAG,
      signer: 0,
      ...changes,
    }
    const signature = signWithLabel(suite, seed, "GroupInfoTBS", groupInfoToBeSigned(unsigned))
    return { ...unsigned, signature }
  }

  proposalMessage(proposal: Proposal, sender: Sender, seed: Uint8Array): Uint8Array {
    return this.#frame({ kind: "proposal", proposal }, sender, seed, {})
  }

  commit(plan: CommitPlan): Uint8Array {
    const { committer = 0, proposals = [], references = [], path = true } = plan
    const person = typeof committer === "number" ? this.people.get(committer)! : committer
    const items: ProposalOrRef[] = [
      ...proposals.map((proposal) => ({ kind: "proposal" as const, proposal })),
      ...references.map((reference) => ({ kind: "reference" as const, reference })),
    ]
    const commit = { proposals: items, path: path ? this.#path(plan, person) : undefined }
    const sender: Sender =
      typeof committer === "number" ? { kind: "member", leafIndex: committer } : { kind: "newMemberCommit" }
    return this.#frame({ kind: "commit", commit }, sender, person.seed, plan)
  }

  #path(plan: CommitPlan, person: Person): UpdatePath {
    const edit = new TreeEdit(suite, this.tree)
    const { proposals = [], updates = [], removes = [], committer = 0 } = plan
    for (const { leaf, leafNode } of updates) edit.update(leaf, encodeLeafNode(leafNode))
    for (const leaf of removes) edit.remove(leaf)
    for (const proposal of proposals) {
      if (proposal.kind === "remove" && this.tree.hasLeaf(proposal.removed)) edit.remove(proposal.removed)
    }
    const added = new Set<number>()
    for (const proposal of proposals) {
      if (proposal.kind === "add") added.add(edit.add(encodeLeafNode(proposal.keyPackage.leafNode)))
    }
    const at = typeof committer === "number" ? committer : edit.takeBlankLeaf()
    const steps = filteredDirectPath(edit, at)
    const sealed = { kemOutput: new Uint8Array(32), ciphertext: new Uint8Array(48) }
    const nodes = steps.map(({ copathResolution }) => ({
      encryptionKey: this.key(),
      encryptedPathSecrets: copathResolution
        .filter((node) => node % 2 === 1 || !added.has(node / 2))
        .map(() => sealed),
    }))
    const changed = plan.nodes?.(nodes) ?? nodes
    edit.blankDirectPath(at)
    let above: Uint8Array = new Uint8Array(0)
    for (const [i, { copathChild }] of [...steps.entries()].reverse()) {
      const encryptionKey = changed[i]?.encryptionKey ?? above
      above = parentHash(suite, { encryptionKey, parentHash: above }, edit.hash(copathChild))
    }
    const own = person.leaf({
      encryptionKey: this.key(),
      source: { kind: "commit", parentHash: above },
    })
    const leafNode = person.signLeaf(plan.leaf?.(own) ?? own, plan.signedPlace ?? at)
    return { leafNode, nodes: changed }
  }

  #frame(content: Content, sender: Sender, seed: Uint8Array, changes: MessageChanges): Uint8Array {
    const { groupId, epoch } = this.state.context
    const plain: FramedContent = { groupId, epoch, sender, authenticatedData: utf8("aad"), content }
    const framed = changes.framed?.(plain) ?? plain
    const { kind } = framed.sender
    const signed = concat(
      Uint8Array.of(0, 1, 0, 1),
      encodeWith(framed, writeFramedContent),
      kind === "member" || kind === "newMemberCommit"
        ? encodeGroupContext(this.state.context)
        : new Uint8Array(0),
    )
    const signature = signWithLabel(suite, changes.seed ?? seed, "FramedContentTBS", signed)
    const confirmationTag = framed.content.kind === "commit" ? (changes.confirmationTag ?? TAG) : undefined
    const membershipTag = kind === "member" ? (changes.membershipTag ?? TAG) : undefined
    return encodeMlsMessage({
      kind: "publicMessage",
      message: { framed, auth: { signature, confirmationTag }, membershipTag },
    })
  }
}

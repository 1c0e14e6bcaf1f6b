import { makeContextExtensions, readContextExtensions } from "../../group/context-extensions.ts"
import { followingRoles } from "../../group/following-roles.ts"
import { encodeExtensions } from "../../mls/codec/extension.ts"
import { encodeGroupInfo } from "../../mls/codec/group-info.ts"
import { decodeKeyPackage } from "../../mls/codec/key-package.ts"
import type { Proposal } from "../../mls/codec/proposal.ts"
import { leavesRemoved } from "../../mls/group/proposal.ts"
import type { Member } from "../../mls/member/group.ts"
import type { StagedCommit as MlsStagedCommit } from "../../mls/observer/commit.ts"
import type { FlatTree } from "../../mls/tree/flat-tree.ts"
import { equal, includesBytes } from "../../wire/bytes.ts"
import {
  type CommitChange,
  type Decrypted,
  type Encrypted,
  type GroupMember,
  type Leaving,
  MemberError,
  type MemberLeaf,
  type OwnLeaf,
  type ProcessedCommit,
  type ProposedRemoval,
  type SignedGroupInfo,
  type StagedCommit,
} from "./member.ts"
import { leafOf } from "./own-leaf.ts"

/** Seconds since 1970. */
export type Now = () => bigint

/** Whatever refuses bytes of others is one refusal. */
export function refusing<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch {
    throw new MemberError(what)
  }
}

/** {@link GroupMember} by our own MLS core. */
export class OwnMember implements GroupMember {
  readonly #member: Member
  readonly #now: Now

  constructor(member: Member, now: Now) {
    this.#member = member
    this.#now = now
  }

  get groupId(): Uint8Array {
    return this.#member.context.groupId
  }

  get epoch(): bigint {
    return this.#member.context.epoch
  }

  get leaf(): number {
    return this.#member.leaf
  }

  get signatureSeed(): Uint8Array {
    return this.#member.signatureSecret
  }

  members(): MemberLeaf[] {
    return membersOf(this.#member.tree)
  }

  admins(): number[] {
    const { tree, context } = this.#member
    const { admins } = readContextExtensions(context.extensions)
    return tree.members().filter((leaf) => includesBytes(admins, tree.signatureKey(leaf)))
  }

  proposedRemovals(): ProposedRemoval[] {
    return this.#member.proposals.flatMap((one) =>
      leavesRemoved([one]).map((leaf) => ({ leaf, byItself: one.proposal.kind === "selfRemove" })),
    )
  }

  ratchetTree(): Uint8Array {
    return this.#member.tree.encode()
  }

  groupInfo(): SignedGroupInfo {
    const info = this.#member.groupInfo()
    const { signature } = info
    return { bytes: encodeGroupInfo(info), extensions: encodeExtensions(info.extensions), signature }
  }

  async commit(change: CommitChange): Promise<StagedCommit> {
    return refusing("commit", () => {
      const { authenticatedData } = change
      const removes = (change.removes ?? []).map((removed): Proposal => ({ kind: "remove", removed }))
      const adds = (change.adds ?? []).map((bytes): Proposal => {
        return { kind: "add", keyPackage: decodeKeyPackage(bytes) }
      })
      const roles =
        change.admins === undefined ? this.#followingRoles(removes, change.leaf) : this.#roles(change.admins)
      const proposals = [...removes, ...adds, ...roles]
      const leaf = change.leaf && { leaf: leafOf(change.leaf) }
      const staged = this.#member.commit({ now: this.#now(), proposals, authenticatedData, ...leaf })
      return { commit: staged.message, welcome: staged.welcome, next: this.#wrap(staged.next) }
    })
  }

  async process(message: Uint8Array): Promise<ProcessedCommit> {
    return refusing("commit of another member", () => {
      const processed = this.#member.process(message, { now: undefined })
      if (processed.kind !== "commit") throw new MemberError("content type")
      const { commit, selfRemoved, next } = processed
      return {
        next: this.#wrap(next),
        sender: commit.committerLeaf,
        external: commit.sender.kind === "new-member",
        selfRemoved,
        ...changedLeaves(commit, this.#member.tree),
        authenticatedData: commit.authenticatedData,
      }
    })
  }

  async keepProposal(message: Uint8Array): Promise<OwnMember> {
    return refusing("proposal of another member", () => {
      const processed = this.#member.process(message, { now: undefined })
      if (processed.kind !== "proposal") throw new MemberError("content type")
      return this.#wrap(processed.next)
    })
  }

  async leave(): Promise<Leaving> {
    return refusing("leaving", () => {
      const { message, next } = this.#member.propose({ kind: "selfRemove" }, { now: this.#now() })
      return { message, next: this.#wrap(next) }
    })
  }

  async encrypt(plaintext: Uint8Array): Promise<Encrypted> {
    return refusing("application message", () => {
      const { message, next, consumed } = this.#member.encrypt(plaintext)
      return { message, next: this.#wrap(next), consumed }
    })
  }

  async decrypt(message: Uint8Array): Promise<Decrypted> {
    return refusing("application message of another member", () => {
      const { plaintext, sender, epoch, next, consumed } = this.#member.decrypt(message)
      return { plaintext, sender, epoch, next: this.#wrap(next), consumed }
    })
  }

  async exporter(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    return refusing("exporter", () => this.#member.exporter(label, context, length))
  }

  serialize(): Uint8Array {
    return this.#member.serialize()
  }

  wipe(): void {
    this.#member.wipe()
  }

  #roles(leaves: readonly number[]): Proposal[] {
    const { tree, context } = this.#member
    const { removalKey } = readContextExtensions(context.extensions)
    const admins = leaves.map((leaf) => tree.signatureKey(leaf))
    return [{ kind: "groupContextExtensions", extensions: makeContextExtensions({ admins, removalKey }) }]
  }

  #followingRoles(removes: readonly Proposal[], renewed: OwnLeaf | undefined): Proposal[] {
    const { proposals, leaf, suite, tree, context } = this.#member
    const sender = { kind: "member", leafIndex: leaf } as const
    const own = removes.map((proposal) => ({ proposal, sender }))
    const removed = leavesRemoved([...proposals, ...own]).filter((one) => one !== leaf)
    const key = renewed === undefined ? tree.signatureKey(leaf) : suite.signaturePublic(renewed.signatureSeed)
    const committer = { leaf, key }
    const roles = followingRoles(context.extensions, { before: tree, removed, committer })
    return roles === undefined ? [] : [roles]
  }

  #wrap(member: Member): OwnMember {
    return new OwnMember(member, this.#now)
  }
}

/** All members of a tree, by ascending leaf index. */
export function membersOf(tree: FlatTree): MemberLeaf[] {
  return leavesAt(tree, tree.members())
}

function leavesAt(tree: FlatTree, leaves: readonly number[]): MemberLeaf[] {
  return leaves.flatMap((leaf) => {
    const node = tree.leaf(leaf)
    if (node?.credential.kind !== "basic") return []
    return [{ leaf, identity: node.credential.identity, signatureKey: node.signatureKey }]
  })
}

/**
 * Leaves that are new, in place of another or with another signature key, and those whose member is gone; only what the
 * commit touched can be. Whoever joins from outside is new, also in the place and under the key that it had before.
 */
function changedLeaves(
  commit: Pick<MlsStagedCommit, "tree" | "sender" | "committerLeaf" | "added" | "removed" | "updated">,
  before: FlatTree,
): Pick<ProcessedCommit, "added" | "removed"> {
  const { tree: after, sender, committerLeaf, removed } = commit
  if (sender.kind !== "member") return { added: leavesAt(after, [committerLeaf]), removed }
  const added = commit.added.map(({ leaf }) => leaf)
  const touched = [...new Set([...removed, ...commit.updated, ...added, committerLeaf])].sort((a, b) => a - b)
  const changed = touched.filter((leaf) => {
    const [was, is] = [before.leaf(leaf), after.leaf(leaf)]
    return was === undefined || is === undefined || !equal(was.signatureKey, is.signatureKey)
  })
  return {
    added: leavesAt(after, changed),
    removed: changed.filter((leaf) => before.leaf(leaf) !== undefined),
  }
}

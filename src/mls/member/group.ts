import { wipe } from "../../crypto/wipe.ts"
import type { Extension } from "../codec/extension.ts"
import { encodeGroupContext, type GroupContext } from "../codec/group-context.ts"
import { encodeGroupInfo, type GroupInfo } from "../codec/group-info.ts"
import type { Proposal, ReInit } from "../codec/proposal.ts"
import type { AuthenticatedProposal } from "../observer/proposal.ts"
import type { PublicGroupState } from "../observer/state.ts"
import type { CipherSuite } from "../suite.ts"
import type { FlatTree } from "../tree/flat-tree.ts"
import { decryptApplication, encryptApplication } from "./application.ts"
import { createCommit, type OwnCommitOptions } from "./commit.ts"
import { createGroup, type NewGroup } from "./create.ts"
import { groupSecrets } from "./epoch.ts"
import { type ExternalJoinOptions, joinExternal } from "./external.ts"
import { currentGroupInfo } from "./group-info.ts"
import { type JoinerKeys, type JoinOptions, joinFromWelcome, type SuccessorJoinOptions } from "./join.ts"
import { exporter } from "./key-schedule.ts"
import type { OwnLeaf } from "./leaf.ts"
import { type ProcessOptions, processHandshake } from "./process.ts"
import { type ProposeOptions, propose, proposeUpdate } from "./propose.ts"
import { type MemberState, secretsOf } from "./state.ts"
import { restoreMember, serializeMember } from "./storage.ts"
import { type BranchOptions, createBranch, createSuccessor, type SuccessorOptions } from "./successor.ts"

/** An operation's result with the member after it. */
type WithMember<T extends { readonly next: MemberState }> = T extends unknown
  ? Omit<T, "next"> & { readonly next: Member }
  : never

function wrapped<T extends { readonly next: MemberState }>(result: T): WithMember<T> {
  return { ...result, next: new Member(result.next) } as unknown as WithMember<T>
}

/**
 * One client's member of one group (RFC 9420). A value: an operation leaves the member it is called on as it is and
 * returns the next one together with `consumed`, the secrets that were used up. A caller stores the next member first
 * and overwrites `consumed` then; a commit that loses its epoch is thrown away instead, without overwriting anything.
 *
 * Everything that an observer checks is checked, and what needs secrets besides: membership and confirmation tags, and
 * that paths open to the keys they state. Whether credentials belong to whom they name, and whether the client is in the
 * group already, is the caller's to check. Methods throw MlsError, and then nothing has changed.
 */
export class Member {
  readonly #state: MemberState

  /** For this folder; others use {@link create}, {@link join}, {@link joinExternal} and {@link restore}. */
  constructor(state: MemberState) {
    this.#state = state
  }

  /** A group of one, at epoch 0. */
  static create(suite: CipherSuite, group: NewGroup): Member {
    return new Member(createGroup(suite, group))
  }

  /** Joins by a Welcome (RFC 9420 section 12.4.3.1) to a group that does not come from another one. */
  static join(suite: CipherSuite, welcome: Uint8Array, keys: JoinerKeys, options: JoinOptions = {}): Member {
    return new Member(joinFromWelcome(suite, welcome, keys, options))
  }

  /** Joins by an external commit (RFC 9420 section 12.4.3.2), which takes effect when it is accepted. */
  static joinExternal(
    suite: CipherSuite,
    groupInfo: Uint8Array,
    options: ExternalJoinOptions,
  ): { readonly message: Uint8Array; readonly next: Member } {
    return wrapped(joinExternal(suite, groupInfo, options))
  }

  /** Throws MlsError on what {@link serialize} did not make. */
  static restore(suite: CipherSuite, bytes: Uint8Array): Member {
    return new Member(restoreMember(suite, bytes))
  }

  /** Everything, secrets included; the caller's to wipe. */
  serialize(): Uint8Array {
    return serializeMember(this.#state)
  }

  /** Overwrites every secret; nothing can be done with the member any more, nor with others that share its secrets. */
  wipe(): void {
    const { secrets, signatureSecret } = this.#state
    wipe(signatureSecret, ...(secrets === undefined ? [] : groupSecrets(secrets)))
  }

  get suite(): CipherSuite {
    return this.#state.suite
  }

  get context(): GroupContext {
    return this.#state.group.context
  }

  /** What an observer knows of the epoch. */
  get group(): PublicGroupState {
    return this.#state.group
  }

  get tree(): FlatTree {
    return this.#state.tree
  }

  /** The own leaf index. */
  get leaf(): number {
    return this.#state.leaf
  }

  /** The secret of the own leaf's signature key; the member's, not a copy. */
  get signatureSecret(): Uint8Array {
    return this.#state.signatureSecret
  }

  /** Whether this member was not removed. */
  get isMember(): boolean {
    return this.#state.secrets !== undefined
  }

  /** Whether the group was reinitialized and takes no more commits (RFC 9420 section 11.2). */
  get isReinitialized(): boolean {
    return this.#state.reInit !== undefined
  }

  /** What the group was reinitialized with: the parameters of its successor. */
  get reInit(): ReInit | undefined {
    return this.#state.reInit
  }

  /** The proposals of this epoch, own ones included. */
  get proposals(): readonly AuthenticatedProposal[] {
    return [...secretsOf(this.#state).proposals.values()]
  }

  /** Makes a commit, which takes effect when it is accepted. */
  commit(options: OwnCommitOptions) {
    return wrapped(createCommit(this.#state, options))
  }

  /** Proposes a change for this epoch. */
  propose(proposal: Proposal, options: ProposeOptions) {
    return wrapped(propose(this.#state, proposal, options))
  }

  /** Proposes a fresh own leaf, saying what `content` says if it is given. */
  proposeUpdate(options: ProposeOptions, content?: OwnLeaf) {
    return wrapped(proposeUpdate(this.#state, content, options))
  }

  /** Processes a Proposal or Commit of somebody else. */
  process(message: Uint8Array, options: ProcessOptions) {
    return wrapped(processHandshake(this.#state, message, options))
  }

  /** Encrypts application data (RFC 9420 section 6.3). */
  encrypt(plaintext: Uint8Array, authenticatedData: Uint8Array = new Uint8Array(0)) {
    return wrapped(encryptApplication(this.#state, plaintext, authenticatedData))
  }

  /** Opens application data of this epoch or one of the last ones; each message opens once. */
  decrypt(message: Uint8Array) {
    return wrapped(decryptApplication(this.#state, message))
  }

  /**
   * Creates the group that succeeds this one after a ReInit, with its parameters and the same clients (RFC 9420 section
   * 11.2). `suite` is the ReInit's. The other members join it by {@link joinSuccessor}.
   */
  createSuccessor(suite: CipherSuite, options: SuccessorOptions) {
    return wrapped(createSuccessor(this.#state, suite, options))
  }

  /** Joins the group that succeeds this one after a ReInit (RFC 9420 section 11.2), by its Welcome. */
  joinSuccessor(suite: CipherSuite, welcome: Uint8Array, keys: JoinerKeys, options: SuccessorJoinOptions) {
    const { clientOf, ...rest } = options
    const parent = { usage: "reinit", state: this.#state, clientOf } as const
    return new Member(joinFromWelcome(suite, welcome, keys, rest, parent))
  }

  /** Creates a group of some of this one's clients (RFC 9420 section 11.3). They join it by {@link joinBranch}. */
  createBranch(options: BranchOptions) {
    return wrapped(createBranch(this.#state, options))
  }

  /** Joins a group of some of this one's clients (RFC 9420 section 11.3), by its Welcome. */
  joinBranch(welcome: Uint8Array, keys: JoinerKeys, options: SuccessorJoinOptions): Member {
    const { clientOf, ...rest } = options
    const parent = { usage: "branch", state: this.#state, clientOf } as const
    return new Member(joinFromWelcome(this.#state.suite, welcome, keys, rest, parent))
  }

  /** The GroupInfo of this epoch with `external_pub` and these other extensions, without the tree unless given. */
  groupInfo(extensions: readonly Extension[] = []): GroupInfo {
    return currentGroupInfo(this.#state, extensions)
  }

  /** {@link groupInfo} as bytes. */
  encodedGroupInfo(extensions: readonly Extension[] = []): Uint8Array {
    return encodeGroupInfo(this.groupInfo(extensions))
  }

  encodedContext(): Uint8Array {
    return encodeGroupContext(this.context)
  }

  /** MLS-Exporter (RFC 9420 section 8.5). */
  exporter(label: string, context: Uint8Array, length: number): Uint8Array {
    const { suite } = this.#state
    return exporter(suite, secretsOf(this.#state).epoch.exporter, label, context, length)
  }

  /** The epoch authenticator (RFC 9420 section 8.7), as a copy. */
  epochAuthenticator(): Uint8Array {
    return secretsOf(this.#state).epoch.authenticator.slice()
  }

  /** The resumption PSK of an epoch that is still kept (RFC 9420 section 8.6), as a copy. */
  resumptionPsk(epoch: bigint): Uint8Array | undefined {
    return secretsOf(this.#state)
      .resumptions.find((kept) => kept.epoch === epoch)
      ?.psk.slice()
  }
}

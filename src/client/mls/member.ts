/**
 * One client's side of MLS (RFC 9420) as the rest of the library needs it. Everything is values: an operation leaves
 * the member it was called on as it is and returns the next one, so that the caller can write the next state to its
 * store before it is used, and can throw away a commit that lost its epoch.
 *
 * Commits and proposals are PublicMessages, application messages PrivateMessages. All byte strings are RFC 9420
 * encodings. Methods throw {@link MemberError} on what does not verify.
 */
export interface GroupMember {
  readonly groupId: Uint8Array
  readonly epoch: bigint
  /** Own leaf index. */
  readonly leaf: number
  /** The seed of the own leaf's signature key; signs requests to the DS as well. */
  readonly signatureSeed: Uint8Array
  /** All members, by ascending leaf index. */
  members(): MemberLeaf[]
  /** Leaf indices of the admins. */
  admins(): number[]
  /** Members of whom a proposal of this epoch says that they go. */
  proposedRemovals(): ProposedRemoval[]
  /** GroupInfo of this epoch, for the DS: with `external_pub`, without the tree. */
  groupInfo(): SignedGroupInfo
  /** `ratchet_tree` of this epoch. */
  ratchetTree(): Uint8Array

  /** A commit that takes effect for the others when the DS accepts it, and here when `next` replaces this member. */
  commit(change: CommitChange): Promise<StagedCommit>
  /** Processes another member's commit. A member that it removes gets `removed`. */
  process(message: Uint8Array): Promise<ProcessedCommit>
  /** Keeps a proposal of another member or the DS; the next commit of this epoch refers to it. */
  keepProposal(message: Uint8Array): Promise<GroupMember>
  /** A proposal by which this member leaves when another one commits it. */
  leave(): Promise<Leaving>
  encrypt(plaintext: Uint8Array): Promise<Encrypted>
  /** Opens an application message of this epoch or one of the last few; each opens only once. */
  decrypt(message: Uint8Array): Promise<Decrypted>

  /** MLS-Exporter (RFC 9420 section 8.5). */
  exporter(label: string, context: Uint8Array, length: number): Promise<Uint8Array>
  /** Everything, secrets included. */
  serialize(): Uint8Array
  /** Overwrites every secret; nothing can be done with the member any more. */
  wipe(): void
}

export interface MemberLeaf {
  readonly leaf: number
  /** Identity of the basic credential. */
  readonly identity: Uint8Array
  readonly signatureKey: Uint8Array
}

export interface ProposedRemoval {
  readonly leaf: number
  /** The member wants to leave; else the DS proposed it. */
  readonly byItself: boolean
}

export interface SignedGroupInfo {
  readonly bytes: Uint8Array
  /** `Extension extensions<V>`, with `external_pub`. */
  readonly extensions: Uint8Array
  readonly signature: Uint8Array
}

export interface CommitChange {
  /** KeyPackages. */
  readonly adds?: readonly Uint8Array[]
  /** Leaf indices. */
  readonly removes?: readonly number[]
  /** Leaf indices of those who are admins from then on; without it, the roles follow who stays. */
  readonly admins?: readonly number[]
  /** The own leaf from now on, in the place of the one before. */
  readonly leaf?: OwnLeaf
  readonly authenticatedData: Uint8Array
}

export interface StagedCommit {
  /** MLSMessage. */
  readonly commit: Uint8Array
  /** MLSMessage, if somebody is added. */
  readonly welcome: Uint8Array | undefined
  readonly next: GroupMember
}

export interface ProcessedCommit {
  readonly next: GroupMember
  readonly sender: number
  /** The sender joined by this commit. */
  readonly external: boolean
  /** This member is no longer part of the group; `next` can do nothing any more. */
  readonly selfRemoved: boolean
  /** Leaves that are new, in place of another or with another signature key. */
  readonly added: readonly MemberLeaf[]
  /** Leaf indices whose member is gone; may be among `added` as well. */
  readonly removed: readonly number[]
  readonly authenticatedData: Uint8Array
}

export interface Leaving {
  /** MLSMessage. */
  readonly message: Uint8Array
  readonly next: GroupMember
}

export interface Encrypted {
  /** MLSMessage. */
  readonly message: Uint8Array
  readonly next: GroupMember
  /** Keys that were used up, to be overwritten once `next` is stored. */
  readonly consumed: readonly Uint8Array[]
}

export interface Decrypted {
  readonly plaintext: Uint8Array
  readonly sender: number
  readonly epoch: bigint
  readonly next: GroupMember
  /** Keys that were used up, to be overwritten once `next` is stored. */
  readonly consumed: readonly Uint8Array[]
}

/** The leaf with which a client enters one group. */
export interface OwnLeaf {
  readonly identity: Uint8Array
  readonly signatureSeed: Uint8Array
}

export interface NewGroup {
  readonly groupId: Uint8Array
  /** The DS's key in this group, as it came with the id. */
  readonly removalKey: Uint8Array
  readonly leaf: OwnLeaf
  /** Seconds since 1970. */
  readonly lifetime: { readonly notBefore: number; readonly notAfter: number }
}

export interface KeyPackageOptions {
  readonly leaf: OwnLeaf
  /** Seconds since 1970. */
  readonly lifetime: { readonly notBefore: number; readonly notAfter: number }
  readonly extensions: readonly { readonly type: number; readonly data: Uint8Array }[]
}

export interface OwnKeyPackage {
  readonly keyPackage: Uint8Array
  readonly ref: Uint8Array
  readonly secrets: KeyPackageSecrets
}

export interface KeyPackageSecrets {
  readonly initKey: Uint8Array
  readonly encryptionKey: Uint8Array
  readonly signatureSeed: Uint8Array
}

/** Ways to become a member. */
export interface Membership {
  keyPackage(options: KeyPackageOptions): Promise<OwnKeyPackage>
  /** A group of one, at epoch 0, whose creator is its admin. */
  create(group: NewGroup): Promise<GroupMember>
  /** `welcome` is an MLSMessage; the tree comes from the DS and is verified against it. */
  joinFromWelcome(
    welcome: Uint8Array,
    own: { readonly keyPackage: Uint8Array; readonly secrets: KeyPackageSecrets },
    ratchetTree: Uint8Array,
  ): Promise<GroupMember>
  /**
   * An external commit; it takes effect when the DS accepts it. `groupInfo` is a bare GroupInfo, `replaces` the leaf that
   * the client had before.
   */
  joinExternal(
    groupInfo: Uint8Array,
    ratchetTree: Uint8Array,
    leaf: OwnLeaf,
    authenticatedData: Uint8Array,
    replaces?: number,
  ): Promise<StagedCommit>
  /** All members in a `ratchet_tree`, by ascending leaf index; nothing vouches for any of it. */
  membersOf(ratchetTree: Uint8Array): MemberLeaf[]
  /** Throws MemberError on what {@link GroupMember.serialize} did not make. */
  restore(state: Uint8Array): GroupMember
}

/** A message, tree or state does not verify. The message says which kind of thing and never holds any of it. */
export class MemberError extends Error {
  override readonly name = "MemberError"
}

import type { Extension } from "../../src/mls/codec/extension.ts"
import type { Lifetime } from "../../src/mls/codec/leaf-node.ts"

/** A client in a group or on its way there, whichever implementation of MLS it is of. All byte strings are RFC 9420's. */

export interface GroupInfoUpdate {
  /** `Extension extensions<V>`, external_pub alone. */
  readonly extensions: Uint8Array
  readonly signature: Uint8Array
}

export interface CommitContents {
  /** KeyPackages. */
  readonly add?: readonly Uint8Array[]
  /** Leaves. */
  readonly remove?: readonly number[]
  readonly authenticatedData?: Uint8Array
}

/** A commit that was made and not yet taken for accepted. */
export interface Pending {
  readonly commit: Uint8Array
  /** If somebody is added. */
  readonly welcome: Uint8Array | undefined
  readonly groupInfo: GroupInfoUpdate
  /** The member after the server's yes. */
  accept(): void
}

/** A member; each operation but a commit changes it. */
export interface Participant {
  readonly leaf: number
  readonly epoch: bigint
  /** Whether it was not removed. */
  readonly isMember: boolean
  /** Ed25519 seed of the own leaf. */
  readonly seed: Uint8Array
  commit(contents?: CommitContents): Promise<Pending>
  proposeRemove(leaf: number): Promise<Uint8Array>
  /** Processes another's commit or proposal. */
  process(handshake: Uint8Array): Promise<void>
  encrypt(text: string): Promise<Uint8Array>
  decrypt(message: Uint8Array): Promise<string>
  groupInfo(): Promise<Uint8Array>
  ratchetTree(): Promise<Uint8Array>
  /** What all members of an epoch have in common and nobody else: GroupContext, tree and an exported secret. */
  agreement(): Promise<string>
}

/** A member after an external commit, and that commit. */
export interface Joining extends Pick<Pending, "commit" | "groupInfo"> {
  readonly member: Participant
}

/** A client that is not in a group yet. */
export interface Candidate {
  readonly name: string
  /** Ed25519 seed of its leaf. */
  readonly seed: Uint8Array
  readonly keyPackage: Uint8Array
  readonly ref: Uint8Array
  /** HPKE secret key of the KeyPackage. */
  readonly initSecretKey: Uint8Array
  /** `extensions` are the GroupContext's. */
  create(groupId: Uint8Array, extensions?: readonly Extension[]): Promise<Participant>
  join(welcome: Uint8Array, ratchetTree: Uint8Array): Promise<Participant>
  joinExternally(
    groupInfo: Uint8Array,
    ratchetTree: Uint8Array,
    authenticatedData: Uint8Array,
  ): Promise<Joining>
}

export type MakeCandidate = (
  name: string,
  lifetime: Lifetime,
  /** Of the KeyPackage. */
  extensions?: readonly Extension[],
) => Promise<Candidate>

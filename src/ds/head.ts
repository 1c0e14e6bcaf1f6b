import { FORMAT_VERSION, HASH_BYTES, KEY_BYTES } from "../limits.ts"
import {
  decodeExtensions,
  encodeGroupInfo,
  type PublicGroupState,
  readPublicGroupState,
  writePublicGroupState,
} from "../mls/index.ts"
import { CodecError, decodeAll, type Reader, type Writer } from "../wire/tls.ts"
import { type HeadLeaf, readMembers, writeMembers } from "./members.ts"
import { readStoredProposal, type StoredProposal, writeStoredProposal } from "./proposal-store.ts"

/**
 * The head of a group: what sending a message needs, and what the DS must know of an epoch besides its tree
 * (docs/protocol.md section 5.1). Sealed with EAR; in TLS presentation language:
 *
 *     struct { u8 version; u64 tree_writes; optional<LastCommit> last_commit; opaque secret[32]; PublicGroupState state;
 *              opaque group_info_extensions<V>; u32 group_info_signer; opaque group_info_signature<V>;
 *              HeadLeaf leaves<V>; StoredProposal proposals<V>; } Head
 */
export interface Head {
  /** How often the tree was written. Associated data of the tree's seal, so neither record can be put back alone. */
  readonly treeWrites: bigint
  /** Undefined until the first commit. */
  readonly lastCommit: LastCommit | undefined
  /** The DS's own in this group (group-secret.ts). */
  readonly secret: Uint8Array
  readonly state: PublicGroupState
  readonly groupInfo: GroupInfoRest
  /** The members, in the order of their leaves. */
  readonly leaves: readonly HeadLeaf[]
  /** The proposal store, in the order of arrival. */
  readonly proposals: readonly StoredProposal[]
}

/**
 * The commit that led into the current epoch: a client that lost the answer may repeat it, signed with the key it had.
 *
 *     struct { opaque hash[32]; u32 leaf; opaque request_key<V>; } LastCommit
 */
export interface LastCommit {
  /** SHA-256 over the operation's name and the MLSMessage. */
  readonly hash: Uint8Array
  /** The leaf that signed the request; of somebody who joined from outside, the new one. */
  readonly leaf: number
  /** The key that signed the request: the committer's before the commit. */
  readonly requestKey: Uint8Array
}

/** What makes a GroupInfo of {@link PublicGroupState}. */
export interface GroupInfoRest {
  /** `Extension extensions<V>`, as the committer sent them. */
  readonly extensions: Uint8Array
  readonly signer: number
  readonly signature: Uint8Array
}

/** Writes a head. Writers of records are the caller's to wipe. */
export function writeHead(writer: Writer, head: Head): void {
  writer.u8(FORMAT_VERSION).u64(head.treeWrites)
  writer.optional(head.lastCommit, (w, last) => w.raw(last.hash).u32(last.leaf).opaque(last.requestKey))
  writer.raw(head.secret)
  writePublicGroupState(writer, head.state)
  writer.opaque(head.groupInfo.extensions).u32(head.groupInfo.signer).opaque(head.groupInfo.signature)
  writeMembers(writer, head.leaves)
  writer.vector(head.proposals, writeStoredProposal)
}

/** Values are views of `bytes`. Throws CodecError, which only a defect of the server can cause: records are sealed. */
export function decodeHead(bytes: Uint8Array): Head {
  return decodeAll(bytes, (reader) => {
    if (reader.u8() !== FORMAT_VERSION) throw new CodecError("head version")
    return {
      treeWrites: reader.u64(),
      lastCommit: reader.optional(readLastCommit),
      secret: reader.raw(KEY_BYTES),
      state: readPublicGroupState(reader),
      groupInfo: { extensions: reader.opaque(), signer: reader.u32(), signature: reader.opaque() },
      leaves: readMembers(reader),
      proposals: reader.vector(readStoredProposal),
    }
  })
}

function readLastCommit(reader: Reader): LastCommit {
  return { hash: reader.raw(HASH_BYTES), leaf: reader.u32(), requestKey: reader.opaque() }
}

/** The current epoch's GroupInfo, encoded; its signature was checked when the head was written. */
export function groupInfoOf({ state, groupInfo }: Head): Uint8Array {
  return encodeGroupInfo({
    groupContext: state.context,
    extensions: decodeExtensions(groupInfo.extensions),
    confirmationTag: state.confirmationTag,
    signer: groupInfo.signer,
    signature: groupInfo.signature,
  })
}

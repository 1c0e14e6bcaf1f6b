import { discard } from "../crypto/wipe.ts"
import { FORMAT_VERSION } from "../limits.ts"
import { FlatTree } from "../mls/index.ts"
import { CodecError, decodeAll, type Writer } from "../wire/tls.ts"
import {
  changeCredentials,
  type EncryptedCredentials,
  readCredentials,
  writeCredentials,
} from "./credentials.ts"
import { type EpochRecord, readEpochRecord, undosBackTo, writeEpochRecord } from "./history.ts"

/**
 * The tree record of a group: what commits and joiners need and messages do not (docs/protocol.md section 5.1). Sealed
 * with EAR; in TLS presentation language:
 *
 *     struct { u8 version; opaque tree<V>; EncryptedCredential credentials<V>; EpochRecord history<V>; } TreeRecord
 *
 * `tree` is {@link FlatTree}'s own form: the ratchet tree's bytes with their index and node hashes.
 */
export interface TreeRecord {
  readonly tree: FlatTree
  readonly credentials: EncryptedCredentials
  readonly history: readonly EpochRecord[]
}

/** What somebody needs to know of an epoch to join it. */
export type TreeOfEpoch = Pick<TreeRecord, "tree" | "credentials">

/** Writes a tree record. Writers of records are the caller's to wipe. */
export function writeTreeRecord(writer: Writer, record: TreeRecord): void {
  const { tree } = record
  tree.writeSnapshot(writer.u8(FORMAT_VERSION).vectorHeader(tree.snapshotBytes))
  writeCredentials(writer, record.credentials)
  writer.vector(record.history, writeEpochRecord)
}

/** Values are views of `bytes`. Throws CodecError, which only a defect of the server can cause: records are sealed. */
export function decodeTreeRecord(bytes: Uint8Array): TreeRecord {
  return decodeAll(bytes, (reader) => {
    if (reader.u8() !== FORMAT_VERSION) throw new CodecError("tree record version")
    return {
      tree: FlatTree.load(reader.opaque()),
      credentials: readCredentials(reader),
      history: reader.vector(readEpochRecord),
    }
  })
}

/** The tree and credentials of an epoch that is in the record's history. The tree is the caller's to wipe. */
export function revertTo(record: TreeRecord, epoch: bigint): TreeOfEpoch {
  let { tree, credentials } = record
  for (const undo of undosBackTo(record.history, epoch)) {
    const later = tree
    tree = later.revert(undo.tree)
    if (later !== record.tree) wipeTree(later)
    credentials = changeCredentials(credentials, undo.credentials).credentials
  }
  return { tree, credentials }
}

/** Overwrites a tree of this request's own: one that shares no bytes with a record that is still needed. */
export function wipeTree({ parts }: FlatTree): void {
  discard(parts.bytes, parts.hashes)
}

import { decodeAll, encodeWith } from "../../wire/tls.ts"
import { SUITE_HASH_BYTES } from "../codec/protocol.ts"
import { check, decoding } from "../error.ts"
import { rules } from "../rules.ts"
import { nodeCount, widthFor } from "./math.ts"

/** What one commit changed in a tree, as it was before: enough to get the old tree back without hashing. */
export interface UndoLog {
  readonly leafWidth: number
  /** The old `optional<Node>` of each changed node. */
  readonly entries: ReadonlyMap<number, Uint8Array>
  /** The old tree hash of each node whose hash changed or that the new tree no longer has. */
  readonly hashes: ReadonlyMap<number, Uint8Array>
}

const UNDO_VERSION = 1

export function writeUndo(log: UndoLog): Uint8Array {
  return encodeWith(log, (writer, value) =>
    writer
      .u8(UNDO_VERSION)
      .u32(value.leafWidth)
      .vector(value.entries, (w, [node, entry]) => w.u32(node).opaque(entry))
      .vector(value.hashes, (w, [node, hash]) => w.u32(node).raw(hash)),
  )
}

/** Throws MlsError unless the log has the shape {@link writeUndo} gives it. */
export function readUndo(bytes: Uint8Array): UndoLog {
  const log = decoding(
    () =>
      decodeAll(bytes, (reader) => ({
        version: reader.u8(),
        leafWidth: reader.u32(),
        entries: new Map(reader.vector((r) => [r.u32(), r.opaque()] as const)),
        hashes: new Map(reader.vector((r) => [r.u32(), r.raw(SUITE_HASH_BYTES)] as const)),
      })),
    rules.snapshot,
  )
  check(log.version === UNDO_VERSION && log.leafWidth === widthFor(log.leafWidth), rules.snapshot)
  const count = nodeCount(log.leafWidth)
  for (const node of [...log.entries.keys(), ...log.hashes.keys()]) check(node < count, rules.snapshot)
  return log
}

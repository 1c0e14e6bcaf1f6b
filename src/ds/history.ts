import { HASH_BYTES, HISTORY_BYTES_MAX, HISTORY_EPOCHS_MAX } from "../limits.ts"
import { equal } from "../wire/bytes.ts"
import type { Reader, Writer } from "../wire/tls.ts"
import { type CredentialChange, readChange, writeChange } from "./credentials.ts"

/**
 * What joiners of earlier epochs still need (docs/protocol.md section 5.1): an undo log back to the oldest epoch that
 * somebody has to join, not copies of the tree. It is empty when nobody is awaited. Otherwise it is contiguous, begins
 * with an epoch that has joiners and ends with the current one.
 *
 *     struct { u64 epoch; Joiner joiners<V>; optional<Undo> undo; } EpochRecord
 */
export interface EpochRecord {
  readonly epoch: bigint
  /** Who was added by the commit that led into this epoch and has not been seen to be in it. */
  readonly joiners: readonly Joiner[]
  /** Takes back the commit that ended this epoch; undefined in the current one. */
  readonly undo: Undo | undefined
}

/** `struct { opaque ref[32]; u32 leaf; opaque signature_key<V>; u64 not_after; } Joiner` */
export interface Joiner {
  /** KeyPackageRef. */
  readonly ref: Uint8Array
  readonly leaf: number
  readonly signatureKey: Uint8Array
  /** End of the KeyPackage's lifetime, in seconds since 1970. */
  readonly notAfter: bigint
}

/** `struct { opaque tree<V>; CredentialChange credentials<V>; } Undo` */
export interface Undo {
  readonly tree: Uint8Array
  readonly credentials: readonly CredentialChange[]
}

export function writeEpochRecord(writer: Writer, record: EpochRecord): void {
  writer.u64(record.epoch)
  writer.vector(record.joiners, (w, joiner) =>
    w.raw(joiner.ref).u32(joiner.leaf).opaque(joiner.signatureKey).u64(joiner.notAfter),
  )
  writer.optional(record.undo, (w, undo) => w.opaque(undo.tree).vector(undo.credentials, writeChange))
}

export function readEpochRecord(reader: Reader): EpochRecord {
  return {
    epoch: reader.u64(),
    joiners: reader.vector((r) => ({
      ref: r.raw(HASH_BYTES),
      leaf: r.u32(),
      signatureKey: r.opaque(),
      notAfter: r.u64(),
    })),
    undo: reader.optional((r) => ({ tree: r.opaque(), credentials: r.vector(readChange) })),
  }
}

/** A commit as the log sees it. */
export interface Step {
  /** The epoch the commit leads into. */
  readonly epoch: bigint
  readonly undo: Undo
  readonly joiners: readonly Joiner[]
  /** Leaves whose joiners need no more: the committer, who has joined, and those who were removed. */
  readonly settled: readonly number[]
  /** Seconds since 1970. */
  readonly now: bigint
}

/** The log after a commit. */
export function recordCommit(history: readonly EpochRecord[], step: Step): EpochRecord[] {
  const settled = new Set(step.settled)
  const awaited = (joiner: Joiner) => !settled.has(joiner.leaf) && joiner.notAfter >= step.now
  const records: EpochRecord[] = history.map((record) => ({
    ...record,
    joiners: record.joiners.filter(awaited),
    undo: record.undo ?? step.undo,
  }))
  records.push({ epoch: step.epoch, joiners: step.joiners, undo: undefined })
  return records.slice(oldestAwaited(records))
}

function oldestAwaited(records: readonly EpochRecord[]): number {
  let first = records.length
  let bytes = 0
  for (let i = records.length - 1; i >= 0 && records.length - i <= HISTORY_EPOCHS_MAX; i--) {
    const { joiners, undo } = records[i] as EpochRecord
    bytes += undo === undefined ? 0 : undoBytes(undo)
    if (bytes > HISTORY_BYTES_MAX) break
    if (joiners.length > 0) first = i
  }
  return first
}

function undoBytes(undo: Undo): number {
  return undo.credentials.reduce((sum, change) => sum + (change.credential?.length ?? 0), undo.tree.length)
}

/** Who still has to join an epoch with this KeyPackage; `now` in seconds since 1970. */
export function findJoiner(
  history: readonly EpochRecord[],
  epoch: bigint,
  ref: Uint8Array,
  now: bigint,
): Joiner | undefined {
  const record = history.find((candidate) => candidate.epoch === epoch)
  return record?.joiners.find((joiner) => equal(joiner.ref, ref) && joiner.notAfter >= now)
}

/** How to get back from the current epoch to an earlier one in the log, newest step first. */
export function undosBackTo(history: readonly EpochRecord[], epoch: bigint): Undo[] {
  const undos: Undo[] = []
  for (const record of history) {
    if (record.epoch >= epoch && record.undo !== undefined) undos.push(record.undo)
  }
  return undos.reverse()
}

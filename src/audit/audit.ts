import { linkingChecks } from "./attacks/checks.ts"
import { type SocialGraph, socialGraph } from "./attacks/social-graph.ts"
import { changedRows, growth } from "./checks/changed-rows.ts"
import { counts } from "./checks/counts.ts"
import { otherFiles, permissions, schema, secretsInside } from "./checks/files.ts"
import { keptBytes } from "./checks/kept-bytes.ts"
import { knownThings } from "./checks/known.ts"
import { cellOrder, engineTables, rowIds } from "./checks/order.ts"
import { freshRows, log, residue } from "./checks/remains.ts"
import { repeated } from "./checks/repeated.ts"
import { columnTimes, fileTimes } from "./checks/times.ts"
import { cameTogether } from "./checks/together.ts"
import { counters, lengths, randomness } from "./checks/values.ts"
import { type Interval, intervalsOf } from "./copies/intervals.ts"
import { requireSequence } from "./copies/sequence.ts"
import { readSnapshot, type Snapshot } from "./evidence.ts"
import type { Check, Finding } from "./finding.ts"
import { type Seen, whatIsSeen } from "./seen.ts"
import type { Truth } from "./truth.ts"

/** What an audit came to. */
export interface Audit {
  readonly directories: readonly string[]
  /** Of the last directory. */
  readonly seen: readonly Seen[]
  readonly findings: readonly (Finding & { readonly question: string })[]
  /** If the truth is known. */
  readonly graph?: SocialGraph | undefined
}

export interface AuditOptions {
  /** Data directories, backups or single databases, oldest first. */
  readonly paths: readonly string[]
  /** What only clients should have. */
  readonly known: readonly Uint8Array[]
  /** Who is who: what attempts to link people are scored against. */
  readonly truth?: Truth | undefined
  /** The truth in the names that a snapshot has for veiled rows. Not given: it is in these names. */
  readonly names?: ((truth: Truth, snapshot: Snapshot) => Truth) | undefined
}

/**
 * Plays the snapshot adversary: reads what lies in the directories without SQLite, and tries to learn more from it than the
 * server promises. Throws CannotLook.
 */
export function audit({ paths, ...options }: AuditOptions): Audit {
  return auditOf(paths.map(readSnapshot), options)
}

/** The same of what was read already; oldest first. */
export function auditOf(
  snapshots: readonly Snapshot[],
  { known, truth: given, names = (truth) => truth }: Omit<AuditOptions, "paths">,
): Audit {
  const directories = snapshots.map(({ directory }) => directory)
  const last = snapshots.at(-1) as Snapshot
  const truth = given && names(given, last)
  const intervals = intervalsOf(snapshots)
  requireSequence(snapshots, intervals)
  const checks = [
    ...checksFor(known),
    ...(intervals.length === 0 ? [] : copyChecks(intervals)),
    ...(truth === undefined ? [] : linkingChecks(truth)),
  ]
  const findings = checks.map(({ id, question, ...check }) => ({
    id,
    question,
    ...check.run(snapshots),
  }))
  const graph = truth && socialGraph(snapshots, truth)
  return { directories, seen: whatIsSeen(last), findings, graph }
}

/** Every attempt at several copies that needs no truth. */
export function copyChecks(intervals: readonly Interval[]): readonly Check[] {
  return [
    counts(intervals),
    changedRows(intervals),
    growth(intervals),
    cameTogether(intervals),
    keptBytes(intervals),
  ]
}

/** Every attempt at one copy that needs no truth, in the order of the report. */
export function checksFor(known: readonly Uint8Array[]): readonly Check[] {
  return [
    schema,
    otherFiles,
    secretsInside,
    permissions,
    fileTimes,
    rowIds,
    cellOrder,
    engineTables,
    log,
    freshRows,
    residue,
    counters,
    columnTimes,
    lengths,
    randomness,
    repeated,
    knownThings(known),
  ]
}

/** Whether everything held. */
export function holds({ findings }: Audit): boolean {
  return findings.every(({ pass }) => pass)
}

import type { DeliveryTally } from "./delivery.ts"

/** What a simulation did, so that a test can see that it did something of everything. */
export interface Tally extends DeliveryTally {
  /** What members did: handshakes, accepted or not, letters, joins and restarts. */
  operations: number
  epochs: number
  /** Members at once. */
  most: number
  adds: number
  removes: number
  externals: number
  resyncs: number
  proposals: number
  updates: number
  psks: number
  selfRemoves: number
  custom: number
  successors: number
  branches: number
  lostCommits: number
  /** Handshakes made in an epoch that was over for the server. */
  stale: number
  letters: number
  late: number
  restarts: number
}

export function newTally(): Tally {
  return {
    operations: 0,
    epochs: 0,
    most: 1,
    adds: 0,
    removes: 0,
    externals: 0,
    resyncs: 0,
    proposals: 0,
    updates: 0,
    psks: 0,
    selfRemoves: 0,
    custom: 0,
    successors: 0,
    branches: 0,
    lostCommits: 0,
    stale: 0,
    letters: 0,
    late: 0,
    restarts: 0,
    lost: 0,
    early: 0,
    tardy: 0,
    repeated: 0,
  }
}

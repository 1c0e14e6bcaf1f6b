import {
  ACKNOWLEDGED_ENTRIES_PER_UNIT_MAX,
  CHAIN_AGE_HOURS_MAX,
  CHAIN_ENTRIES_MAX,
  CHAIN_SLOTS_RESERVED,
  CHAINS_IN_MEMORY_MAX,
  CHAINS_PER_QUEUE_MAX,
  QUEUE_ENTRIES_MAX,
  QUEUE_RETENTION_MONTHS,
  STREAM_WINDOW_ENTRIES,
} from "../limits.ts"

/** What a queue engine keeps to; see src/limits.ts for the meaning of each. */
export interface QueueLimits {
  readonly slotsReserved: number
  /** At most {@link CHAINS_PER_QUEUE_MAX}: the record has room for no more. */
  readonly chainsPerQueueMax: number
  readonly chainEntriesMax: number
  /** Entries that a chain never exceeds, even if there is no room for another. */
  readonly chainEntriesHardMax: number
  readonly chainAgeMilliseconds: number
  readonly queueEntriesMax: number
  readonly chainsInMemoryMax: number
  readonly retentionMonths: number
  readonly acknowledgedPerUnitMax: number
  readonly streamWindowEntries: number
}

export const defaultQueueLimits: QueueLimits = {
  slotsReserved: CHAIN_SLOTS_RESERVED,
  chainsPerQueueMax: CHAINS_PER_QUEUE_MAX,
  chainEntriesMax: CHAIN_ENTRIES_MAX,
  chainEntriesHardMax: 4 * CHAIN_ENTRIES_MAX,
  chainAgeMilliseconds: CHAIN_AGE_HOURS_MAX * 3_600_000,
  queueEntriesMax: QUEUE_ENTRIES_MAX,
  chainsInMemoryMax: CHAINS_IN_MEMORY_MAX,
  retentionMonths: QUEUE_RETENTION_MONTHS,
  acknowledgedPerUnitMax: ACKNOWLEDGED_ENTRIES_PER_UNIT_MAX,
  streamWindowEntries: STREAM_WINDOW_ENTRIES,
}

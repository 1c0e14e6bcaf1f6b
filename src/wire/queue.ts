import { Type } from "@sinclair/typebox"
import {
  CHAIN_ENTRIES_MAX,
  CHAIN_SLOTS,
  CHAINS_PER_QUEUE_MAX,
  CURSORS_PER_REQUEST_MAX,
  DEQUEUE_ENTRIES_MAX,
  STARTS_PER_ANSWER_MAX,
} from "../limits.ts"
import { boundedBytes, Count, closed, Id, SecretKey } from "./endpoint.ts"

/** Months since January 2020, as in chain starts; names the pool's partition. */
export const Month = Count(65_535, "months since January 2020")

const EntryIndex = Count(CHAIN_ENTRIES_MAX * 4, "index of an entry in its chain")

/** A chain that the owner wants to read from `next` on. The address key is what finds its entries. */
export const ChainCursor = closed({
  chain: Id("chain id"),
  address: SecretKey("address key of the chain"),
  month: Month,
  next: EntryIndex,
})

/** Everything of a chain up to and including `through` is safely with the owner and can be deleted. */
export const ChainAcknowledgement = closed({
  chain: Id("chain id"),
  address: SecretKey("address key of the chain"),
  month: Month,
  through: EntryIndex,
})

export const QueueEntry = closed({
  chain: Id("chain id"),
  index: EntryIndex,
  entry: boundedBytes(65_536, "sealed entry"),
})

/** Reading a queue without a stream; the AS's connection queues and the QS's queues share it. */
export const DequeueParams = closed({
  acknowledge: Type.Array(ChainAcknowledgement, { maxItems: CURSORS_PER_REQUEST_MAX }),
  usedUp: Type.Array(Id("chain id"), { maxItems: CHAINS_PER_QUEUE_MAX }),
  read: Type.Array(ChainCursor, { maxItems: CURSORS_PER_REQUEST_MAX }),
  max: Count(DEQUEUE_ENTRIES_MAX, "entries wanted at most"),
})

const ChainStarts = Type.Array(
  boundedBytes(256, "sealed chain start, or random bytes where a slot is free"),
  {
    minItems: CHAIN_SLOTS,
    maxItems: STARTS_PER_ANSWER_MAX,
    description:
      "in order of their chains: the starts for which the queue's record had no slot, then all slots of the record; which of these are free does not show",
  },
)

export const DequeueResult = closed({ starts: ChainStarts, entries: Type.Array(QueueEntry) })

/** Frames of the stream (WebSocket, binary, version byte and CBOR). First frame: a COSE_Sign1 over `StreamOpen`. */
export const StreamOpen = closed({})
export const StreamClientFrame = Type.Union([
  closed({
    type: Type.Literal("read"),
    chains: Type.Array(ChainCursor, { maxItems: CURSORS_PER_REQUEST_MAX }),
  }),
  closed({ type: Type.Literal("acknowledge"), chain: Id("chain id"), through: EntryIndex }),
  closed({ type: Type.Literal("used-up"), chain: Id("chain id") }),
])
export const StreamServerFrame = Type.Union([
  closed({ type: Type.Literal("starts"), starts: ChainStarts }),
  closed({
    type: Type.Literal("start"),
    start: boundedBytes(256, "sealed start of a chain that began just now"),
  }),
  closed({
    type: Type.Literal("entry"),
    chain: Id("chain id"),
    index: EntryIndex,
    entry: boundedBytes(65_536, "sealed entry"),
  }),
  closed({ type: Type.Literal("empty") }),
])

export const STREAM_PATH = "/qs/stream"

/** Why the server closes a stream (WebSocket close codes, private range). */
export const streamClose = {
  malformed: 4000,
  refused: 4001,
  stale: 4002,
  replaced: 4003,
  tooSlow: 4004,
  stopping: 4005,
} as const

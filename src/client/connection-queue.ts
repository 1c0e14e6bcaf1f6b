import { equal } from "../wire/bytes.ts"
import type { ClientContext } from "./context.ts"
import type { Inbox } from "./inbox.ts"
import { type ChainPosition, QueueReader } from "./queue-reader.ts"
import type { StoreChange } from "./store.ts"

const ENTRIES_PER_REQUEST = 64

/**
 * Reads an inbox's connection queue to its end. `deliver` writes `progress` in one transaction with what a message
 * changes; only what is stored is acknowledged, with the next request.
 */
export async function readConnectionQueue(
  { crypto, store }: Pick<ClientContext, "crypto" | "store">,
  inbox: Inbox,
  deliver: (message: Uint8Array, progress: StoreChange) => Promise<void>,
): Promise<void> {
  const reader = new QueueReader(crypto, inbox.queueKey, await store.get(inbox.progress))
  const progress = (): StoreChange => ({ key: inbox.progress, value: reader.serialize() })
  // The last acknowledgements may not have reached the disk, and nobody else would ever delete those entries.
  let acknowledge = reader
    .positions()
    .filter(({ next }) => next > 0)
    .map(readThrough)
  let usedUp: Uint8Array[] = []
  try {
    for (;;) {
      const read = reader.positions()
      const answer = await inbox.dequeue({ acknowledge, usedUp, read, max: ENTRIES_PER_REQUEST })
      for (const { chain, index, entry } of answer.entries) {
        const message = reader.push(chain, index, entry)
        if (message !== undefined) await deliver(message, progress())
      }
      await store.transaction([progress()])
      const finished = answer.entries.length < ENTRIES_PER_REQUEST
      acknowledge = reader
        .positions()
        .filter((now) => isFurther(read, now))
        .map(readThrough)
      const { newest } = reader
      usedUp = finished && newest !== undefined ? reader.before(newest) : []
      reader.takeStarts(answer.starts)
      const unread = reader.positions().some(({ chain }) => !read.some((known) => equal(known.chain, chain)))
      if (finished && acknowledge.length === 0 && usedUp.length === 0 && !unread) return
    }
  } finally {
    reader.wipe()
  }
}

/** Takes everything out of a connection queue, unread. */
export async function emptyConnectionQueue(context: ClientContext, inbox: Inbox): Promise<void> {
  await readConnectionQueue(context, inbox, (_message, progress) => context.store.transaction([progress]))
}

function isFurther(before: readonly ChainPosition[], now: ChainPosition): boolean {
  const known = before.find(({ chain }) => equal(chain, now.chain))
  return now.next > (known?.next ?? 0)
}

function readThrough({ chain, address, month, next }: ChainPosition) {
  return { chain, address, month, through: next - 1 }
}

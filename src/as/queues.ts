import type { QueueEngine } from "../queue/engine.ts"
import { Problem } from "../wire/problem.ts"
import type { AsParts } from "./parts.ts"

/**
 * Puts a message of anybody into a connection queue, of a client or of an alias.
 *
 * @throws Problem as.unknown-queue; queue.full
 */
export async function enqueueInto(
  { engine, store }: AsParts,
  queue: Uint8Array,
  message: Uint8Array,
): Promise<void> {
  if (!engine.exists(queue)) throw new Problem("as.unknown-queue")
  let enqueued: ReturnType<QueueEngine["enqueue"]> | undefined
  await store.writer.submit({
    expects: [],
    effects: (view) => {
      enqueued = engine.enqueue(view, [{ queue, message }])
      return enqueued.effects
    },
    committed: () => enqueued?.committed(),
    failed: () => enqueued?.failed(),
  })
}

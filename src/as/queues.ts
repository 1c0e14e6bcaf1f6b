import { Problem } from "../wire/problem.ts"
import type { AsParts } from "./parts.ts"

/**
 * Puts a message of anybody into a connection queue, of a client or of an alias.
 *
 * @throws Problem as.unknown-queue; queue.full
 */
export async function enqueueInto(
  { engine, changeQueues }: AsParts,
  queue: Uint8Array,
  message: Uint8Array,
): Promise<void> {
  if (!engine.exists(queue)) throw new Problem("as.unknown-queue")
  await changeQueues((view) => engine.enqueue(view, [{ queue, message }]))
}

import type { Enqueued } from "../fanout.ts"
import type { View, Writer } from "../store/database.ts"

/** Part of a unit that touches queues: its effects, and what is to be called when the unit is durable or has failed. */
export type QueueChange = Enqueued

/** Submits a unit that is such a change, and expects nothing but what making it checks. */
export async function submitChange(writer: Writer, make: (view: View) => QueueChange): Promise<void> {
  let change: QueueChange | undefined
  await writer.submit({
    expects: [],
    effects: (view) => {
      change = make(view)
      return change.effects
    },
    committed: () => change?.committed(),
    failed: () => change?.failed(),
  })
}

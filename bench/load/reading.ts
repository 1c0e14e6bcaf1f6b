import { Recipient } from "../recipient.ts"
import type { Command, ReadAnswer } from "./commands.ts"
import { spread } from "./spread.ts"

/** All readers come at once. */
export async function readAll({ port, readers }: Extract<Command, { kind: "read" }>): Promise<ReadAnswer> {
  const times: number[] = []
  let read = 0
  let unopened = 0
  const began = performance.now()
  const all = readers.map(async (reader) => {
    const recipient = await Recipient.open(port, reader, () => void read++).catch(() => undefined)
    if (recipient === undefined) unopened++
    else times.push((performance.now() - began) * 1000)
    recipient?.close()
  })
  await Promise.all(all)
  return { opening: spread(times), read, unopened }
}

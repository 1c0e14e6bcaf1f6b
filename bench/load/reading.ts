import { backoffMilliseconds } from "../../src/client/pace.ts"
import { Recipient } from "../recipient.ts"
import type { Command, ReadAnswer, Reader } from "./commands.ts"
import { spread } from "./spread.ts"

const ATTEMPTS_MAX = 50

/** All readers come at once. Whose stream is closed comes again, as clients do. */
export async function readAll({ port, readers }: Extract<Command, { kind: "read" }>): Promise<ReadAnswer> {
  const times: number[] = []
  let read = 0
  let again = 0
  const began = performance.now()
  const readOne = async (reader: Reader) => {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      try {
        const recipient = await Recipient.open(port, reader, () => void read++)
        times.push((performance.now() - began) * 1000)
        recipient.close()
        return
      } catch {
        again++
        await Bun.sleep(backoffMilliseconds(attempt))
      }
    }
    throw new Error("a stream could not be opened")
  }
  await Promise.all(readers.map(readOne))
  return { opening: spread(times), read, again }
}

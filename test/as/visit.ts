import { ChainReader } from "../../src/crypto/chain.ts"
import type { as } from "../../src/wire/as.ts"
import { toHex } from "../../src/wire/bytes.ts"
import type { Params, Result } from "../../src/wire/endpoint.ts"
import { crypto } from "./fixtures.ts"

export type DequeueParams = Params<typeof as.dequeue>

/** A connection queue as its owner has it. */
export interface OwnQueue {
  readonly queueSecret: Uint8Array
  dequeue(params: DequeueParams): Promise<Result<typeof as.dequeue>>
}

const NOTHING: DequeueParams = { acknowledge: [], usedUp: [], read: [], max: 100 }

/** What a client does on each visit: read everything that is there, then acknowledge it. */
export async function visit(
  { queueSecret, dequeue }: OwnQueue,
  acknowledge: "acknowledge" | "leave" = "acknowledge",
): Promise<Uint8Array[]> {
  const { starts } = await dequeue(NOTHING)
  const chains = starts.flatMap((start) => ChainReader.open(crypto, queueSecret, start) ?? [])
  const read = chains.map(({ reader: { id, address }, month }) => ({ chain: id, address, month, next: 0 }))
  const { entries } = await dequeue({ ...NOTHING, read })
  const messages = entries.flatMap(({ chain, index, entry }) => {
    const found = chains.find(({ reader }) => toHex(reader.id) === toHex(chain))
    return found?.reader.push(index, entry) ?? []
  })
  if (acknowledge === "leave") return messages
  const done = chains.filter(({ reader }) => reader.nextIndex > 0)
  await dequeue({
    ...NOTHING,
    acknowledge: done.map(({ reader, month }) => {
      return { chain: reader.id, address: reader.address, month, through: reader.nextIndex - 1 }
    }),
    usedUp: done.map(({ reader }) => reader.id),
  })
  return messages
}

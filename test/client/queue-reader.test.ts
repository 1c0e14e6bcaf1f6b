import { expect, test } from "bun:test"
import fc from "fast-check"
import { ClientError } from "../../src/client/errors.ts"
import { QueueReader } from "../../src/client/queue-reader.ts"
import { CHAIN_START_BYTES, ChainWriter } from "../../src/crypto/chain.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { equal } from "../../src/wire/bytes.ts"
import { CodecError } from "../../src/wire/tls.ts"

const SLOTS = 16

interface Chain {
  readonly writer: ChainWriter
  readonly start: Uint8Array
  readonly entries: Uint8Array[]
}

/** A queue as the server keeps it: chains in slots among random bytes, and what was written into them. */
class Queue {
  readonly secretKey = crypto.random(32)
  readonly chains: Chain[] = []

  begin(): void {
    const writer = ChainWriter.create(crypto)
    const start = writer.start(crypto.x25519Public(this.secretKey), 83)
    this.chains.push({ writer, start, entries: [] })
  }

  write(message: Uint8Array): void {
    const chain = this.chains.at(-1)
    chain?.entries.push(...chain.writer.seal(message).map(({ entry }) => entry))
  }

  starts(): Uint8Array[] {
    const used = this.chains.map(({ start }) => start)
    while (used.length < SLOTS) used.push(crypto.random(CHAIN_START_BYTES))
    return used
  }

  chain(id: Uint8Array): Chain {
    const found = this.chains.find(({ writer }) => equal(writer.id, id))
    if (found === undefined) throw new Error("no such chain")
    return found
  }
}

const sizes = fc.array(fc.array(fc.nat({ max: 5_000 }), { maxLength: 5 }), { minLength: 1, maxLength: 4 })

test("every message comes once and in order, wherever reading was interrupted and however much of it was repeated", () => {
  fc.assert(
    fc.property(sizes, fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 12 }), (chains, visits) => {
      const queue = new Queue()
      const written: Uint8Array[] = []
      for (const messages of chains) {
        queue.begin()
        for (const size of messages) {
          const message = crypto.random(size)
          written.push(message)
          queue.write(message)
        }
      }
      const read: Uint8Array[] = []
      let state: Uint8Array | undefined
      // The last visit reads everything.
      for (const budget of [...visits, 1_000]) {
        const reader = new QueueReader(crypto, queue.secretKey, state)
        reader.takeStarts(queue.starts())
        let left = budget
        for (const { chain, next } of reader.positions()) {
          const { entries } = queue.chain(chain)
          // Begins a little before what it wants, as a server does that did not get the last acknowledgement.
          for (let index = Math.max(0, next - 2); index < entries.length && left > 0; index++, left--) {
            const message = reader.push(chain, index, entries[index] ?? new Uint8Array(0))
            if (message !== undefined) read.push(message)
          }
          if (left === 0) break
        }
        state = reader.serialize()
        reader.wipe()
      }
      expect(read).toEqual(written)
    }),
    { numRuns: 60 },
  )
})

test("a chain whose start is gone is forgotten, the others stay where they were", () => {
  const queue = new Queue()
  queue.begin()
  queue.write(crypto.random(10))
  queue.begin()
  const reader = new QueueReader(crypto, queue.secretKey, undefined)
  reader.takeStarts(queue.starts())
  const [first, second] = reader.positions()
  if (first === undefined || second === undefined) throw new Error("chains missing")
  expect(reader.before(second.chain)).toEqual([first.chain.slice()])
  reader.push(first.chain, 0, queue.chain(first.chain).entries[0] ?? new Uint8Array(0))
  queue.chains.shift()
  reader.takeStarts(queue.starts())
  expect(reader.positions().map(({ chain }) => chain)).toEqual([second.chain])
})

test("entries out of order, of unknown chains or changed are refused and change nothing", () => {
  const queue = new Queue()
  queue.begin()
  queue.write(crypto.random(3_000))
  const reader = new QueueReader(crypto, queue.secretKey, undefined)
  reader.takeStarts(queue.starts())
  const [{ chain } = { chain: new Uint8Array(16) }] = reader.positions()
  const { entries } = queue.chain(chain)
  const [entry = new Uint8Array(0), second = new Uint8Array(0)] = entries
  const before = reader.serialize()
  const changed = entry.slice()
  changed[5] = (changed[5] ?? 0) ^ 1
  for (const attempt of [
    () => reader.push(chain, 1, second),
    () => reader.push(crypto.random(16), 0, entry),
    () => reader.push(chain, 0, changed),
    () => reader.push(chain, 0, entry.subarray(1)),
  ]) {
    expect(attempt).toThrow(ClientError)
  }
  expect(reader.serialize()).toEqual(before)
  expect(() => new QueueReader(crypto, queue.secretKey, before.subarray(1))).toThrow(CodecError)
})

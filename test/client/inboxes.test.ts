import { expect, test } from "bun:test"
import type { ClientContext } from "../../src/client/context.ts"
import type { Inbox } from "../../src/client/inbox.ts"
import { Inboxes } from "../../src/client/inboxes.ts"
import { memoryStore } from "../../src/client/store.ts"
import { Tasks } from "../../src/client/tasks.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"

/** A lifetime that does not end soon. */
const LONG = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0)

/** Empty inboxes that note when they are looked into. */
class Observed {
  readonly looks: string[] = []
  readonly #abort = new AbortController()
  readonly inboxes: Inboxes
  readonly #tasks = new Tasks(this.#abort.signal)

  constructor(pollMilliseconds: number | undefined) {
    const { signal } = this.#abort
    const transport = { now: () => 0 }
    const context = { crypto, signal, transport, store: memoryStore() } as unknown as ClientContext
    this.inboxes = new Inboxes({ context, tasks: this.#tasks, spreadMilliseconds: 0, pollMilliseconds })
    for (const alias of [null, "one", "two"]) this.inboxes.add(this.#inbox(alias))
  }

  #inbox(alias: string | null): Inbox {
    return {
      alias,
      queueKey: crypto.random(32),
      progress: `queue/${alias}`,
      dequeue: async () => {
        this.looks.push(`${alias}`)
        return { starts: [], entries: [] }
      },
      packagesEnd: () => Number.POSITIVE_INFINITY,
      makePackage: (key) => Uint8Array.of(1, ...key, ...LONG),
      publish: async () => undefined,
    }
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.inboxes.finished()
    await this.#tasks.finished()
  }
}

test("inboxes are looked into each at its own times: in no order and not in turns", async () => {
  const observed = new Observed(15)
  while (observed.looks.length < 120) await Bun.sleep(5)
  await observed.close()
  expect(new Set(observed.looks)).toEqual(new Set(["null", "one", "two"]))
  const repeated = observed.looks.filter((look, index) => look === observed.looks[index + 1])
  expect(repeated.length).toBeGreaterThan(5)
})

test("who looks into all of them does it in an order that nobody can foresee", async () => {
  const observed = new Observed(undefined)
  const orders = new Set<string>()
  for (let i = 0; i < 60; i++) {
    observed.looks.length = 0
    await observed.inboxes.pollAll()
    orders.add(observed.looks.join())
    expect(new Set(observed.looks).size).toBe(3)
  }
  await observed.close()
  expect(orders.size).toBe(6)
})

test("a removed inbox is not looked into any more", async () => {
  const observed = new Observed(5)
  while (!observed.looks.includes("one")) await Bun.sleep(1)
  await observed.inboxes.remove("one")
  const seen = observed.looks.filter((look) => look === "one").length
  const before = observed.looks.length
  while (observed.looks.length < before + 30) await Bun.sleep(1)
  expect(observed.looks.filter((look) => look === "one").length).toBe(seen)
  await observed.inboxes.pollAll()
  expect(observed.looks.filter((look) => look === "one").length).toBe(seen)
  await observed.close()
})

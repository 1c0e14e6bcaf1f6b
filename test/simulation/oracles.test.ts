import type { Database } from "bun:sqlite"
import { afterEach, expect, test } from "bun:test"
import type { ClientEvent } from "../../src/client/client-event.ts"
import { type ClientStore, memoryStore, type StoreChange } from "../../src/client/store.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { type History, type Suspect, violations } from "./oracles.ts"
import type { PlayerOptions } from "./player.ts"
import type { Network } from "./schedule.ts"
import { Simulation } from "./simulation.ts"

const calm: Network = { seed: 1, loss: 0, frames: Number.POSITIVE_INFINITY }
const schedule = { networks: [calm, calm, calm], hosts: [{ guests: [1, 2] }], rounds: [] }
/** Whoever cannot go on shall say so soon. */
const PATIENCE_MILLISECONDS = 3000
/** Of a client that joins again: tokens are bought, one is taken, and then the group is written that the server has changed. */
const WRITES_UNTIL_JOINED = 3

let simulation: Simulation
afterEach(() => simulation.end())

async function begin(options: Partial<PlayerOptions> = {}): Promise<void> {
  simulation = new Simulation(schedule, { patienceMilliseconds: PATIENCE_MILLISECONDS, ...options })
  await simulation.begin()
  for (const player of simulation.players.slice(1))
    await player.person.until((person) => person.has("joined"))
}

/** What one person does in the only group. */
async function act(index: number, deed: "say" | "update"): Promise<void> {
  await simulation.act(simulation.player(index), { deed, group: 0, whom: 0 })
}

/** The kinds of what is wrong once everything has settled. */
async function found(): Promise<string[]> {
  await simulation.settle()
  return [...new Set(simulation.violations().map((text) => text.split(":")[0] as string))].sort()
}

test("the oracles notice nothing where nothing is wrong", async () => {
  await begin()
  await Promise.all([act(0, "say"), act(1, "update"), act(2, "say")])
  expect(await found()).toEqual([])
})

test("the oracles notice nothing of a message that came after somebody died joining again, and was removed", async () => {
  await begin()
  const [host, lost] = [simulation.player(0), simulation.player(1)]
  await lost.catchUp()
  const { accepted } = simulation.answers
  const before = accepted.length
  lost.crashIn(WRITES_UNTIL_JOINED, false)
  await lost.live(() => simulation.act(lost, { deed: "resync", group: 0, whom: 0 }))
  expect(accepted).toHaveLength(before + 1)
  expect(simulation.book.at(-1)).toMatchObject({ deed: "resync", outcome: "unknown" })
  await host.person.client.caughtUp()
  await act(0, "say")
  await simulation.act(host, { deed: "remove", group: 0, whom: 0 })
  expect(simulation.book.at(-1)).toMatchObject({ deed: "remove", whom: lost.user, outcome: "done" })
  expect(await found()).toEqual([])
})

test("the oracles notice: somebody who says an acknowledged message again", async () => {
  await begin()
  await act(0, "say")
  const said = simulation.book.findLast(({ deed }) => deed === "say")?.text ?? ""
  await simulation.player(0).person.client.groups()[0]?.send(utf8(said))
  expect(await found()).toContain("doubled")
})

test("the oracles notice: a server that loses what waits in the queues", async () => {
  await begin()
  await simulation.player(2).person.stop()
  await act(0, "say")
  const reborn = simulation.server.reborn()
  simulation.server.kill(emptyPool)
  await reborn
  expect(await found()).toContain("missed")
})

test("the oracles notice: a server that was set back to before a commit, so that it takes another one for its epoch", async () => {
  await begin()
  await simulation.player(2).person.stop()
  await reincarnate((database) => {
    for (const table of ["ds_group", "ds_head", "ds_tree"])
      database.run(`CREATE TABLE old_${table} AS SELECT * FROM ${table}`)
  })
  await act(0, "update")
  await reincarnate((database) => {
    for (const table of ["ds_group", "ds_head", "ds_tree"]) {
      database.run(`DELETE FROM ${table}`)
      database.run(`INSERT INTO ${table} SELECT * FROM old_${table}`)
      database.run(`DROP TABLE old_${table}`)
    }
    emptyPool(database)
  })
  await simulation.player(2).restart()
  await act(2, "update")
  // Whether its commit or another's comes first; either way the members are not in one epoch any more.
  const kinds = await found()
  expect(kinds.includes("forked") || kinds.includes("apart")).toBe(true)
})

test("the oracles notice: a client whose store loses the last thing that it promised to keep", async () => {
  const forgetful = new ForgetfulStore()
  await begin({ makeStore: (index) => (index === 1 ? forgetful : memoryStore()) })
  const player = simulation.player(1)
  await player.catchUp()
  await act(0, "update")
  for (const one of simulation.players) await one.catchUp()
  await player.person.stop()
  // The server may be a few milliseconds from deleting what was acknowledged.
  await reincarnate(emptyPool)
  forgetful.forget()
  expect(await found()).toContain("apart")
})

/** A store that can go back to before the last change of a group. */
class ForgetfulStore implements ClientStore {
  #values = new Map<string, Uint8Array>()
  #before = new Map<string, Uint8Array>()

  forget(): void {
    this.#values = this.#before
  }

  async get(key: string) {
    return this.#values.get(key)?.slice()
  }
  async list(prefix: string) {
    return [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort()
  }
  put(key: string, value: Uint8Array) {
    return this.transaction([{ key, value }])
  }
  delete(key: string) {
    return this.transaction([{ key, value: undefined }])
  }
  async transaction(changes: readonly StoreChange[]): Promise<void> {
    if (changes.some(({ key }) => key.startsWith("group/"))) this.#before = new Map(this.#values)
    for (const { key, value } of changes) {
      if (value === undefined) this.#values.delete(key)
      else this.#values.set(key, value.slice())
    }
  }
}

test("the oracles notice: whatever else should not be, each by its name", async () => {
  await begin()
  await act(0, "say")
  await act(0, "say")
  const removed = simulation.player(2)
  await simulation.act(simulation.player(0), { deed: "remove", group: 0, whom: 0.999 })
  await act(0, "say")
  expect(await found()).toEqual([])
  const { people, book, ...rest } = simulation.history()
  const last = book.findLast(({ text }) => text !== undefined)
  const group = last?.group ?? ""
  const bytes = utf8(last?.text ?? "")
  const message = { type: "message" as const, group, sender: "", client: "", message: 0, bytes, number: 1000 }
  const tampered: readonly (readonly [kind: string, history: Partial<History>])[] = [
    ["overheard", { people: people.map((one) => told(one, removed.user, (events) => [...events, message])) }],
    ["disordered", { people: people.map((one) => told(one, removed.user, (events) => events.toReversed())) }],
    ["strange", { book: book.filter(({ deed }) => deed !== "remove") }],
    [
      "undone",
      {
        book: [
          ...book,
          { deed: "add", by: "", group, began: 0, whom: people[1]?.user ?? "", outcome: "done" },
        ],
      },
    ],
    ["missed", { people: people.map((one) => told(one, removed.user, () => [])) }],
    ["forgotten", { accepted: [{ group, epoch: 1000, hash: "", deletes: false }] }],
  ]
  for (const [kind, history] of tampered) {
    const kinds = violations({ people, book, ...rest, ...history }).map((text) => text.split(":")[0])
    expect([...new Set(kinds)]).toEqual([kind])
  }
})

/** The same person, if it is this one, with another memory. */
function told(
  one: Suspect,
  user: string,
  change: (events: readonly ClientEvent[]) => ClientEvent[],
): Suspect {
  return one.user === user ? { ...one, events: change(one.events) } : one
}

async function reincarnate(surgery: (database: Database) => void): Promise<void> {
  const reborn = simulation.server.reborn()
  simulation.server.kill(surgery)
  await reborn
}

/** Whether its entries have moved to their places or not. */
function emptyPool(database: Database): void {
  const tables = database
    .query<{ name: string }, []>(
      "SELECT name FROM sqlite_schema WHERE name LIKE '%qs_pool_%' AND type = 'table'",
    )
    .all()
  if (tables.length === 0) throw new Error("no messages")
  for (const { name } of tables) database.run(`DELETE FROM ${name}`)
}

import { rmSync } from "node:fs"
import { join } from "node:path"
import { ENTRY_BYTES, ENTRY_TAG_BYTES } from "../src/crypto/entry.ts"
import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import { deliveryMigrations } from "../src/migrations.ts"
import { queues } from "../src/qs/tables.ts"
import { poolTable } from "../src/queue/pool.ts"
import { queueRow } from "../src/queue/slots.ts"
import { put } from "../src/store/database.ts"
import { openStore } from "../src/store/open.ts"
import { VeiledStore } from "../src/veil/store.ts"
import { median, type Options, type Result, summarized } from "./harness.ts"
import { temporaryDirectory } from "./homeserver.ts"

/**
 * What it costs to leave nothing in the files: transactions with the log scrubbed as it is, before each answer, and never, in
 * turns; and a pass that gives veiled rows other names. What washing memory and taking tokens cost has subjects of its own.
 */

const ROWS_PER_TRANSACTION = 100
const NEVER = { scrubDelayMs: 3_600_000, scrubQuietMs: 3_600_000, logBytesMax: 1024 ** 3 }
const HOW = {
  "the log never scrubbed": NEVER,
  "scrubbed as it is by default": {},
  "scrubbed before each answer": { scrubDelayMs: 0 },
} as const

const pool = poolTable("qs_pool_202611")

export async function benchProtection(options: Options): Promise<readonly Result[]> {
  return [...(await benchScrubbing(options)), await benchPass(options)]
}

interface Run {
  readonly wall: number
  readonly cpu: number
}

/** One transaction after the other, each of as many new entries, and the deletion of as many old ones. */
async function transactions(given: Partial<typeof NEVER>, count: number): Promise<Run> {
  const directory = temporaryDirectory()
  const file = join(directory, "delivery.sqlite")
  const store = await openStore({ file, migrations: deliveryMigrations, ...given })
  const waiting: Uint8Array[] = []
  const one = () => {
    const rows = Array.from({ length: ROWS_PER_TRANSACTION }, () => {
      return { tag: crypto.random(ENTRY_TAG_BYTES), entry: crypto.random(ENTRY_BYTES) }
    })
    const old = waiting.length > 10 * ROWS_PER_TRANSACTION ? waiting.splice(0, ROWS_PER_TRANSACTION) : []
    waiting.push(...rows.map(({ tag }) => tag))
    const removals = old.map((tag) => ({ kind: "delete", table: pool, key: [tag] }) as const)
    return store.writer.submit({
      expects: [],
      effects: () => [...rows.map((row) => put(pool, row)), ...removals],
    })
  }
  try {
    for (let i = 0; i < count / 4; i++) await one()
    const before = process.cpuUsage()
    const began = performance.now()
    for (let i = 0; i < count; i++) await one()
    const wall = ((performance.now() - began) * 1000) / count
    const { user, system } = process.cpuUsage(before)
    return { wall, cpu: (user + system) / count }
  } finally {
    await store.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function benchScrubbing({ runs, short }: Options): Promise<Result[]> {
  const count = short ? 100 : 400
  const measured = Object.entries(HOW).map(([name, given]) => ({ name, given, runs: [] as Run[] }))
  for (let run = 0; run < runs; run++)
    for (const each of measured) each.runs.push(await transactions(each.given, count))
  const base = measured[0]?.runs ?? []
  return measured.map((each) => {
    const of = (what: keyof Run, those: readonly Run[]) => those.map((run) => run[what])
    return summarized(`transactions, ${each.name}`, ROWS_PER_TRANSACTION, of("wall", each.runs), {
      model: median(of("wall", base)),
      more: {
        cpu_µs: median(of("cpu", each.runs)),
        cpu_to_never: median(of("cpu", each.runs)) / median(of("cpu", base)),
      },
    })
  })
}

/** A pass over the records of so many queues, from which other veiled rows differ by being shorter. */
async function benchPass({ runs, short }: Options): Promise<Result> {
  const count = short ? 1000 : 10_000
  const directory = temporaryDirectory()
  const store = await openStore({
    file: join(directory, "delivery.sqlite"),
    migrations: deliveryMigrations,
  })
  try {
    const veiled = new VeiledStore({ crypto, store, slotKeys: [crypto.random(32)], tables: [queues] })
    await veiled.start()
    for (let made = 0; made < count; made += ROWS_PER_TRANSACTION) {
      const rows = Array.from({ length: ROWS_PER_TRANSACTION }, () => {
        const owner = { id: crypto.random(16), queue_key: crypto.random(32) }
        return put(queues, queueRow(crypto, owner, { slots: [], overflow: [] }))
      })
      await veiled.writer.submit({ expects: [], effects: () => rows })
    }
    const [wall, cpu]: [number[], number[]] = [[], []]
    for (let run = 0; run < runs; run++) {
      const before = process.cpuUsage()
      const began = performance.now()
      await veiled.pass()
      wall.push(((performance.now() - began) * 1000) / count)
      const { user, system } = process.cpuUsage(before)
      cpu.push((user + system) / count)
    }
    return summarized("a pass, of each queue's record", count, wall, {
      more: { cpu_µs: median(cpu) },
    })
  } finally {
    await store.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

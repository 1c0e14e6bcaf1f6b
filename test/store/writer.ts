/**
 * A process that writes random units until it is killed, and prints one line for each that was acknowledged.
 * Arguments: directory, seed, and how many steps of scrubbing to finish before killing itself (0: never).
 */
import { writeSync } from "node:fs"
import { join } from "node:path"
import {
  type Effect,
  expectAbsent,
  expectRow,
  put,
  putBriefly,
  remove,
  type Store,
} from "../../src/store/database.ts"
import { openStore } from "../../src/store/open.ts"
import { idOf, LIVE, pool, REMOVED, rowsOf, tagOf, unitMigrations, units } from "./units.ts"

const [directory, seed, steps] = process.argv.slice(2) as [string, string, string | undefined]
let stepsLeft = Number(steps ?? 0)
let random = Number(seed)

const store = await openStore({
  file: join(directory, "store.sqlite"),
  migrations: unitMigrations,
  scrubDelayMs: 1 + pick(20),
  logBytesMax: 600_000,
  scrubStep: () => {
    if (--stepsLeft === 0) process.kill(process.pid, "SIGKILL")
  },
})
await Promise.all(Array.from({ length: 8 }, () => work(store)))

async function work(store: Store): Promise<never> {
  for (;;) {
    const id = randomId()
    const rows = rowsOf(id)
    await store.writer.submit({
      expects: [expectAbsent(units, { id })],
      effects: () => [
        put(units, { id, state: LIVE }),
        ...rows.map(({ tag, body }): Effect => putBriefly(pool, { tag, body })),
      ],
    })
    writeSync(1, `put ${id.toHex()}\n`)
    if (pick(3) === 0) continue
    await store.writer.submit({
      expects: [expectRow(units, { id }, "state", LIVE)],
      effects: () => [
        put(units, { id, state: REMOVED }),
        ...rows.map((_, index): Effect => remove(pool, { tag: tagOf(id, index) })),
      ],
    })
    writeSync(1, `removed ${id.toHex()}\n`)
  }
}

function randomId(): Uint8Array {
  return idOf(`${seed}-${pick(2 ** 30)}-${pick(2 ** 30)}`)
}

/** A small linear congruential generator: the same units for the same seed. */
function pick(below: number): number {
  random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((random / 2 ** 32) * below)
}

import { Database } from "bun:sqlite"
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { linkingChecks } from "../../src/audit/attacks/checks.ts"
import { readSnapshot, type Snapshot } from "../../src/audit/evidence.ts"
import type { Pair, Truth } from "../../src/audit/truth.ts"
import { fromHex, toHex } from "../../src/wire/bytes.ts"
import { randomFrom } from "../e2e/random.ts"

const directory = mkdtempSync(join(tmpdir(), "cinder-linking-"))
afterAll(() => rmSync(directory, { recursive: true }))

const random = randomFrom(1)
const PEOPLE = 40
const pseudonyms = Array.from({ length: PEOPLE }, (): Pair => [newId(), newId()])
const truth: Truth = { groups: [], pseudonyms, aliases: [], entries: [] }

function newId(): string {
  return toHex(bytes(16))
}

/** Random ones, but the same every time: a check fails for no reason once in a thousand times. */
function bytes(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256))
}

/** Two tables without row ids, into which people come in these orders. */
function snapshotOf(
  name: string,
  people: readonly number[],
  columns = "",
  more: () => unknown[] = () => [],
): Snapshot {
  const database = new Database(join(directory, name))
  for (const [side, table] of ["person", "pseudonym"].entries()) {
    database.run(`CREATE TABLE ${table} (id BLOB PRIMARY KEY, key BLOB${columns}) WITHOUT ROWID`)
    for (const person of people) {
      const values = [fromHex((pseudonyms[person] as Pair)[side] as string), bytes(32), ...more()]
      const marks = values.map(() => "?").join()
      database.run(`INSERT INTO ${table} VALUES (${marks})`, values as Uint8Array[])
    }
  }
  database.close()
  return readSnapshot(join(directory, name))
}

function shuffled(): number[] {
  const keys = Array.from({ length: PEOPLE }, () => random())
  return [...keys.keys()].sort((a, b) => (keys[a] as number) - (keys[b] as number))
}

function run(snapshots: readonly Snapshot[], of = truth) {
  return Object.fromEntries(linkingChecks(of).map(({ id, ...check }) => [id, check.run(snapshots)]))
}

describe("the linking attacks as checks", () => {
  test("pass where there is nothing to find", () => {
    const { "linked-pseudonyms": found } = run([snapshotOf("clean", shuffled())])
    expect(found?.pass).toBe(true)
    expect(found?.chance).toBe(0.5)
    expect(found?.details.length).toBeGreaterThan(0)
  })

  test("fail where rows have counters that go up together, and say which", () => {
    let count = 0
    const { "linked-pseudonyms": found } = run([
      snapshotOf("counted", shuffled(), ", number INTEGER", () => [count++ % PEOPLE]),
    ])
    expect(found?.pass).toBe(false)
    expect(found?.measure.low).toBeGreaterThan(0.8)
    expect(found?.details.join()).toContain("person, number")
  })

  test("fail where rows come together, although no snapshot tells by itself", () => {
    const order = shuffled()
    const growing = Array.from({ length: 11 }, (_, step) =>
      snapshotOf(`growing ${step}`, order.slice(0, step * 4)),
    ).slice(1)
    expect(run(growing.slice(-1))["linked-pseudonyms"]?.pass).toBe(true)
    expect(run(growing)["linked-pseudonyms"]?.pass).toBe(false)
  })

  test("have nothing to try without a truth", () => {
    const nothing: Truth = { groups: [], pseudonyms: [], aliases: [], entries: [] }
    for (const { pass, measure, words } of Object.values(run([snapshotOf("alone", shuffled())], nothing))) {
      expect(pass).toBe(true)
      expect(measure.value).toBe(0.5)
      expect(words).toContain("nothing to try")
    }
  })
})

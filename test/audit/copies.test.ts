import { describe, expect, test } from "bun:test"
import { cpSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Audit, audit, copyChecks } from "../../src/audit/audit.ts"
import { CannotLook } from "../../src/audit/evidence.ts"
import { type Config, resolveConfig } from "../../src/config/config.ts"
import { startServer } from "../../src/server.ts"
import { befriend, gather, Person } from "../e2e/person.ts"
import { Snapshot } from "../e2e/snapshot.ts"
import { findingOf, random, Workshop } from "./databases.ts"

/** What several copies tell that none of them does. */

const CAREFUL = ["page_size = 4096", "secure_delete = ON", "journal_mode = OFF"]
const QUEUES = "CREATE TABLE queues (id BLOB PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID"
const PEOPLE = "CREATE TABLE people (id BLOB PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID"
const MESSAGES = "CREATE TABLE messages (tag BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID"

type Id = Uint8Array<ArrayBuffer>

function ids(count: number): Id[] {
  return Array.from({ length: count }, () => random(16)).sort(Buffer.compare)
}

function insert(shop: Workshop, table: string, rows: readonly Id[], length = 48): void {
  shop.database.run("BEGIN")
  for (const id of rows) shop.database.run(`INSERT INTO ${table} VALUES (?, ?)`, [id, random(length)])
  shop.database.run("COMMIT")
}

function change(shop: Workshop, rows: readonly Id[], state: () => Id = () => random(48)): void {
  for (const id of rows) shop.database.run("UPDATE queues SET state = ? WHERE id = ?", [state(), id])
}

/** What the database shows after each of these steps, with a copy of before them. */
function after(shop: Workshop, ...steps: readonly (() => void)[]): Audit {
  const first = shop.copy()
  const paths = steps.map((step) => {
    step()
    return shop.copy()
  })
  return audit({ paths: [first, ...paths], known: [] })
}

/** What only copies tell. */
function leaksOf(found: Audit): string[] {
  const ofCopies = new Set(copyChecks([]).map(({ id }) => id))
  return found.findings.filter(({ id, pass }) => !pass && ofCopies.has(id)).map(({ id }) => id)
}

describe("copies tell", () => {
  test("whose rows changed, by as many bits as the choice of these has", () => {
    using shop = new Workshop(...CAREFUL)
    shop.database.run(QUEUES)
    const queues = ids(20)
    insert(shop, "queues", queues)
    const found = after(shop, () => change(shop, queues.slice(0, 3)))
    expect(leaksOf(found)).toEqual(["changed-rows"])
    const { measure, details } = findingOf(found, "changed-rows")
    expect(measure.value).toBeCloseTo(Math.log2((20 * 19 * 18) / 6))
    expect(details).toEqual(["data.sqlite: queues: 10.2 bits; 3 of 20 changed between copies 1 and 2"])
  })

  test("nothing where all rows changed, none did, or all have new names", () => {
    using shop = new Workshop(...CAREFUL)
    for (const table of [QUEUES, PEOPLE]) shop.database.run(table)
    const queues = ids(20)
    insert(shop, "queues", queues)
    insert(shop, "people", ids(20))
    const found = after(
      shop,
      () => change(shop, queues),
      () => undefined,
      () => {
        shop.database.run("DELETE FROM queues")
        insert(shop, "queues", ids(21))
        insert(shop, "people", ids(1))
      },
    )
    expect(leaksOf(found)).toEqual([])
  })

  test("whose new rows are, by what changed with them", () => {
    using shop = new Workshop(...CAREFUL)
    for (const table of [QUEUES, MESSAGES]) shop.database.run(table)
    const queues = ids(32)
    insert(shop, "queues", queues)
    insert(shop, "messages", ids(5))
    const found = after(shop, () => {
      change(shop, queues.slice(0, 2))
      insert(shop, "messages", ids(7))
    })
    expect(leaksOf(found)).toEqual(["changed-rows", "growth"])
    expect(findingOf(found, "growth")).toMatchObject({
      measure: { value: 4 },
      details: [
        "between copies 1 and 2 7 rows came into data.sqlite: messages while 2 of 32 in data.sqlite: queues changed",
      ],
    })
  })

  test("who is who, by what comes and goes together", () => {
    for (const step of ["come", "go"]) {
      using shop = new Workshop(...CAREFUL)
      for (const table of [QUEUES, PEOPLE]) shop.database.run(table)
      const [queues, people] = [ids(16), ids(16)]
      insert(shop, "queues", queues)
      insert(shop, "people", people)
      const found = after(shop, () => {
        if (step === "come") for (const table of ["queues", "people"]) insert(shop, table, ids(2))
        else {
          shop.database.run("DELETE FROM queues WHERE id = ?", [queues[3] as Id])
          shop.database.run("DELETE FROM people WHERE id = ?", [people[8] as Id])
        }
      })
      expect(leaksOf(found)).toEqual(["came-together"])
      expect(findingOf(found, "came-together").measure.value).toBeCloseTo(
        2 * Math.log2(step === "come" ? 9 : 16),
      )
    }
  })

  test("whose rows are new, where tables of one form are kept apart", () => {
    using shop = new Workshop(...CAREFUL)
    const tables = ["messages_1", "messages_2", "messages_3"]
    for (const table of tables) shop.database.run(MESSAGES.replace("messages", table))
    const found = after(shop, () => {
      for (const table of tables.slice(1)) insert(shop, table, ids(4))
    })
    expect(findingOf(found, "counts")).toMatchObject({ pass: false, measure: { value: 1 } })
  })

  test("which part of a row changed, and which row has a new name", () => {
    for (const what of ["changed", "named anew"]) {
      using shop = new Workshop(...CAREFUL)
      for (const table of [QUEUES, PEOPLE]) shop.database.run(table)
      insert(shop, "people", ids(1))
      const queues = ids(12)
      const kept = random(24)
      const state = () => Buffer.concat([random(24), kept])
      insert(shop, "queues", queues)
      const [queue] = queues as [Id]
      change(shop, [queue], () => Uint8Array.from(state()))
      const found = after(shop, () => {
        change(shop, queues)
        if (what === "changed") change(shop, [queue], () => Uint8Array.from(state()))
        else {
          shop.database.run("DELETE FROM queues")
          insert(shop, "queues", ids(11))
          shop.database.run("INSERT INTO queues VALUES (?, ?)", [random(16), state()])
        }
      })
      expect([what, leaksOf(found)]).toEqual([what, ["kept-bytes"]])
      expect(findingOf(found, "kept-bytes").details).toEqual(["data.sqlite: queues.state"])
    }
  })
})

describe("copies are not looked at together that", () => {
  test("are of different servers", () => {
    const copies = Array.from({ length: 2 }, () => {
      const shop = new Workshop(...CAREFUL)
      shop.database.run(PEOPLE)
      insert(shop, "people", ids(10))
      return shop
    })
    using one = copies[0] as Workshop
    using other = copies[1] as Workshop
    expect(() => audit({ paths: [one.copy(), other.copy()], known: [] })).toThrow(CannotLook)
    expect(() => audit({ paths: [one.copy(), one.copy()], known: [] })).not.toThrow()
  })

  test("come in the wrong order, as far as anything in them says when they are from", () => {
    using shop = new Workshop(...CAREFUL)
    shop.database.run("CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, v BLOB)")
    shop.database.run("CREATE TABLE ds_group (group_id BLOB PRIMARY KEY, month INTEGER) WITHOUT ROWID")
    const groups = ids(9)
    for (const group of groups) shop.database.run("INSERT INTO ds_group VALUES (?, 80)", [group])
    const before = shop.copy()
    shop.database.run("UPDATE ds_group SET month = 81 WHERE group_id = ?", [groups[4] as Id])
    const later = shop.copy()
    shop.database.run("INSERT INTO counted (v) VALUES (x'00')")
    shop.database.run("INSERT INTO counted (v) VALUES (x'00')")
    const last = shop.copy()
    const look = (...paths: readonly string[]) => audit({ paths, known: [] })
    expect(() => look(before, later, last)).not.toThrow()
    expect(() => look(later, before)).toThrow("the months in data.sqlite: ds_group")
    shop.database.run("DELETE FROM counted")
    shop.database.run("INSERT INTO counted (v) VALUES (x'00')")
    expect(() => look(shop.copy(), last)).toThrow("the row ids of counted")
  })
})

const RESEAL_MILLISECONDS = 1000
/** Two passes of sealing anew, each of which comes some time after the one before. */
const APART_MILLISECONDS = 3500

test("of a real server copies further apart than a pass of sealing anew show nothing of what is said, read and changed meanwhile", async () => {
  const directory = mkdtempSync(join(tmpdir(), "cinder-copies-"))
  const flags = { data: "data", domain: "example.org", port: 0, "rate-limit": "off" }
  const config = resolveConfig({ flags, environment: {}, file: {}, workingDirectory: directory }) as Config
  const server = await startServer({ ...config, resealMilliseconds: RESEAL_MILLISECONDS })
  const paths: string[] = []
  const copy = async () => {
    await Bun.sleep(APART_MILLISECONDS)
    for (;;) {
      await Bun.sleep(20)
      const to = join(directory, `copy-${paths.length}`)
      cpSync(config.dataDirectory, to, { recursive: true, preserveTimestamps: true })
      if (Snapshot.take(to).isClean) {
        paths.push(to)
        return
      }
      rmSync(to, { recursive: true })
    }
  }
  try {
    const url = `http://127.0.0.1:${server.port}`
    const people = await Promise.all(
      Array.from({ length: 6 }, (_, i) => Person.register({ url, displayName: `${i}` })),
    )
    const [host, ...guests] = people as [Person, ...Person[]]
    for (const guest of guests) await befriend(host, guest)
    const group = await gather(host, guests)
    const [away, ...others] = guests as [Person, ...Person[]]
    await away.stop()
    await copy()
    for (let i = 0; i < 10; i++) await host.say(`what was said the ${i}th time`, group)
    await others[0]?.group.update()
    await copy()
    await away.start()
    await away.untilHeard("what was said the 9th time")
    await host.client.updateProfile({ displayName: "somebody else" })
    await copy()
    for (const person of people) await person.stop()
  } finally {
    await server.stop()
  }
  const found = audit({ paths, known: [] })
  expect(leaksOf(found)).toEqual([])
  expect(findingOf(found, "counts").details.join()).toContain("delivery.sqlite: qs_pool_")
  expect(findingOf(found, "changed-rows").details.join()).toContain("conceded: delivery.sqlite: ds_head")
  rmSync(directory, { recursive: true })
}, 60_000)

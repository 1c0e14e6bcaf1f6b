import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { log } from "../../src/audit/checks/remains.ts"
import { readSnapshot } from "../../src/audit/evidence.ts"
import { asHtml } from "../../src/audit/html.ts"
import { encodeTruth, type Truth } from "../../src/audit/truth.ts"
import { encodeSecrets, makeSecrets } from "../../src/config/secrets.ts"
import { readSecrets } from "../../src/config/secrets-file.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { clients } from "../../src/qs/tables.ts"
import { openRow } from "../../src/veil/names.ts"
import { SlotKeys } from "../../src/veil/slot-keys.ts"
import type { StoredRow } from "../../src/veil/table.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { Homeserver } from "../e2e/homeserver.ts"
import { RememberingStore } from "../e2e/loot.ts"
import { befriend, gather, Person } from "../e2e/person.ts"
import { Snapshot } from "../e2e/snapshot.ts"
import { random, Workshop } from "./databases.ts"

/** `cinder audit` as somebody runs it who wants to know, over what a real server leaves. */

const MAIN = join(import.meta.dir, "../../src/main.ts")
const directory = mkdtempSync(join(tmpdir(), "cinder-audit-"))
const place = (name: string): string => join(directory, name)

const PEOPLE = 10
const stores: RememberingStore[] = []
let texts: readonly string[]

beforeAll(async () => {
  const server = await Homeserver.start()
  const keep = (name: string) =>
    cpSync(server.data, place(name), { recursive: true, preserveTimestamps: true })
  const people: Person[] = []
  for (let i = 0; i < PEOPLE; i++) {
    const store = new RememberingStore()
    stores.push(store)
    people.push(await Person.register({ url: server.url, displayName: `somebody called ${i}`, store }))
  }
  const [host, ...guests] = people as [Person, ...Person[]]
  for (const guest of guests) await befriend(host, guest)
  await host.client.registerAlias("nobody-knows-me")
  const group = await gather(host, guests)
  for (const guest of guests.slice(3)) await guest.stop()
  texts = Array.from({ length: 12 }, (_, i) => `what we said the ${i}th time`)
  for (const text of texts) await host.say(text, group)
  // What was acknowledged may be deleted, and the log be written again, while the copy is made.
  do {
    await untilLogs(server.data, true)
    await Bun.sleep(50)
    keep("running")
  } while (![place("running"), server.data].every((copy) => Snapshot.take(copy).isClean))
  for (;;) {
    const talking = Promise.allSettled(texts.map((text) => host.say(text, group)))
    await untilLogs(server.data, false)
    await server.kill()
    const caught = logsTell(server.data)
    if (caught) keep("killed")
    await server.start()
    await talking
    // Now and then the log is scrubbed, or is being scrubbed, between the look and the kill.
    if (caught) break
  }
  for (const person of people.slice(0, 4)) await person.stop()
  await server.stop()
  keep("stopped")
  cpSync(server.secretsFile, place("secrets"))
  await server.end()
}, 60_000)

afterAll(() => rmSync(directory, { recursive: true }))

/** Whether one of them can be read. */
function logsTell(data: string): boolean {
  return !log.run([readSnapshot(data)]).pass
}

async function untilLogs(data: string, clean: boolean): Promise<void> {
  while (Snapshot.take(data).logsAreClean !== clean) await Bun.sleep(1)
}

interface Result {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function cinderAudit(...words: readonly string[]): Promise<Result> {
  const child = Bun.spawn([process.execPath, MAIN, "audit", ...words], { stdout: "pipe", stderr: "pipe" })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { code: await child.exited, out, err }
}

interface Checked {
  readonly id: string
  readonly pass: boolean
  readonly [more: string]: unknown
}

async function checksOf(...words: readonly string[]) {
  const { code, out } = await cinderAudit("--json", ...words)
  return { code, ...(JSON.parse(out) as { pass: boolean; checks: Checked[] }) }
}

describe("of a server's data", () => {
  test("it finds that the promise holds, while the server runs and after it stopped", async () => {
    for (const moment of ["running", "stopped"]) {
      const { code, out, err } = await cinderAudit(place(moment))
      expect([moment, code, err]).toEqual([moment, 0, ""])
      expect(out).toContain("The promise holds")
      expect(out).toMatch(new RegExp(`^ +${PEOPLE} {2}users$`, "m"))
      expect(out).toMatch(/^ +1 {2}aliases$/m)
      expect(out).not.toContain("\u001b")
    }
  })

  test("of one that was killed under load it shows what the log tells, and nothing else", async () => {
    const { code, pass, checks } = await checksOf(place("killed"))
    expect([code, pass]).toEqual([1, false])
    const leaks = checks.filter((check) => !check.pass).map(({ id }) => id)
    expect(leaks).toContain("log")
    for (const id of leaks) expect(["log", "fresh-rows", "cell-order", "residue"]).toContain(id)
  })

  test("nothing that clients know is found in it, and it is found where it is", async () => {
    const keys = stores.flatMap((store) => store.keys().map(({ key }) => `hex:${toHex(key)}`))
    const list = place("known")
    writeFileSync(list, [...new Set(keys), ...texts].join("\n"))
    expect(keys.length).toBeGreaterThan(200)
    expect((await cinderAudit("--known", list, place("stopped"))).code).toBe(0)
    cpSync(place("stopped"), place("careless"), { recursive: true })
    const [key] = keys as [string]
    writeFileSync(
      place("careless/debug.log"),
      `the key is ${Buffer.from(key.slice(4), "hex").toString("base64")}`,
      {
        mode: 0o600,
      },
    )
    const { code, checks } = await checksOf("--known", list, place("careless"))
    expect(code).toBe(1)
    expect(checks.filter((check) => !check.pass).map(({ id }) => id)).toEqual(["other-files", "known"])
  })

  test("copies are compared: of a server that seals nothing anew meanwhile they tell whose queue changed", async () => {
    const { code, out } = await cinderAudit(place("running"), place("running"))
    expect([code, out.split("\n")[0]]).toEqual([0, "2 snapshots, oldest first"])
    const apart = await checksOf(place("running"), place("stopped"))
    const leaks = apart.checks.filter((check) => !check.pass).map(({ id }) => id)
    expect([apart.code, leaks]).toEqual([1, ["changed-rows", "growth"]])
  })
})

test("the JSON document has for each check what it measured against chance", async () => {
  const { checks } = await checksOf(place("killed"))
  for (const check of checks) {
    expect(check).toEqual({
      id: expect.any(String),
      pass: expect.any(Boolean),
      question: expect.any(String),
      measure: expect.any(Number),
      chance: expect.any(Number),
      ci: [expect.any(Number), expect.any(Number)],
      unit: expect.any(String),
      words: expect.any(String),
      details: expect.any(Array),
    })
  }
})

test("a database of somebody else's is looked at as well", async () => {
  using shop = new Workshop()
  shop.database.run(
    "CREATE TABLE messages (id INTEGER PRIMARY KEY, queue TEXT, received_at INTEGER, body BLOB)",
  )
  for (let i = 0; i < 20; i++) {
    const row = [`queue-${i % 4}`, 1_793_000_000 + i * 60, random(100 + i)]
    shop.database.run("INSERT INTO messages (queue, received_at, body) VALUES (?, ?, ?)", row)
  }
  shop.database.run("DELETE FROM messages WHERE id % 3 = 0")
  const { code, checks } = await checksOf(shop.data)
  expect(code).toBe(1)
  const leaks = checks.filter(({ pass }) => !pass).map(({ id }) => id)
  expect(leaks).toEqual(expect.arrayContaining(["row-ids", "residue", "counters", "column-times", "lengths"]))
})

describe("with the truth at hand", () => {
  const groups = Array.from({ length: 8 }, () => Array.from({ length: 5 }, () => random(16)))
  const ids = groups.map((queues) => queues.map(toHex))
  const truth = {
    groups: ids,
    pseudonyms: ids.flat().map((queue) => [toHex(random(16)), queue]),
    aliases: [],
    entries: [],
  }
  const file = place("truth.json")
  writeFileSync(file, JSON.stringify(truth))

  /** One message in each queue: the same for a whole group, or one that each of them got alone. */
  function messages(same: boolean): Workshop {
    const shop = new Workshop("page_size = 4096", "secure_delete = ON", "journal_mode = OFF")
    shop.database.run("CREATE TABLE messages (queue BLOB PRIMARY KEY, body BLOB) WITHOUT ROWID")
    const rows = groups.flatMap((queues) => {
      const body = random(64)
      return queues.map((queue) => [queue, same ? body : random(64)] as const)
    })
    shop.database.run("BEGIN")
    for (const row of rows.toSorted(([a], [b]) => Buffer.compare(a, b)))
      shop.database.run("INSERT INTO messages VALUES (?, ?)", [...row])
    shop.database.run("COMMIT")
    return shop
  }

  test("queues with the same message are found to be of one group, and drawn", async () => {
    using shop = messages(true)
    const page = place("graph.html")
    const { code, checks } = await checksOf("--truth", file, "--html", page, shop.copy())
    expect(code).toBe(1)
    const linked = checks.find(({ id }) => id === "linked-queues")
    expect(linked).toMatchObject({ pass: false, chance: 0.5, measure: 1 })
    expect(readFileSync(page, "utf8")).toContain(
      "40 people, 80 pairs in one group; of as many guesses 80 are right",
    )
  })

  test("queues with messages of their own are not", async () => {
    using shop = messages(false)
    const { code, checks } = await checksOf("--truth", file, shop.copy())
    expect([code, checks.filter(({ id }) => id.startsWith("linked-")).length]).toEqual([0, 4])
  })
})

describe("with the truth in ids that clients know", () => {
  /** Users and clients as they stand in the rows, paired at random. */
  function truthOf(directory: string): Truth {
    const keys = new SlotKeys(crypto, readSecrets(crypto, place("secrets")).secrets.queueSlotKeys)
    const tables = readSnapshot(directory).databases.flatMap(({ contents }) => contents.tables)
    const rowsOf = (name: string) => tables.find((table) => table.name === name)?.rows ?? []
    const users = rowsOf("as_user").map(({ values }) => toHex(values.get("user") as Uint8Array))
    const clientIds = rowsOf("qs_client").map(({ values }) => {
      const row = openRow(keys, clients, Object.fromEntries(values) as unknown as StoredRow)
      return toHex(row["id"] as Uint8Array)
    })
    const pseudonyms = users.map((user, i) => [user, clientIds[i] as string] as const)
    return { groups: [], pseudonyms, aliases: [], entries: [] }
  }

  test("rows are found with the secrets of the server, not without, and no others are taken for them", async () => {
    const file = place("ids.json")
    writeFileSync(file, encodeTruth(truthOf(place("stopped"))))
    const linked = async (...flags: readonly string[]) => {
      const { code, checks } = await checksOf("--truth", file, ...flags, place("stopped"))
      return [code, checks.find(({ id }) => id === "linked-pseudonyms")?.["words"]]
    }
    expect(await linked()).toEqual([0, expect.stringContaining("nothing to try")])
    const tried = await linked("--secrets", place("secrets"))
    expect(tried).toEqual([0, "No attack does better than guessing."])
    const strangers = place("strangers.secrets")
    writeFileSync(strangers, encodeSecrets(crypto, makeSecrets(crypto, "example.net", 1_793_000_000)), {
      mode: 0o600,
    })
    const { code, err } = await cinderAudit("--truth", file, "--secrets", strangers, place("stopped"))
    expect([code, err]).toEqual([2, `cinder: ${strangers} has the secrets of another server\n`])
  })
})

describe("the page", () => {
  test("needs nothing but itself, and shows names as text, whatever they are", () => {
    using shop = new Workshop()
    shop.database.run(`CREATE TABLE "<script>alert('1')</script>" (id INTEGER PRIMARY KEY, v TEXT)`)
    shop.database.run(`INSERT INTO "<script>alert('1')</script>" (v) VALUES ('a'), ('bc'), ('def')`)
    const page = asHtml(shop.audit())
    expect(page).not.toMatch(/<script|<link|<img|url\(|https?:/i)
    expect(page).toContain("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;")
    expect(page).toContain("default-src 'none'")
  })

  test("is written where it is asked for, beside what is printed", async () => {
    const file = place("report.html")
    const { code, out } = await cinderAudit("--html", file, place("stopped"))
    expect([code, out.includes("The promise holds")]).toEqual([0, true])
    const page = readFileSync(file, "utf8")
    expect(page).toStartWith("<!doctype html>")
    expect(page).toContain("The promise holds")
    expect(page).toContain("<svg")
  })
})

test("what keeps it from looking ends with 2 and a sentence", async () => {
  const known = place("bad")
  writeFileSync(known, "hex:zz")
  const cases = [
    [],
    [place("nothing")],
    ["--wrong", place("stopped")],
    ["--known", known, place("stopped")],
    ["--known", place("nothing"), place("stopped")],
    ["--truth", known, place("stopped")],
    ["--html", place("no/where.html"), place("stopped")],
  ]
  for (const words of cases) {
    const { code, out, err } = await cinderAudit(...words)
    expect([words, code, out]).toEqual([words, 2, ""])
    expect(err).toMatch(/^cinder: .+\n$/)
  }
})

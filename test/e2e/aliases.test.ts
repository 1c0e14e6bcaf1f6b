import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AliasRecord } from "../../src/client/records.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { DOMAIN } from "./homeserver.ts"
import { requestsOf } from "./http-requests.ts"
import { RememberingStore } from "./loot.ts"
import { Person } from "./person.ts"
import { LoopbackProxy } from "./proxy.ts"
import { contains } from "./search.ts"
import { Snapshot } from "./snapshot.ts"

/** What a server gets to know of aliases, keeps of them and says about them, in a whole story. */

const TYPED = ["Countess.Of-Lovelace", "Enchantress_Of_Number", "Ben.Of.Westminster"] as const
const ALIASES = TYPED.map((typed) => typed.toLowerCase())

const directory = mkdtempSync(join(tmpdir(), "cinder-e2e-aliases-"))
const data = join(directory, "data")
const log = join(directory, "log")
const stores = [1, 2, 3].map(() => new RememberingStore())
const snapshots: Record<"registered" | "queued" | "deleted" | "killed", Snapshot> = {} as never
let sent: Uint8Array[]
let heads: Uint8Array[]

/** The server with everything that it prints in a file. */
async function startServer(): Promise<{ readonly port: number; kill(): Promise<void> }> {
  const main = join(import.meta.dir, "../../src/main.ts")
  const output = Bun.file(log)
  const child = Bun.spawn(
    [process.execPath, main, "serve", "--data", data, "--port", "0", "--domain", DOMAIN],
    { stdin: "ignore", stdout: output, stderr: output },
  )
  for (;;) {
    const port = /listening on http:\/\/\S+:(\d+)/.exec(readFileSync(log, "utf8"))?.[1]
    if (port !== undefined) {
      return {
        port: Number(port),
        async kill() {
          child.kill("SIGKILL")
          await child.exited
        },
      }
    }
    await Bun.sleep(10)
  }
}

beforeAll(async () => {
  await Bun.write(log, "")
  const server = await startServer()
  const proxy = await LoopbackProxy.start(() => server.port)
  const [ada, ben, cleo] = (await Promise.all(
    stores.map((store) => Person.register({ url: proxy.url, store })),
  )) as [Person, Person, Person]
  await ada.client.registerAlias(TYPED[0])
  await ada.client.registerAlias(TYPED[1])
  await ben.client.registerAlias(TYPED[2])
  await expect(cleo.client.registerAlias(TYPED[0])).rejects.toMatchObject({ code: "as.alias-exists" })
  snapshots.registered = await Snapshot.settled(data)
  for (const alias of TYPED.slice(0, 2)) await cleo.client.connectByAlias(alias)
  snapshots.queued = await Snapshot.settled(data)
  await ada.client.pollConnectionRequests()
  await cleo.until(({ events }) => events.filter(({ type }) => type === "connected").length === 2)
  await ada.client.pollConnectionRequests()
  await ada.client.deleteAlias(TYPED[1])
  snapshots.deleted = await Snapshot.settled(data)
  await server.kill()
  snapshots.killed = Snapshot.take(data)
  for (const person of [ada, ben, cleo]) await person.stop()
  await proxy.stop()
  sent = proxy.passages.flatMap((passage) => passage.sent)
  const requests = proxy.passages.flatMap((passage) => requestsOf(passage.sent))
  heads = requests.map(({ head }) => utf8(head))
}, 60_000)
afterAll(() => rmSync(directory, { recursive: true }))

function forms(alias: string): Uint8Array[] {
  const texts = [alias, alias.toUpperCase(), TYPED.find((typed) => typed.toLowerCase() === alias) as string]
  return texts.flatMap((text) => [utf8(text), new Uint8Array(Buffer.from(text, "utf16le"))])
}

const moments = ["registered", "queued", "deleted", "killed"] as const
const files = (moment: (typeof moments)[number]) => [...snapshots[moment].files.values()]
const hashesOf = (store: RememberingStore | undefined) =>
  new Map(
    store?.names("alias/").map((alias) => [alias, store.records(AliasRecord, `alias/${alias}`)[0]?.hash]),
  )

describe("an alias", () => {
  test("is in no byte that clients send, in no file, and in nothing that the server prints", () => {
    const printed = readFileSync(log)
    expect(printed.length).toBeGreaterThan(0)
    expect(sent.length).toBeGreaterThan(50)
    for (const form of ALIASES.flatMap(forms)) {
      expect(contains(sent, form)).toBe(false)
      expect(contains([printed], form)).toBe(false)
      for (const moment of moments) expect(contains(files(moment), form)).toBe(false)
    }
  })

  test("has a hash that is in no request line and no header, in no file and in nothing that the server prints", () => {
    const hashes = stores.flatMap((store) => [...hashesOf(store).values()])
    expect(hashes).toHaveLength(4)
    for (const hash of hashes) {
      expect(contains(heads, hash as Uint8Array)).toBe(false)
      expect(contains([readFileSync(log)], hash as Uint8Array)).toBe(false)
      for (const moment of moments) expect(contains(files(moment), hash as Uint8Array)).toBe(false)
    }
  })

  test("leaves no row and no byte behind when it is deleted, with its queue and packages", () => {
    const tables = ["as_alias", "as_queue", "as_alias_package"]
    const rowsAt = (moment: (typeof moments)[number]) =>
      tables.flatMap((table) => snapshots[moment].blobs(table))
    for (const moment of ["deleted", "killed"] as const) {
      const left = new Set(rowsAt(moment).map(toHex))
      const gone = rowsAt("queued").filter((value) => !left.has(toHex(value)))
      expect(gone.length).toBeGreaterThan(2 * 16)
      for (const value of gone) expect(contains(files(moment), value)).toBe(false)
      expect(snapshots[moment].rows("as_alias")).toHaveLength(2)
      expect(snapshots[moment].rows("as_queue")).toHaveLength(3 + 2)
      expect(snapshots[moment].rows("as_alias_package").length).toBe(16 - 1 + 16)
    }
  })

  test("has no secret of its owner's client in the files", () => {
    for (const store of stores) {
      const records = store.names("alias/").flatMap((alias) => store.records(AliasRecord, `alias/${alias}`))
      for (const { authSeed, queueKey } of records) {
        for (const moment of moments) {
          expect(contains(files(moment), authSeed)).toBe(false)
          expect(contains(files(moment), queueKey)).toBe(false)
        }
      }
    }
  })
})

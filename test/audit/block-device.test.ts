import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { readSnapshot } from "../../src/audit/evidence.ts"
import { startServerProcess } from "../../src/demo/server-process.ts"
import { cinder } from "../cli/process.ts"
import { DOMAIN } from "../e2e/homeserver.ts"
import { befriend, gather, Person } from "../e2e/person.ts"
import { BlockDevice } from "./block-device.ts"
import { random } from "./databases.ts"

/** What whoever takes the disk itself finds, and not only the files on it. */

const device = BlockDevice.mount()
if (device === undefined) {
  console.warn(
    "test/audit/block-device.test.ts looks at nothing: this machine does not let this user mount a file system",
  )
}
device?.[Symbol.dispose]()

const PIECE_BYTES = 16

/** A piece of every value of the rows, by which to find it again. */
function piecesOf(directory: string): Set<string> {
  const values = readSnapshot(directory).databases.flatMap(({ contents }) =>
    contents.tables.flatMap(({ rows }) => rows.flatMap((row) => [...row.values.values()])),
  )
  const blobs = values
    .filter((value) => value instanceof Uint8Array)
    .filter(({ length }) => length >= PIECE_BYTES)
  return new Set(blobs.map((blob) => piece(blob)))
}

/** Long values begin alike, such as credentials: the end is where they differ. */
function piece(blob: Uint8Array): string {
  return Buffer.from(blob.subarray(blob.length - PIECE_BYTES)).toString("latin1")
}

/** How many of the pieces `cinder audit` finds on the device. */
async function found(pieces: readonly string[], disk: BlockDevice): Promise<number> {
  using list = new TemporaryFile(
    pieces.map((text) => `hex:${Buffer.from(text, "latin1").toHex()}`).join("\n"),
  )
  const words = ["audit", "--json", "--known", list.path, "--device", disk.written()]
  const { code, stdout } = await cinder(words)
  const [check] = (JSON.parse(stdout) as { checks: { id: string; measure: number }[] }).checks
  expect([check?.id, code]).toEqual(["device", check?.measure === 0 ? 0 : 1])
  return check?.measure ?? 0
}

class TemporaryFile implements Disposable {
  readonly path = join(mkdtempSync(join(tmpdir(), "cinder-known-")), "known")

  constructor(text: string) {
    writeFileSync(this.path, text)
  }

  [Symbol.dispose](): void {
    rmSync(dirname(this.path), { recursive: true })
  }
}

test.if(device !== undefined)(
  "no row that was deleted or replaced is left on the device, after acknowledging, removing, deleting an account and SIGKILL",
  async () => {
    using disk = BlockDevice.mount() as BlockDevice
    const data = join(disk.path, "data")
    const copies = mkdtempSync(join(tmpdir(), "cinder-device-copies-"))
    const start = (port: number) => startServerProcess({ data, domain: DOMAIN, port, binary: undefined })
    const before = new Set<string>()
    const remember = () => {
      const copy = mkdtempSync(join(copies, "copy-"))
      cpSync(data, copy, { recursive: true })
      for (const text of piecesOf(copy)) before.add(text)
    }
    try {
      let server = await start(0)
      const url = `http://127.0.0.1:${server.port}`
      const people: Person[] = []
      for (let i = 0; i < 6; i++) people.push(await Person.register({ url, displayName: `Person ${i}` }))
      const [host, ...guests] = people as [Person, ...Person[]]
      remember()
      for (const guest of guests) await befriend(host, guest)
      const group = await gather(host, guests)
      await host.client.registerAlias("for-a-while")
      const [leaver, ...others] = guests as [Person, ...Person[]]
      for (const person of others) await person.stop()
      for (let i = 0; i < 30; i++) {
        await host.say(`message ${i} ${"of words ".repeat(i * 20)}`, group)
        if (i % 5 === 0) remember()
      }
      await server.kill()
      server = await start(server.port)
      remember()
      for (const person of others) await person.start()
      for (const person of others) await person.untilHeard(`message 29 ${"of words ".repeat(580)}`)
      await host.client.deleteAlias("for-a-while")
      await group.remove(leaver.user)
      await leaver.client.deleteAccount()
      remember()
      for (const person of [host, ...others]) await person.stop()
      expect(await server.stop()).toBe(0)
      const now = piecesOf(data)
      const gone = [...before].filter((text) => !now.has(text))
      expect(gone.length).toBeGreaterThan(500)
      expect(await found([...now].slice(0, 200), disk)).toBe(Math.min(200, now.size))
      expect(await found(gone, disk)).toBe(0)
    } finally {
      rmSync(copies, { recursive: true })
    }
  },
  120_000,
)

test.if(device !== undefined)("and what a database leaves that deletes its log is found there", async () => {
  using disk = BlockDevice.mount() as BlockDevice
  const database = new Database(join(disk.path, "naive.sqlite"), { create: true })
  database.run("PRAGMA journal_mode = WAL")
  database.run("PRAGMA secure_delete = ON")
  database.run("CREATE TABLE t (k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID")
  const rows = Array.from({ length: 200 }, () => [random(16), random(400)] as const)
  for (const row of rows) database.run("INSERT INTO t VALUES (?, ?)", [...row])
  disk.written()
  database.run("DELETE FROM t")
  database.close()
  const pieces = rows.map(([, value]) => piece(value))
  expect(await found(pieces, disk)).toBeGreaterThan(10)
})

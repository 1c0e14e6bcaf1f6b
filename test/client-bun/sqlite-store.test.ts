import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ClientError } from "../../src/client/errors.ts"
import { sqliteStore } from "../../src/client-bun/sqlite-store.ts"
import { durableStoreCases, storeCases } from "../client/store-conformance.ts"
import { checkRounds } from "../client/store-rounds.ts"
import { filesWith, randomBytes, temporaryDirectory } from "../store/files.ts"

const FILE = "client.sqlite"
const WRITER = join(import.meta.dir, "sqlite-writer.ts")
const KILLS = 30

/** The writer as a process of its own, and the rounds that it tells of. */
function spawnWriter(file: string) {
  const child = Bun.spawn([process.execPath, WRITER, file], {
    ...{ stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  })
  async function* lines(): AsyncGenerator<string> {
    let rest = ""
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split("\n")
      rest = parts.pop() ?? ""
      yield* parts
    }
  }
  return { lines: lines(), kill: () => child.kill("SIGKILL"), exited: child.exited }
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.catch((reason) => reason)
  return error instanceof ClientError ? error.code : "not refused"
}

for (const { name, run } of [...storeCases, ...durableStoreCases]) {
  test(`SQLite store: ${name}`, async () => {
    using directory = temporaryDirectory()
    await run({ open: () => sqliteStore(join(directory.path, FILE)) })
  })
}

test("the files are for their owner alone, whatever the umask", async () => {
  using directory = temporaryDirectory()
  const before = process.umask(0)
  try {
    const file = join(directory.path, "new", FILE)
    const store = await sqliteStore(file)
    await store.put("a", randomBytes(10))
    for (const name of [file, `${file}-wal`]) expect(statSync(name).mode & 0o777).toBe(0o600)
    expect(statSync(join(directory.path, "new")).mode & 0o777).toBe(0o700)
    await store.close()
  } finally {
    process.umask(before)
  }
})

test("nothing is left in the files of values that were replaced or deleted, nor of a store that was destroyed", async () => {
  using directory = temporaryDirectory()
  const file = join(directory.path, FILE)
  const secrets = Array.from({ length: 40 }, (_, index) => randomBytes(index % 8 === 0 ? 40_000 : 64))
  const found = (): number =>
    secrets.filter((secret) => filesWith(directory.path, secret.subarray(-48)).length > 0).length
  let store = await sqliteStore(file)
  for (const [index, value] of secrets.entries()) await store.put(`key/${index}`, value)
  expect(found()).toBe(secrets.length)
  for (const index of secrets.keys()) {
    if (index % 2 === 0) await store.delete(`key/${index}`)
    else await store.put(`key/${index}`, randomBytes(64))
  }
  await store.close()
  expect(found()).toBe(0)
  store = await sqliteStore(file)
  await store.put("last", secrets[0] as Uint8Array)
  expect(found()).toBe(1)
  await store.destroy()
  expect(filesWith(directory.path, new Uint8Array(0))).toEqual([])
})

test("another program's database, a newer version's store and what is no database are refused and left as they are", async () => {
  using directory = temporaryDirectory()
  const made = (name: string, ...statements: string[]): string => {
    const file = join(directory.path, name)
    const database = new Database(file, { create: true })
    for (const statement of statements) database.run(statement)
    database.close()
    return file
  }
  const text = join(directory.path, "text")
  writeFileSync(text, "This is no database, but it is long enough to be looked at. ".repeat(20))
  const newer = join(directory.path, "newer")
  await (await sqliteStore(newer)).close()
  made("newer", "PRAGMA user_version = 2")
  const foreign = [
    made("unmarked", "CREATE TABLE state (key TEXT, value TEXT)"),
    made("marked", "PRAGMA application_id = 7", "PRAGMA user_version = 1"),
    made("logged", "PRAGMA journal_mode = WAL", "CREATE TABLE other (x)"),
  ]
  for (const file of [text, ...foreign, newer]) {
    const before = readFileSync(file)
    expect(await refusal(sqliteStore(file))).toBe("client.incompatible-store")
    expect(readFileSync(file).equals(before), file).toBeTrue()
  }
  expect(await refusal(sqliteStore(join(directory.path, "text", "inside")))).toBe("client.store-failed")
})

test("another process is refused as long as the first lives, also after this one was refused, and not when it was killed", async () => {
  using directory = temporaryDirectory()
  const file = join(directory.path, FILE)
  const writer = spawnWriter(file)
  await writer.lines.next()
  expect(await refusal(sqliteStore(file))).toBe("client.store-in-use")
  writer.kill()
  await writer.exited
  const store = await sqliteStore(file)
  expect((await store.list("pair/")).length).toBeGreaterThan(0)
  expect(await refusal(sqliteStore(file))).toBe("client.store-in-use")
  const other = Bun.spawnSync([process.execPath, WRITER, file], { stdout: "pipe", stderr: "pipe" })
  expect(other.stdout.toString()).toBe("")
  expect(other.stderr.toString()).toContain("client.store-in-use")
  await store.close()
})

test("a process killed at whatever moment loses nothing that was written, and leaves nothing half done", async () => {
  using directory = temporaryDirectory()
  const file = join(directory.path, FILE)
  let resolved = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const writer = spawnWriter(file)
    const lines = 1 + Math.floor(Math.random() * 60)
    let seen = 0
    for await (const line of writer.lines) {
      resolved = Number(line)
      seen += 1
      if (seen === lines) writer.kill()
    }
    await writer.exited
    const store = await sqliteStore(file)
    const last = await checkRounds(store)
    await store.close()
    expect(last).toBeGreaterThanOrEqual(resolved)
  }
  expect(resolved).toBeGreaterThan(KILLS)
})

import { describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { chmodSync, copyFileSync, readdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  defineTable,
  put,
  type Store,
  StoreFailed,
  StoreIncompatible,
  StoreLocked,
} from "../../src/store/database.ts"
import type { Migration } from "../../src/store/migrations.ts"
import { openStore } from "../../src/store/open.ts"
import { filesWith, randomBytes, temporaryDirectory } from "./files.ts"
import { entries, migrations } from "./tables.ts"

function write(store: Store, tag: Uint8Array, body: Uint8Array): Promise<void> {
  return store.writer.submit({ expects: [], effects: () => [put(entries, { tag, body })] })
}

describe("opening a store", () => {
  test("makes file and directory for this user alone, without an index file beside the log", async () => {
    using directory = temporaryDirectory()
    const data = join(directory.path, "data", "delivery")
    const store = await openStore({ file: join(data, "store.sqlite"), migrations })
    await write(store, randomBytes(16), randomBytes(16))
    expect(statSync(data).mode & 0o777).toBe(0o700)
    expect(readdirSync(data).sort()).toEqual(["store.sqlite", "store.sqlite-wal"])
    for (const name of readdirSync(data)) expect(statSync(join(data, name)).mode & 0o777).toBe(0o600)
    await store.close()
    expect(readdirSync(data)).toEqual(["store.sqlite"])
  })

  test("is refused while another process or this one has the database open", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    const store = await openStore({ file, migrations })
    await expect(openStore({ file, migrations })).rejects.toBeInstanceOf(StoreLocked)
    const second = spawnSync(process.execPath, [join(import.meta.dir, "writer.ts"), directory.path, "1"])
    expect(second.stdout.toString()).toBe("")
    expect(second.stderr.toString()).toContain("StoreLocked: another process has the database")
    expect(second.status).not.toBe(0)
    await write(store, randomBytes(16), randomBytes(16))
    await store.close()
    await (await openStore({ file, migrations })).close()
  })

  test("is refused with a sentence when the file is no database, has another page size or cannot be made", async () => {
    using directory = temporaryDirectory()
    const text = join(directory.path, "text")
    writeFileSync(text, "this is not a database, whatever its name says".repeat(100))
    await expect(openStore({ file: text, migrations })).rejects.toBeInstanceOf(StoreIncompatible)

    const file = join(directory.path, "store.sqlite")
    await (await openStore({ file, migrations, pageSize: 4096 })).close()
    await expect(openStore({ file, migrations, pageSize: 8192 })).rejects.toThrow(
      new StoreIncompatible("the setting page_size should be 8192, but is 4096"),
    )
    await (await openStore({ file, migrations, pageSize: 4096 })).close()
    await expect(openStore({ file: join(text, "store.sqlite"), migrations })).rejects.toBeInstanceOf(
      StoreFailed,
    )
  })
})

const wider = defineTable<{ tag: Uint8Array; body: Uint8Array; month: number }>(
  "entries",
  ["tag"],
  ["tag", "body", "month"],
)
const upgrade: Migration = {
  version: 2,
  sql: "ALTER TABLE entries ADD COLUMN month INTEGER NOT NULL DEFAULT 7",
}

describe("migrations", () => {
  test("bring a database of an older version forward and keep its rows", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    const old = await openStore({ file, migrations })
    const [tag, body] = [randomBytes(16), randomBytes(16)]
    await write(old, tag, body)
    await old.close()
    const upgraded = await openStore({ file, migrations: [...migrations, upgrade] })
    expect(upgraded.get(wider, { tag })).toEqual({ tag, body, month: 7 })
    await upgraded.close()
    const again = await openStore({ file, migrations: [...migrations, upgrade] })
    expect(again.get(wider, { tag })).toEqual({ tag, body, month: 7 })
    await again.close()
  })

  test("a database newer than the program is refused and unchanged", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    await (await openStore({ file, migrations: [...migrations, upgrade] })).close()
    const before = new Uint8Array(await Bun.file(file).arrayBuffer())
    await expect(openStore({ file, migrations })).rejects.toThrow(
      "the database has version 2, but this program only knows versions up to 1",
    )
    expect(new Uint8Array(await Bun.file(file).arrayBuffer())).toEqual(before)
  })

  test("one that fails leaves the version before it, completely", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    const broken: Migration = { version: 2, sql: `${upgrade.sql}; CREATE TABLE entries (tag BLOB)` }
    await expect(openStore({ file, migrations: [...migrations, broken] })).rejects.toThrow()
    const store = await openStore({ file, migrations })
    await write(store, randomBytes(16), randomBytes(16))
    expect(store.count(entries)).toBe(1)
    await store.close()
  })

  test("are numbered without gaps", async () => {
    using directory = temporaryDirectory()
    const file = join(directory.path, "store.sqlite")
    await expect(openStore({ file, migrations: [upgrade] })).rejects.toBeInstanceOf(StoreIncompatible)
  })
})

describe("a backup", () => {
  test("opens as a store with the same rows, and holds nothing that was deleted", async () => {
    using directory = temporaryDirectory()
    const store = await openStore({ file: join(directory.path, "data", "store.sqlite"), migrations })
    const [tag, kept, deleted] = [randomBytes(16), randomBytes(500), randomBytes(500)]
    await write(store, tag, deleted)
    await write(store, randomBytes(16), randomBytes(500))
    await write(store, tag, kept)
    const backups = join(directory.path, "backups")
    chmodSync(directory.path, 0o700)
    await (await openStore({ file: join(backups, "other.sqlite"), migrations })).close()
    const file = join(backups, "backup.sqlite")
    store.backupTo(file)
    await write(store, tag, randomBytes(500))
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(filesWith(backups, deleted)).toEqual([])
    expect(filesWith(backups, kept)).toEqual(["backup.sqlite"])
    await store.close()

    copyFileSync(file, join(directory.path, "restored.sqlite"))
    const restored = await openStore({ file: join(directory.path, "restored.sqlite"), migrations })
    expect(restored.get(entries, { tag })?.body).toEqual(kept)
    expect(restored.count(entries)).toBe(2)
    await restored.close()
  })

  test("never replaces a file", async () => {
    using directory = temporaryDirectory()
    const store = await openStore({ file: join(directory.path, "store.sqlite"), migrations })
    const file = join(directory.path, "backup.sqlite")
    writeFileSync(file, "precious")
    expect(() => store.backupTo(file)).toThrow(StoreFailed)
    expect(await Bun.file(file).text()).toBe("precious")
    await store.close()
  })
})

import { Database } from "bun:sqlite"
import { cpSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import { fromHex, toHex } from "../../../src/wire/bytes.ts"

const SCHEMA = `
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB, device TEXT, record BLOB, created_at INTEGER);
CREATE TABLE aliases (id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB, owner BLOB, device TEXT, created_at INTEGER);
CREATE TABLE queues (id INTEGER PRIMARY KEY AUTOINCREMENT, client BLOB UNIQUE, device TEXT, queue_key BLOB,
  last_message INTEGER, created_at INTEGER, updated_at INTEGER);
CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, tag BLOB UNIQUE, queue BLOB, body BLOB, created_at INTEGER);
CREATE INDEX messages_of_queue ON messages (queue);
`

/**
 * The server that a textbook would have: row ids, times, ciphertexts as they came, a transaction for each recipient of each
 * message, SQLite's defaults. Whatever happens at the real one happens here, so that each attack has something to find.
 */
export class NaiveServer {
  readonly #data: string
  readonly #directory: string
  readonly #devices = new Map<string, string>()
  #database: Database

  constructor(directory: string) {
    this.#directory = directory
    this.#data = join(directory, "naive")
    mkdirSync(this.#data)
    this.#database = this.#open()
    this.#database.run(SCHEMA)
  }

  #open(): Database {
    const database = new Database(join(this.#data, "server.sqlite"))
    database.run("PRAGMA journal_mode = WAL")
    database.run("PRAGMA synchronous = NORMAL")
    return database
  }

  register(user: string): void {
    const row = [fromHex(user), this.#deviceOf(user), crypto.random(192), Date.now()]
    this.#database.run("INSERT INTO users (name, device, record, created_at) VALUES (?, ?, ?, ?)", row)
  }

  openQueue(user: string, queue: Uint8Array): void {
    const row = [queue, this.#deviceOf(user), crypto.random(32), Date.now(), Date.now()]
    this.#database.run(
      "INSERT INTO queues (client, device, queue_key, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
      row,
    )
  }

  registerAlias(user: string, alias: Uint8Array): void {
    const row = [alias, fromHex(user), this.#deviceOf(user), Date.now()]
    this.#database.run("INSERT INTO aliases (hash, owner, device, created_at) VALUES (?, ?, ?, ?)", row)
  }

  deleteAlias(alias: Uint8Array): void {
    this.#database.run("DELETE FROM aliases WHERE hash = ?", [alias])
  }

  deleteAccount(user: string, queue: Uint8Array): void {
    this.#database.run("DELETE FROM users WHERE name = ?", [fromHex(user)])
    this.#database.run("DELETE FROM aliases WHERE owner = ?", [fromHex(user)])
    this.#database.run("DELETE FROM queues WHERE client = ?", [queue])
    this.#database.run("DELETE FROM messages WHERE queue = ?", [queue])
  }

  deliver(queues: readonly Uint8Array[], body: Uint8Array): void {
    for (const queue of queues) {
      this.#database.transaction(() => {
        const row = [crypto.random(16), queue, body, Date.now()]
        const insert = "INSERT INTO messages (tag, queue, body, created_at) VALUES (?, ?, ?, ?)"
        const { lastInsertRowid } = this.#database.run(insert, row)
        const update = "UPDATE queues SET last_message = ?, updated_at = ? WHERE client = ?"
        this.#database.run(update, [lastInsertRowid, Date.now(), queue])
      })()
    }
  }

  acknowledge(queue: Uint8Array): void {
    this.#database.run("DELETE FROM messages WHERE queue = ?", [queue])
  }

  /** Tags with their queues, in hexadecimal. */
  entries(): (readonly [string, string])[] {
    const rows = this.#database
      .query<{ tag: Uint8Array; queue: Uint8Array }, []>("SELECT tag, queue FROM messages")
      .all()
    return rows.map(({ tag, queue }) => [toHex(tag), toHex(queue)])
  }

  restart(): void {
    this.#database.close()
    this.#database = this.#open()
  }

  copy(name: string): string {
    const to = join(this.#directory, `naive ${name}`)
    cpSync(this.#data, to, { recursive: true, preserveTimestamps: true })
    return to
  }

  close(): void {
    this.#database.close()
  }

  /** What an application says of itself. */
  #deviceOf(user: string): string {
    const known = this.#devices.get(user)
    if (known !== undefined) return known
    const [length, ...model] = crypto.random(10) as Iterable<number> as number[]
    const device = `Messenger/1.${model.join(".")} (${"x".repeat((length as number) % 64)})`
    this.#devices.set(user, device)
    return device
  }
}

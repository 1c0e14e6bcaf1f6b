import { SQL } from "bun"

/** The rows of the textbook design, through Bun's own client and its pool of connections. */

const CHANNEL = "queues"

export class Rows {
  readonly #sql: SQL

  private constructor(sql: SQL) {
    this.#sql = sql
  }

  static async open(socketDirectory: string, connections: number): Promise<Rows> {
    const path = `${socketDirectory}/.s.PGSQL.5432`
    const sql = new SQL({
      adapter: "postgres",
      path,
      username: "postgres",
      database: "postgres",
      max: connections,
    })
    await sql`DROP TABLE IF EXISTS queue_messages`
    await sql`CREATE TABLE queue_messages (queue text NOT NULL, id bigserial NOT NULL, message bytea NOT NULL,
      PRIMARY KEY (queue, id))`
    return new Rows(sql)
  }

  /** One statement is one transaction. */
  async insert(queue: string, message: Uint8Array): Promise<number> {
    const [row] = await this.#sql<{ id: string }[]>`
      INSERT INTO queue_messages (queue, message) VALUES (${queue}, ${message}) RETURNING id`
    return Number(row?.id)
  }

  /** The notification is part of the transaction: it is sent when that is durable. */
  async insertAndNotify(queue: string, message: Uint8Array): Promise<void> {
    await this.#sql`
      WITH inserted AS (INSERT INTO queue_messages (queue, message) VALUES (${queue}, ${message}) RETURNING queue, id)
      SELECT pg_notify(${CHANNEL}, queue || ':' || id) FROM inserted`
  }

  async listen(onPayload: (payload: string) => void): Promise<void> {
    await this.#sql.listen(CHANNEL, onPayload)
  }

  async read(queue: string, id: string): Promise<Uint8Array | undefined> {
    const [row] = await this.#sql<{ message: Uint8Array }[]>`
      SELECT message FROM queue_messages WHERE queue = ${queue} AND id = ${id}`
    return row?.message
  }

  /** Nobody waits for it. */
  remove(queue: string, through: number): void {
    this.#sql`DELETE FROM queue_messages WHERE queue = ${queue} AND id <= ${through}`.catch(console.error)
  }
}

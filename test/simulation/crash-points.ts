/**
 * Loaded before the server's program (`bun --preload`): makes each step of its commit pipeline a place where it can be
 * made to die. The program itself is the one that operators run; it knows nothing of this.
 */
import { Database, type Statement } from "bun:sqlite"
import { basename, join } from "node:path"
import { plugin, type Serve, type ServerWebSocket } from "bun"
import { started, step } from "./steps.ts"

const STEPPING_FILES = join(import.meta.dir, "stepping-files.ts")

plugin({
  name: "steps in files",
  setup(build) {
    build.onLoad({ filter: /\/src\/store\/(scrub|residue)\.ts$/ }, async ({ path }) => {
      const source = await Bun.file(path).text()
      if (!source.includes('"node:fs"')) throw new Error(`${basename(path)} writes no files any more`)
      return { contents: source.replace('"node:fs"', JSON.stringify(STEPPING_FILES)), loader: "ts" }
    })
  },
})

/** What a statement does, if it is a step of the pipeline; partitions of a pool are all alike. */
function nameOf(sql: string): string | undefined {
  if (sql === "PRAGMA wal_checkpoint(RESTART)") return "checkpoint"
  const [, settled] = /^INSERT OR REPLACE INTO (\w+) SELECT/.exec(sql) ?? []
  const [, emptied] = /^DELETE FROM (\w+)$/.exec(sql) ?? []
  const [found] =
    /^(BEGIN|COMMIT|INSERT INTO \w+|DELETE FROM \w+|CREATE TABLE \w+|DROP TABLE \w+)/.exec(sql) ?? []
  const name = settled ? `settle ${settled}` : emptied ? `empty ${emptied}` : found
  return name
    ?.toLowerCase()
    .replace(/_\d{6}$/, "")
    .replace(/fresh_[01]_/, "fresh_")
}

function stepOf(database: Database, sql: string): string | undefined {
  const name = nameOf(sql)
  return name === undefined ? undefined : `${basename(database.filename, ".sqlite")} ${name}`
}

type Method = (...values: unknown[]) => unknown

/** Replaces a method by itself as a step. */
function wrap(object: object, method: string, name: string): void {
  const work = Reflect.get(object, method) as Method
  const value = (...values: unknown[]) => step(name, () => work.apply(object, values))
  Object.defineProperty(object, method, { value, configurable: true })
}

/** Statements of `query` are kept by the database and come again. */
const wrapped = new WeakSet<Statement>()

function wrapStatement(database: Database, sql: string, statement: Statement): Statement {
  const name = stepOf(database, sql)
  if (name === undefined || wrapped.has(statement)) return statement
  wrapped.add(statement)
  for (const method of ["run", "get"]) wrap(statement, method, name)
  return statement
}

const prototype = Database.prototype
const run = prototype.run as Method
const prepare = prototype.prepare as Method
const query = prototype.query as Method
Object.assign(prototype, {
  run(this: Database, sql: string, ...rest: unknown[]) {
    const name = stepOf(this, sql)
    const work = () => run.call(this, sql, ...rest)
    return name === undefined ? work() : step(name, work)
  },
  prepare(this: Database, sql: string, ...rest: unknown[]) {
    return wrapStatement(this, sql, prepare.call(this, sql, ...rest) as Statement)
  },
  query(this: Database, sql: string) {
    return wrapStatement(this, sql, query.call(this, sql) as Statement)
  },
})

const serve = Bun.serve as Method
Object.assign(Bun, {
  serve(options: Serve.Options<unknown> & { readonly fetch: Method; readonly websocket: { open: Method } }) {
    started()
    const fetch: Method = async (...values) => {
      const response = await options.fetch(...values)
      return step("answer", () => response)
    }
    const open: Method = (socket) => {
      wrap(socket as ServerWebSocket<unknown>, "sendBinary", "frame")
      return options.websocket.open(socket)
    }
    return serve.call(Bun, { ...options, fetch, websocket: { ...options.websocket, open } })
  },
})

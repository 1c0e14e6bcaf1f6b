/**
 * Loaded before the server's program: on signals it fails, in the ways in which programs do, with errors that hold what the
 * database was given last.
 */
import { Database, type Statement } from "bun:sqlite"
import { inspect } from "node:util"

type Method = (...values: unknown[]) => unknown

let last: unknown[] = []
/** How many calls of the database are still to fail. */
let failing = 0

class DatabaseFault extends Error {
  override readonly name = "DatabaseFault"
  readonly values = last

  constructor() {
    super(`failed with ${inspect(last, { maxArrayLength: null })}`, { cause: last })
  }
}

const wrapped = new WeakSet<Statement>()

function wrap(statement: Statement): Statement {
  if (wrapped.has(statement)) return statement
  wrapped.add(statement)
  for (const method of ["run", "get", "all", "values"]) {
    const work = Reflect.get(statement, method) as Method
    const value = (...values: unknown[]) => {
      if (values.flat().some((each) => each instanceof Uint8Array)) last = values.flat()
      if (failing > 0) {
        failing -= 1
        throw new DatabaseFault()
      }
      return work.apply(statement, values)
    }
    Object.defineProperty(statement, method, { value, configurable: true })
  }
  return statement
}

const prototype = Database.prototype
for (const method of ["prepare", "query"] as const) {
  const make = prototype[method] as Method
  Object.assign(prototype, {
    [method](this: Database, ...words: unknown[]) {
      return wrap(make.apply(this, words) as Statement)
    },
  })
}

process.on("SIGUSR2", () => {
  failing = 3
})
process.on("SIGPIPE", () => void Promise.reject(new DatabaseFault()))
process.on("SIGWINCH", () => {
  throw new DatabaseFault()
})
// A file that may not grow fails as on a full disk, and does not end the process.
process.on("SIGXFSZ", () => undefined)

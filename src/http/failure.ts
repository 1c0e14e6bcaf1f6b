import { Overloaded, StoreClosed } from "../store/database.ts"
import { Problem } from "../wire/problem.ts"
import { CodecError } from "../wire/tls.ts"

/** Where a defect is reported: lines without anything of a request in them. */
export type Report = (line: string) => void

/**
 * What the caller is told about an error. Whatever is not a refusal is the server's own defect: it is reported by its
 * class and where it arose, and nothing of it reaches the caller.
 */
export function asProblem(error: unknown, report: Report): Problem {
  if (error instanceof Problem) return error
  if (error instanceof CodecError) return new Problem("request.malformed")
  if (error instanceof Overloaded || error instanceof StoreClosed) return new Problem("server.overloaded")
  report(describeFault(error))
  return new Problem("server.internal")
}

/** An error's class and stack frames. Its message and properties may hold what must not be written anywhere. */
export function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return `fault: something that is no Error (${typeof error})`
  const stack = error.stack ?? ""
  const at = stack.indexOf(error.message)
  const frames = (at < 0 ? stack : stack.slice(at + error.message.length))
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
  return [`fault: ${error.constructor.name}`, ...frames].join("\n")
}

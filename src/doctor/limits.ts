import { SOCKETS_MAX } from "../limits.ts"
import { readText } from "../system-text.ts"
import { type Examination, type Finding, fail, ok, warn } from "./finding.ts"

/** Beside streams: requests, files, pushes that go out. */
const OTHER_FILES = 4096
const FILES_MIN = 1024

/** The runtime raises its limit to the hard one. */
export const limits: Examination = () => [openFiles(readText("/proc/self/limits"))]

export function openFiles(text: string): Finding {
  const id = "open-files"
  const promise = "Nothing is learned by it; but people cannot connect when connections are used up."
  const hard = /^Max open files +\S+ +(\S+)/m.exec(text)?.[1]
  if (hard === undefined) return warn(id, "the limit of open files is unknown", promise)
  const number = hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard)
  const advice = `set LimitNOFILE=${SOCKETS_MAX + OTHER_FILES} where the server is started, for all streams that it takes`
  if (number < FILES_MIN) return fail(id, `a process may open ${hard} files only: ${advice}`, promise)
  if (number < SOCKETS_MAX + OTHER_FILES)
    return warn(id, `a process may open ${hard} files as this one was started: ${advice}`, promise)
  return ok(id, `a process may open ${hard} files`, promise)
}

import { FFIType, ptr } from "bun:ffi"
import { openLibrary } from "../system-library.ts"
import { type Examination, type Finding, ok, warn } from "./finding.ts"

const TIME_ERROR = 5
/** More than `struct timex` takes; its first field, zero, means that nothing is to be changed. */
const TIMEX_BYTES = 512

export const clock: Examination = () => [synchronization(clockState())]

/** `state`: what adjtimex(2) gives back; undefined where it cannot be asked. */
export function synchronization(state: number | undefined): Finding {
  const id = "clock"
  const promise =
    "By the clock the server refuses repeated requests, lets credentials end and forgets months; a wrong one keeps what should be gone, or locks people out."
  if (state === undefined || state < 0)
    return warn(id, "it cannot be seen whether the clock is synchronized: see that it is", promise)
  if (state === TIME_ERROR)
    return warn(
      id,
      "the clock is not synchronized: run systemd-timesyncd, chrony or another NTP client",
      promise,
    )
  return ok(id, "the clock is synchronized", promise)
}

function clockState(): number | undefined {
  const library = openLibrary({ adjtimex: { args: [FFIType.ptr], returns: FFIType.i32 } })
  return library?.adjtimex(ptr(new Uint8Array(TIMEX_BYTES)))
}

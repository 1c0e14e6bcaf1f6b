import { readFileSync } from "node:fs"

/** What Linux knows of a process; NaN where there is no /proc. */

/** `sysconf(_SC_CLK_TCK)`, which is this on every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100

/** Microseconds of processor time of a process with all its threads, to 10 ms. */
export function cpuTimeOf(pid: number): number {
  return ticksIn(`/proc/${pid}/stat`)
}

/** Microseconds of processor time of a process's first thread alone: the one that serves. */
export function mainThreadTimeOf(pid: number): number {
  return ticksIn(`/proc/${pid}/task/${pid}/stat`)
}

/** Resident memory in bytes. */
export function residentBytesOf(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(contentsOf(`/proc/${pid}/status`))
  return found === null ? Number.NaN : Number(found[1]) * 1024
}

function ticksIn(file: string): number {
  const fields = contentsOf(file)
    .replace(/^.*\) /s, "")
    .split(" ")
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND
}

function contentsOf(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

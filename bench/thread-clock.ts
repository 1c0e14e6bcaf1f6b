import { dlopen, FFIType, ptr } from "bun:ffi"
import { median, type Options } from "./harness.ts"

/**
 * Processor time of this thread in microseconds, to less than one: `process.threadCpuUsage` may lag behind by a whole tick
 * of the system. Linux.
 */

const BATCH_MICROSECONDS = 2000
const CALLS_MAX = 2000
const CLOCK_THREAD_CPUTIME_ID = 3
const timespec = new BigInt64Array(2)
const pointer = ptr(timespec)
const { clock_gettime } = open()

export function threadTime(): number {
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, pointer)
  return Number(timespec[0]) * 1e6 + Number(timespec[1]) / 1000
}

/**
 * Microseconds of processor time of one call of a function that keeps nothing: the median of many batches. Other than the
 * time on the wall, it stays the same while others want the processor too.
 */
export function cpuOfCall(call: () => unknown, { short }: Options): number {
  const once = timeOf(call, 1)
  const perBatch = Math.max(1, Math.min(CALLS_MAX, Math.round(BATCH_MICROSECONDS / once)))
  timeOf(call, perBatch)
  return median(Array.from({ length: short ? 15 : 60 }, () => timeOf(call, perBatch)))
}

function timeOf(call: () => unknown, calls: number): number {
  const before = threadTime()
  for (let i = 0; i < calls; i++) call()
  return (threadTime() - before) / calls
}

function open() {
  const symbols = { clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 } } as const
  try {
    return dlopen("libc.so.6", symbols).symbols
  } catch {
    return dlopen("libc.musl-x86_64.so.1", symbols).symbols
  }
}

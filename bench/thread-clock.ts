import { dlopen, FFIType, ptr } from "bun:ffi"

/**
 * Processor time of this thread in microseconds, to less than one: `process.threadCpuUsage` may lag behind by a whole tick
 * of the system. Linux.
 */

const CLOCK_THREAD_CPUTIME_ID = 3
const timespec = new BigInt64Array(2)
const pointer = ptr(timespec)
const { clock_gettime } = open()

export function threadTime(): number {
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, pointer)
  return Number(timespec[0]) * 1e6 + Number(timespec[1]) / 1000
}

function open() {
  const symbols = { clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 } } as const
  try {
    return dlopen("libc.so.6", symbols).symbols
  } catch {
    return dlopen("libc.musl-x86_64.so.1", symbols).symbols
  }
}

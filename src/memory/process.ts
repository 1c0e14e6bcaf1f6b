import { FFIType, ptr } from "bun:ffi"
import { openLibrary } from "../system-library.ts"
import { readText } from "../system-text.ts"

/**
 * What the system may do with this process's memory (Linux). Without a C library that can be called so, as on systems that
 * are no Linux, nothing is changed: then it is the service manager's to forbid core dumps.
 */

const PR_SET_DUMPABLE = 4
const RLIMIT_CORE = 4
const MCL_CURRENT = 1
const MCL_FUTURE = 2
const MCL_ONFAULT = 4
/** Bit of CAP_IPC_LOCK. */
const CAN_LOCK = 14n

const symbols = {
  prctl: { args: [FFIType.i32, FFIType.u64, FFIType.u64, FFIType.u64, FFIType.u64], returns: FFIType.i32 },
  setrlimit: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  mlockall: { args: [FFIType.i32], returns: FFIType.i32 },
} as const

/**
 * Forbids core dumps and, to other processes of the same user, looking into this one; keeps its memory out of swap, as far
 * as that is allowed. `warn` is told what the operator should do.
 */
export function protectMemory(warn: (sentence: string) => void): void {
  if (process.platform !== "linux") return
  const library = openLibrary(symbols)
  if (library === undefined) {
    warn("core dumps cannot be forbidden on this system: forbid them where the server is started")
    return
  }
  const { prctl, setrlimit, mlockall } = library
  const none = new BigUint64Array(2)
  const safe = setrlimit(RLIMIT_CORE, ptr(none)) === 0 && prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n) === 0
  if (!safe) warn("core dumps could not be forbidden: forbid them where the server is started")
  if (!swaps()) return
  // With a limit, memory that is asked for later would be refused: all or nothing.
  const locked = mayLockAll() && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) === 0
  if (!locked) warn("keys may be swapped to the disk: turn swap off, or allow the server to lock its memory")
}

/** Whether this system has swap. */
function swaps(): boolean {
  return readText("/proc/swaps").trim().split("\n").length > 1
}

function mayLockAll(): boolean {
  const unlimited = /^Max locked memory +unlimited +unlimited /m.test(readText("/proc/self/limits"))
  const capabilities = /^CapEff:\s+([0-9a-f]+)$/m.exec(readText("/proc/self/status"))?.[1]
  return unlimited || ((BigInt(`0x${capabilities ?? "0"}`) >> CAN_LOCK) & 1n) === 1n
}

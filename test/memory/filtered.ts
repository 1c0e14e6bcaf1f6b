import { dlopen, FFIType, ptr } from "bun:ffi"
import { Sweep } from "../../src/memory/sweep.ts"

/**
 * `bun filtered.ts CALL` has the kernel refuse itself a system call, as a service manager's filter does, and prints whether
 * memory can be swept.
 */

const NUMBERS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  x64: { process_vm_readv: 310, process_vm_writev: 311, mincore: 27, getppid: 110 },
  arm64: { process_vm_readv: 270, process_vm_writev: 271, mincore: 232, getppid: 173 },
}

const PR_SET_NO_NEW_PRIVS = 38
const PR_SET_SECCOMP = 22
const SECCOMP_MODE_FILTER = 2n
const RET_ALLOW = 0x7fff0000
const RET_EPERM = 0x00050001
/** BPF: load a word of the call's data, here its number; jump if it equals; return. */
const [LOAD, JUMP_IF_EQUAL, RETURN] = [0x20, 0x15, 0x06]

function instruction(code: number, value: number, skipElse = 0): bigint {
  return BigInt(code) | (BigInt(skipElse) << 24n) | (BigInt(value) << 32n)
}

function refuse(number: number): boolean {
  const filter = BigUint64Array.of(
    instruction(LOAD, 0),
    instruction(JUMP_IF_EQUAL, number, 1),
    instruction(RETURN, RET_EPERM),
    instruction(RETURN, RET_ALLOW),
  )
  const program = BigUint64Array.of(BigInt(filter.length), BigInt(ptr(filter)))
  const { prctl } = dlopen("libc.so.6", {
    prctl: { args: [FFIType.i32, FFIType.u64, FFIType.u64, FFIType.u64, FFIType.u64], returns: FFIType.i32 },
  }).symbols
  return (
    prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n) === 0 &&
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, BigInt(ptr(program)), 0n, 0n) === 0
  )
}

const number = NUMBERS[process.arch]?.[process.argv[2] ?? ""]
if (number === undefined || !refuse(number)) throw new Error("the kernel took no filter")
console.log(Sweep.open() === undefined ? "cannot be swept" : "can be swept")

import { dlopen, FFIType } from "bun:ffi"
import { readFileSync } from "node:fs"
import { protectMemory } from "../../src/memory/process.ts"

/** Protects its memory, and prints what the kernel says of that. */

const PR_GET_DUMPABLE = 3

protectMemory((sentence) => console.log(`warning: ${sentence}`))
const { prctl } = dlopen("libc.so.6", {
  prctl: { args: [FFIType.i32], returns: FFIType.i32 },
}).symbols
console.log(`dumpable: ${prctl(PR_GET_DUMPABLE)}`)
console.log(readFileSync("/proc/self/limits", "utf8"))

import { dlopen, type FFIFunction } from "bun:ffi"

/** The C library's functions, or undefined where there is none that can be called so: on systems that are no Linux. */
export function openLibrary<T extends Record<string, FFIFunction>>(symbols: T) {
  if (process.platform !== "linux") return undefined
  for (const name of ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"]) {
    try {
      return dlopen(name, symbols).symbols
    } catch {
      // Another C library.
    }
  }
  return undefined
}

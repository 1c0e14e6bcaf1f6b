import { FFIType, ptr } from "bun:ffi"
import { readdirSync } from "node:fs"
import { CONNECTIONS_WAITING_MAX } from "../limits.ts"
import { openLibrary } from "../system-library.ts"
import { fixedBuffer } from "../wire/bytes.ts"

/**
 * How many connections wait to be accepted (Linux). The runtime asks for 512, and the kernel drops what comes beyond: when all
 * clients come back at once, they would try again after 1, 3, 7 s. Linux takes another number from whoever listens again.
 */

const SOL_SOCKET = 1
const SO_ACCEPTCONN = 30
/** Of a `sockaddr_in` or `sockaddr_in6`: its port stands behind the family, in network order. */
const ADDRESS_BYTES = 28
const PORT_AT = 2

const symbols = {
  getsockopt: {
    args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr],
    returns: FFIType.i32,
  },
  getsockname: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  listen: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
} as const

/**
 * Lets {@link CONNECTIONS_WAITING_MAX} connections wait at this process's own listening port, or as many as the system allows
 * (`net.core.somaxconn`). Whatever forbids it changes nothing.
 */
export function widenBacklog(port: number): void {
  const library = openLibrary(symbols)
  if (library === undefined) return
  const [value, length] = [new Int32Array(1), new Uint32Array(1)]
  const address = fixedBuffer(ADDRESS_BYTES)
  const listens = (fd: number): boolean => {
    length[0] = value.byteLength
    if (library.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, ptr(value), ptr(length)) !== 0) return false
    length[0] = address.length
    if (value[0] !== 1 || library.getsockname(fd, ptr(address), ptr(length)) !== 0) return false
    return address[PORT_AT] === port >>> 8 && address[PORT_AT + 1] === (port & 0xff)
  }
  for (const fd of ownFiles()) if (listens(fd)) library.listen(fd, CONNECTIONS_WAITING_MAX)
}

function ownFiles(): number[] {
  try {
    return readdirSync("/proc/self/fd").map(Number)
  } catch {
    return []
  }
}

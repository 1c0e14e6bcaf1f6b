import { fromHex, includesBytes } from "../wire/bytes.ts"

/**
 * What strict Ed25519 verification asks of an encoded point before any arithmetic, shared by both providers.
 *
 * RFC 8032 section 5.1.3 wants y below the field's prime; points of small order make a signature verify for many
 * messages and keys, so they are refused as public key and as R (Chalkias, Garillot, Nikolaenko, "Taming the many
 * EdDSAs", 2020).
 */

/** The field's prime 2^255 - 19, little-endian. */
const PRIME = new Uint8Array(32).fill(0xff)
PRIME[0] = 0xed
PRIME[31] = 0x7f

/** The y coordinate of two of the four points of order 8, little-endian; the other two have its negative. */
const ORDER_EIGHT_Y = fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")

const SMALL_ORDER_Y: readonly Uint8Array[] = [
  new Uint8Array(32),
  fromSmall(1),
  negate(fromSmall(1)),
  ORDER_EIGHT_Y,
  negate(ORDER_EIGHT_Y),
]

function fromSmall(value: number): Uint8Array {
  const bytes = new Uint8Array(32)
  bytes[0] = value
  return bytes
}

/** `p - y`, for 0 < y < p. */
function negate(y: Uint8Array): Uint8Array {
  const result = new Uint8Array(32)
  let borrow = 0
  for (let i = 0; i < 32; i++) {
    const difference = PRIME[i]! - y[i]! - borrow
    borrow = difference < 0 ? 1 : 0
    result[i] = difference & 0xff
  }
  return result
}

/** Whether the 32 bytes are a canonical y coordinate (sign bit aside) of a point that is not of small order. */
export function isStrictPointEncoding(encoded: Uint8Array): boolean {
  const y = Uint8Array.from(encoded) // a copy: Buffer.slice would share the caller's memory
  y[31] = y[31]! & 0x7f
  if (!isBelowPrime(y)) return false
  return !includesBytes(SMALL_ORDER_Y, y)
}

function isBelowPrime(y: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    if (y[i]! < PRIME[i]!) return true
    if (y[i]! > PRIME[i]!) return false
  }
  return false
}

import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { INVITATION_BYTES } from "../limits.ts"
import { concat, equalConstantTime } from "./bytes.ts"
import { CodecError, Writer } from "./tls.ts"

/**
 * Invitation codes: with one of them, one user can register on a server that asks for it. They are made without a
 * database, beside a running server:
 *
 *     struct { opaque id[8]; uint16 last_day; opaque mac[10]; }
 *     mac = HMAC-SHA-256(invitation key, label || id || last_day), first 10 bytes
 *
 * `last_day` counts from 1 January 1970 in UTC; the code is good until that day has ended. For people it is written in
 * Crockford's base 32, in groups of four.
 */

const ID_BYTES = 8
const DAY_BYTES = 2
const MAC_BYTES = INVITATION_BYTES - ID_BYTES - DAY_BYTES
const DAY_SECONDS = 86_400

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
/** Five bytes are eight digits, in two groups. */
const BLOCK_BYTES = 5
const BLOCK_DIGITS = 8
const GROUP_DIGITS = 4
/** What people take for one of the digits. */
const MISREAD: Readonly<Record<string, string>> = { I: "1", L: "1", O: "0" }

/** Days since 1970 of a time in seconds. */
export function dayOf(seconds: number): number {
  return Math.floor(seconds / DAY_SECONDS)
}

/** When a day begins, in milliseconds since 1970. */
export function startOfDay(day: number): number {
  return 1000 * DAY_SECONDS * day
}

export function makeInvitation(crypto: CryptoProvider, key: Uint8Array, lastDay: number): Uint8Array {
  const content = new Writer(INVITATION_BYTES).raw(crypto.random(ID_BYTES)).u16(lastDay).finish()
  return concat(content, macOf(crypto, key, content))
}

/** The last day on which the code is good; undefined if it was not made with this key. */
export function lastDayOf(crypto: CryptoProvider, key: Uint8Array, code: Uint8Array): number | undefined {
  if (code.length !== INVITATION_BYTES) return undefined
  const content = code.subarray(0, ID_BYTES + DAY_BYTES)
  if (!equalConstantTime(macOf(crypto, key, content), code.subarray(ID_BYTES + DAY_BYTES))) return undefined
  const [high, low] = content.subarray(ID_BYTES) as unknown as [number, number]
  return 256 * high + low
}

function macOf(crypto: CryptoProvider, key: Uint8Array, content: Uint8Array): Uint8Array {
  return crypto.hmacSha256(key, concat(labels.invitation, content)).subarray(0, MAC_BYTES)
}

/** `0123-4567-…`, eight groups. */
export function formatInvitation(code: Uint8Array): string {
  const groups: string[] = []
  for (let at = 0; at < code.length; at += BLOCK_BYTES) {
    let value = code.subarray(at, at + BLOCK_BYTES).reduce((sum, byte) => 256 * sum + byte, 0)
    let digits = ""
    for (let i = 0; i < BLOCK_DIGITS; i++) {
      digits = `${DIGITS[value % DIGITS.length]}${digits}`
      value = Math.floor(value / DIGITS.length)
    }
    groups.push(digits.slice(0, GROUP_DIGITS), digits.slice(GROUP_DIGITS))
  }
  return groups.join("-")
}

/**
 * Reads a code as people type it: in either case, with or without dashes and spaces, with I or L for 1 and O for 0.
 *
 * @throws CodecError it is none
 */
export function parseInvitation(text: string): Uint8Array {
  const characters = [...text.toUpperCase().replace(/[\s\p{Pd}]/gu, "")]
  const digits = characters.map((character) => DIGITS.indexOf(MISREAD[character] ?? character))
  if (digits.length !== (INVITATION_BYTES / BLOCK_BYTES) * BLOCK_DIGITS || digits.includes(-1)) {
    throw new CodecError("invitation")
  }
  const code = new Writer(INVITATION_BYTES)
  for (let at = 0; at < digits.length; at += BLOCK_DIGITS) {
    const block = digits.slice(at, at + BLOCK_DIGITS)
    const value = block.reduce((sum, digit) => DIGITS.length * sum + digit, 0)
    code.u8(Math.floor(value / 2 ** 32)).u32(value % 2 ** 32)
  }
  return code.finish()
}

import { toHex, utf8 } from "../../src/wire/bytes.ts"
import type { Pattern } from "./scanner.ts"

/** Bytes of a piece of a key that would already be too much. */
const PIECE_BYTES = 16

/**
 * What gives a secret away: any half of it that begins at a multiple of 16 bytes, as it is, as hexadecimal and as base64, by
 * itself or within a longer value.
 */
export function patternsOf(name: string, secret: Uint8Array): Pattern[] {
  const patterns: Pattern[] = []
  for (let at = 0; at + PIECE_BYTES <= secret.length; at += PIECE_BYTES) {
    const piece = secret.subarray(at, at + PIECE_BYTES)
    const add = (form: string, bytes: Uint8Array) => patterns.push({ name: `${name} ${form} @${at}`, bytes })
    add("raw", piece)
    const hex = toHex(piece)
    for (const text of new Set([hex, hex.toUpperCase()])) add("hex", utf8(text))
    for (const text of base64Forms(piece)) add("base64", utf8(text))
  }
  return patterns
}

/** The characters that do not depend on what stands before and after, for each of the three places in a group. */
function base64Forms(piece: Uint8Array): Set<string> {
  const forms = new Set<string>()
  for (const shift of [0, 1, 2]) {
    const bytes = Buffer.concat([Buffer.alloc(shift), piece])
    for (const alphabet of ["base64", "base64url"] as const) {
      const whole = bytes.toString(alphabet).replaceAll("=", "")
      forms.add(whole.slice(Math.ceil((shift * 8) / 6), Math.floor((bytes.length * 8) / 6)))
    }
  }
  return forms
}

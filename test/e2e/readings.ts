import { Buffer } from "node:buffer"

/** Fewer bytes are found by accident. */
const BYTES_MIN = 11

const HEX = /(?:[0-9a-f]{2}[\s:-]?){11,}/gi
const BASE64 = /[A-Za-z0-9+/_-]{15,}/g
/** `[ 12, 255 ]`, and the `{"0":12,"1":255}` that JSON makes of byte arrays. */
const NUMBERS = /(?:(?:"?\d+"?:\s*)?\d{1,3}\s*,\s*){10,}(?:"?\d+"?:\s*)?\d{1,3}/g

/** The bytes of a text, and all bytes that are written down in it in one of the ways in which software does that. */
export function readingsOf(said: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(said)
  const text = bytes.toString("latin1")
  const found = [
    ...matches(text, HEX).flatMap((match) => {
      const digits = match.replace(/[\s:-]/g, "")
      return [digits, digits.slice(1)].map((each) => Buffer.from(each, "hex"))
    }),
    ...matches(text, BASE64).flatMap((match) =>
      [0, 1, 2, 3].map((begin) => Buffer.from(match.slice(begin), "base64")),
    ),
    ...matches(text, NUMBERS).map((match) =>
      Uint8Array.from(match.replace(/"?\d+"?:/g, "").split(","), (number) => Number(number)),
    ),
  ]
  return [bytes, ...found.filter(({ length }) => length >= BYTES_MIN)]
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([match]) => match)
}

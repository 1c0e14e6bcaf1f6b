import { Buffer } from "node:buffer"
import { type Check, countedFinding } from "../finding.ts"

/** Looks for what the auditor knows, such as keys, tokens, names and texts of its own clients. */
export function knownThings(known: readonly Uint8Array[]): Check {
  return {
    id: "known",
    question: "Is anything there that only clients should have?",
    run(snapshots) {
      const files = snapshots.flatMap((snapshot) => snapshot.files)
      const needles = known.map((thing, index) => ({ index, forms: formsOf(thing) }))
      const places = files.flatMap(({ name, bytes }) => {
        const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        return needles
          .filter(({ forms }) => forms.some((form) => haystack.includes(form)))
          .map(({ index }) => `${name}: line ${index + 1} of what is known`)
      })
      return countedFinding("finds", places.length, places, {
        clean:
          known.length === 0 ? "Nothing to look for was given." : `None of ${known.length} things was found.`,
        leak: "What should be known to clients alone lies in these files, as it is or written down in another form.",
      })
    },
  }
}

/** Every form in which software writes byte strings down. */
export function formsOf(thing: Uint8Array): Buffer[] {
  const bytes = Buffer.from(thing)
  const hex = bytes.toString("hex")
  const texts = [hex, hex.toUpperCase()]
  if (bytes.length === 16) texts.push(hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"))
  // Inside a longer base64 text the bytes begin at one of three places; the characters at the ends mix with others.
  for (let shift = 0; shift < 3; shift++) {
    const text = Buffer.concat([Buffer.alloc(shift), bytes, Buffer.alloc(2)]).toString("base64")
    const inner = text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6))
    texts.push(inner, inner.replaceAll("+", "-").replaceAll("/", "_"))
  }
  return [bytes, ...[...new Set(texts)].map((text) => Buffer.from(text))]
}

/** Shorter things are found everywhere. */
const KNOWN_BYTES_MIN = 6

/**
 * Reads a file of known things, one a line: `hex:…`, `base64:…`, or text. Lines that are empty or begin with # are passed over.
 * Throws SyntaxError with the number of a line that is not one of these, or names less than 6 bytes.
 */
export function parseKnown(text: string): Uint8Array[] {
  return text.split("\n").flatMap((line, index) => {
    const word = line.replace(/\r$/, "")
    if (word === "" || word.startsWith("#")) return []
    const bytes = parseLine(word)
    if (bytes !== undefined && bytes.length >= KNOWN_BYTES_MIN) return [bytes]
    throw new SyntaxError(
      `line ${index + 1} is not hex:…, base64:… or a text of ${KNOWN_BYTES_MIN} bytes or more`,
    )
  })
}

function parseLine(word: string): Uint8Array | undefined {
  const hex = /^hex:((?:[0-9a-fA-F]{2})+)$/.exec(word)?.[1]
  if (hex !== undefined) return Buffer.from(hex, "hex")
  const base64 = /^base64:([A-Za-z0-9+/_-]+={0,2})$/.exec(word)?.[1]
  if (base64 !== undefined) return Buffer.from(base64, "base64")
  return /^(hex|base64):/.test(word) ? undefined : Buffer.from(word)
}

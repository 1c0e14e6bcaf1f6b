/**
 * A process that writes rounds into a SQLite store until it is killed, and prints the number of each that was written. A
 * round writes one value under both keys of a new pair and the round's number, and deletes the pair of ten rounds before.
 */
import { writeSync } from "node:fs"
import { sqliteStore } from "../../src/client-bun/sqlite-store.ts"

const PAIRS = 10

const store = await sqliteStore(process.argv[2] as string)
const before = await store.get("last")

for (let round = numberOf(before) + 1; ; round++) {
  const value = crypto.getRandomValues(new Uint8Array(1 + Math.floor(Math.random() * 20_000)))
  const [first, second] = pair(round)
  const [oldFirst, oldSecond] = pair(round - PAIRS)
  const last = new Uint8Array(4)
  new DataView(last.buffer).setUint32(0, round)
  await store.transaction([
    { key: first, value },
    { key: "last", value: last },
    { key: oldFirst, value: undefined },
    { key: oldSecond, value: undefined },
    { key: second, value },
  ])
  writeSync(1, `${round}\n`)
}

function pair(round: number): [string, string] {
  const name = `pair/${round.toString().padStart(8, "0")}`
  return [`${name}/a`, `${name}/b`]
}

function numberOf(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
}

import type { ClientStore } from "../../src/client/store.ts"
import { same } from "./store-checks.ts"

/**
 * Writing that may be stopped at any moment, and what must be there afterwards. A round writes one random value under both
 * keys of a new pair and the round's number, and deletes the pair of some rounds before, in one transaction.
 */

const PAIRS = 10
const VALUE_BYTES_MAX = 20_000

/** Goes on after the last round that is there, without end; `told` hears of each round that was written. */
export async function writeRounds(store: ClientStore, told: (round: number) => void): Promise<never> {
  for (let round = (await lastRound(store)) + 1; ; round++) {
    const value = crypto.getRandomValues(new Uint8Array(1 + Math.floor(Math.random() * VALUE_BYTES_MAX)))
    const number = new Uint8Array(4)
    new DataView(number.buffer).setUint32(0, round)
    await store.transaction([
      { key: `${pair(round)}/a`, value },
      { key: "last", value: number },
      { key: `${pair(round - PAIRS)}/a`, value: undefined },
      { key: `${pair(round - PAIRS)}/b`, value: undefined },
      { key: `${pair(round)}/b`, value },
    ])
    told(round)
  }
}

/** The last round that is there. Throws unless it and those before it are there whole, and nothing else. */
export async function checkRounds(store: ClientStore): Promise<number> {
  const last = await lastRound(store)
  const rounds = Array.from({ length: Math.min(PAIRS, last) }, (_, index) => last - index).reverse()
  const keys = rounds.flatMap((round) => [`${pair(round)}/a`, `${pair(round)}/b`])
  same(await store.list(""), last === 0 ? [] : ["last", ...keys])
  for (const round of rounds) {
    const value = await store.get(`${pair(round)}/a`)
    if (value === undefined || value.length === 0) throw new Error("a value is not there")
    same(await store.get(`${pair(round)}/b`), value)
  }
  return last
}

async function lastRound(store: ClientStore): Promise<number> {
  const number = await store.get("last")
  return number === undefined ? 0 : new DataView(number.buffer, number.byteOffset).getUint32(0)
}

function pair(round: number): string {
  return `pair/${round.toString().padStart(8, "0")}`
}

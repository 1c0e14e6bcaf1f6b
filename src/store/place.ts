import { StoreMisuse, type Value } from "./database.ts"

/** What a JavaScript number holds exactly, less one: thirteen hexadecimal digits, which SQL can read as well. */
const PLACE_BITS = 52n
const PREFIX_BYTES = 7

/**
 * Where a placed row lies: the first 52 bits of its key, so that places are in the order of keys. Keys are random; of a million,
 * two have the same place with a probability of one in ten thousand, and the second is refused.
 *
 * @throws StoreMisuse the key is no byte string or too short
 */
export function placeOf(key: Value | undefined): number {
  if (!(key instanceof Uint8Array) || key.length < PREFIX_BYTES) throw new StoreMisuse("not a placed key")
  let bits = 0n
  for (let i = 0; i < PREFIX_BYTES; i++) bits = (bits << 8n) | BigInt(key[i] as number)
  return Number(bits >> (8n * BigInt(PREFIX_BYTES) - PLACE_BITS))
}

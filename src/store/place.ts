import { StoreMisuse, type Value } from "./database.ts"

const PREFIX_BYTES = 8

/**
 * Where a placed row lies: the first 52 bits of its key, so that places are in the order of keys: thirteen hexadecimal digits, which a
 * JavaScript number holds exactly and SQL can read as well. Keys are random; of a million,
 * two have the same place with a probability of one in ten thousand, and the second is refused.
 *
 * @throws StoreMisuse the key is no byte string or too short
 */
export function placeOf(key: Value | undefined): number {
  if (!(key instanceof Uint8Array) || key.length < PREFIX_BYTES) throw new StoreMisuse("not a placed key")
  const view = new DataView(key.buffer, key.byteOffset, PREFIX_BYTES)
  return view.getUint32(0) * 2 ** 20 + (view.getUint32(4) >>> 12)
}

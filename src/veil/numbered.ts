import { concat } from "../wire/bytes.ts"

/** The id of a row of which its owner has several: the owner's, and a number that only the owner's row lists; one byte. */
export function numberedId(owner: Uint8Array, number: number): Uint8Array {
  return concat(owner, Uint8Array.of(number))
}

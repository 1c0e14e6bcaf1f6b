import { equal } from "../../src/wire/bytes.ts"

/** What a case says that has to hold; a case that throws has failed. */

export function ensure(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}

export function ensureEqual(actual: Uint8Array, expected: Uint8Array, what: string): void {
  ensure(equal(actual, expected), `${what} differs`)
}

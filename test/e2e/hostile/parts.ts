import type { Static } from "@sinclair/typebox"
import { nativeCrypto } from "../../../src/crypto/native.ts"
import { ID_BYTES, KEY_BYTES } from "../../../src/limits.ts"
import { encodeCbor } from "../../../src/wire/cbor.ts"
import type { ChainAcknowledgement, ChainCursor } from "../../../src/wire/queue.ts"
import type { Attacks, Forger } from "../forger.ts"
import type { AttacksByCode, Identity } from "./siege.ts"

/** Attacks that are the same for several operations. */

const { random } = nativeCrypto

/** The same parameters, or others, from somebody else. */
export function signedBy(
  { kid, seed }: Identity,
  forger: Forger,
  params: object = forger.claimed,
): Uint8Array {
  return forger.signed({ kid, payload: encodeCbor(params) }, seed)
}

/** Requests with other values of one parameter. */
export function variants(forger: Forger, name: string, values: Readonly<Record<string, unknown>>): Attacks {
  const entries = Object.entries(values)
  return Object.fromEntries(entries.map(([why, value]) => [why, forger.params({ [name]: value })]))
}

export function filled(bytes: number, byte: number): Uint8Array {
  return new Uint8Array(bytes).fill(byte)
}

/** What no prime-order group has: the identity, and what encodes nothing. */
export function noElements(name: string, bytes: number, forger: Forger): Attacks {
  return Object.fromEntries(
    [0, 0xff].map((byte) => [`${name} of ${byte}`, forger.params({ [name]: filled(bytes, byte) })]),
  )
}

export const unusableQueueKey = (forger: Forger): Attacks => ({
  "a queue key that nothing can be sealed to": forger.params({ queueKey: filled(KEY_BYTES, 0) }),
})

/** A chain that is named twice. */
export function cursorsTwice(forger: Forger): AttacksByCode {
  const chain = { chain: random(ID_BYTES), address: random(KEY_BYTES), month: 80 }
  const cursor: Static<typeof ChainCursor> = { ...chain, next: 0 }
  const done: Static<typeof ChainAcknowledgement> = { ...chain, through: 0 }
  return {
    "queue.invalid-cursor": {
      "read twice": forger.params({ read: [cursor, cursor] }),
      "acknowledged twice": forger.params({ acknowledge: [done, done] }),
      "read twice, acknowledged once": forger.params({ acknowledge: [done], read: [cursor, cursor] }),
    },
  }
}

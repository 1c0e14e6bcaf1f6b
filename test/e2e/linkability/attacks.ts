import { ristretto255_hasher } from "@noble/curves/ed25519.js"
import { FORMAT_VERSION } from "../../../src/limits.ts"
import { decodeBatchRequest, decodeBatchResponse } from "../../../src/privacypass/batch.ts"
import { encodeTokenInput, type Token } from "../../../src/privacypass/token.ts"
import { as } from "../../../src/wire/as.ts"
import { concat, equal, toHex, utf8 } from "../../../src/wire/bytes.ts"
import { decodeBody, decodeCbor } from "../../../src/wire/cbor.ts"
import type { Sighting } from "./sighting.ts"

/** One part of every client, or the other, in the same order. */
export type Side = readonly (readonly Sighting[])[]

/** How much each of one side looks like each of the other. */
export type Attack = (left: Side, right: Side) => number[][]

function pairs<A, B>(left: readonly A[], right: readonly B[], score: (a: A, b: B) => number): number[][] {
  return left.map((a) => right.map((b) => score(a, b)))
}

/** What two have in common; it counts the more, the fewer have it. */
function common(traits: (sightings: readonly Sighting[]) => readonly (string | number)[]): Attack {
  return (left, right) => {
    const traitsOf = (side: Side) => side.map((sightings) => new Set(traits(sightings)))
    const [lefts, rights] = [traitsOf(left), traitsOf(right)]
    const owners = new Map<string | number, number>()
    for (const trait of [...lefts, ...rights].flatMap((set) => [...set]))
      owners.set(trait, (owners.get(trait) ?? 0) + 1)
    const weight = (trait: string | number): number => 1 / ((owners.get(trait) as number) - 1)
    return pairs(lefts, rights, (a, b) =>
      [...a.intersection(b)].reduce((sum: number, trait) => sum + weight(trait), 0),
    )
  }
}

/** How near two are in one number, which not everybody has. */
function near(measure: (side: Side) => readonly (number | undefined)[]): Attack {
  return (left, right) =>
    pairs(measure(left), measure(right), (a, b) =>
      a === undefined || b === undefined ? Number.MIN_SAFE_INTEGER : -Math.abs(a - b),
    )
}

const WINDOW_BYTES = 8

/** Eight bytes each, as numbers: all but eleven bits of them. */
function* windowsOf(bytes: Uint8Array): Generator<number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + WINDOW_BYTES <= bytes.length; at++) {
    yield (view.getUint32(at) & 0x1fffff) * 2 ** 32 + view.getUint32(at + 4)
  }
}

/** What more than this many of a side have is not about one of them. */
const OWNERS_MAX = 3

/** Who has each window; of those alone that are wanted. */
function windowOwners(
  side: Side,
  wanted: (window: number) => boolean = () => true,
): Map<number, readonly number[]> {
  const owners = new Map<number, readonly number[]>()
  for (const [owner, sightings] of side.entries()) {
    for (const bytes of sightings.flatMap(({ sent, answer }) => [...sent, answer])) {
      for (const window of windowsOf(bytes)) {
        if (!wanted(window)) continue
        const before = owners.get(window) ?? []
        if (before.length <= OWNERS_MAX && before.at(-1) !== owner) owners.set(window, [...before, owner])
      }
    }
  }
  return owners
}

/** Eight bytes in a row that two have in requests or answers, wherever, and few others; the fewer, the more it counts. */
const bytes: Attack = (left, right) => {
  const lefts = windowOwners(left)
  const rights = windowOwners(right, (window) => lefts.has(window))
  const scores = left.map(() => right.map(() => 0))
  for (const [window, bs] of rights) {
    const as = lefts.get(window) as readonly number[]
    if (as.length > OWNERS_MAX || bs.length > OWNERS_MAX) continue
    for (const a of as) for (const b of bs) (scores[a] as number[])[b]! += 1 / (as.length * bs.length)
  }
  return scores
}

interface Issuance {
  readonly keyByte: number
  readonly blinded: ReadonlySet<string>
  readonly evaluated: readonly Uint8Array[]
}

function issuances(sightings: readonly Sighting[]): Issuance[] {
  return sightings
    .filter(({ target, answer }) => target === as.requestTokens.path && answer[0] === FORMAT_VERSION)
    .map(({ sent, answer }) => {
      const payload = sent.at(-2) as Uint8Array
      const { request } = decodeCbor(payload) as { request: Uint8Array }
      const { response } = decodeBody(answer) as { response: Uint8Array }
      const { truncatedTokenKeyId: keyByte, blinded } = decodeBatchRequest(request)
      return {
        keyByte,
        blinded: new Set(blinded.map(toHex)),
        evaluated: decodeBatchResponse(response).evaluated,
      }
    })
}

/** Enough to see whether there is something. */
const TOKENS_TRIED = 8
/** Domain of HashToGroup (RFC 9497 section 4.1). */
export const HASH_TO_GROUP = utf8("HashToGroup-OPRFV1-\x01-ristretto255-SHA512")
const FINALIZE = utf8("Finalize")

interface Redemption {
  readonly token: Token
  readonly input: Uint8Array
  /** What would have been asked for without a blind. */
  readonly element: string
}

function redemptions(sightings: readonly Sighting[]): Redemption[] {
  const spent = sightings.flatMap(({ token }) => token ?? []).slice(0, TOKENS_TRIED)
  return spent.map((token) => {
    const input = encodeTokenInput(token)
    const element = ristretto255_hasher.hashToCurve(input, { DST: HASH_TO_GROUP })
    return { token, input, element: toHex(element.toBytes()) }
  })
}

/** In how many ways a token looks like what came out of an issuance. */
function fits({ token, input, element }: Redemption, { keyByte, blinded, evaluated }: Issuance): number {
  const sameKey = token.tokenKeyId.at(-1) === keyByte
  const notBlinded = blinded.has(element)
  const notUnblinded = evaluated.some((output) => equal(finalize(input, output), token.authenticator))
  return [sameKey, notBlinded, notUnblinded].filter(Boolean).length
}

/** `Finalize` (RFC 9497 section 3.3.1) of an element as it is. */
function finalize(input: Uint8Array, element: Uint8Array): Uint8Array {
  const sized = (value: Uint8Array) => [Uint8Array.of(value.length >> 8, value.length & 255), value]
  return Bun.SHA512.hash(concat(...sized(input), ...sized(element), FINALIZE)) as Uint8Array
}

/** The issuer's key, and elements that were not blinded: what of a token could be in its issuance. */
const issued: Attack = (left, right) =>
  pairs(left.map(issuances), right.map(redemptions), (batches, spent) =>
    spent.reduce((sum, token) => sum + Math.max(0, ...batches.map((batch) => fits(token, batch))), 0),
  )

/** Undefined for none. */
function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
}

/** By how many bytes somebody's requests are longer than the shortest of their kind; the middle one of the kinds that all make. */
function excess(side: Side): (number | undefined)[] {
  const kinds = side.map((sightings) => Map.groupBy(sightings, ({ target }) => target))
  const targets = [...(kinds[0]?.keys() ?? [])].filter((target) => kinds.every((kind) => kind.has(target)))
  const shortest = targets.map((target) =>
    kinds.map((kind) => Math.min(...(kind.get(target) ?? []).map(({ size }) => size))),
  )
  return side.map((_, i) => {
    const excesses = shortest.map((sizes) => (sizes[i] as number) - Math.min(...sizes))
    return excesses.sort((a, b) => a - b)[excesses.length >> 1]
  })
}

/** Place in the order of how much each does. */
function activity(side: Side): number[] {
  const lengths = side.map(({ length }) => length)
  return lengths.map((length) => lengths.filter((other) => other < length).length)
}

/** Everything that is tried on two parts of all clients. */
export const attacks = {
  bytes,
  connections: common((sightings) => sightings.map(({ connection }) => connection)),
  headers: common((sightings) => sightings.flatMap(({ headers }) => headers)),
  sizes: near(excess),
  volume: near(activity),
  /** How far the times that somebody signs with are off. */
  clock: near((side) => side.map((sightings) => mean(sightings.flatMap(({ lag }) => lag ?? [])))),
  issued,
} as const satisfies Record<string, Attack>

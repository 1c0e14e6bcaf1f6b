import type { TSchema } from "@sinclair/typebox"
import { isZero } from "../crypto/wipe.ts"
import { CURSORS_PER_REQUEST_MAX } from "../limits.ts"
import { equal } from "../wire/bytes.ts"
import { encodeCbor } from "../wire/cbor.ts"
import { isSecret } from "../wire/endpoint.ts"

/** A secret as it stands in a body: not at its very beginning, and perhaps in front of another member. */
export interface Secret {
  readonly bytes: Uint8Array
  readonly isFollowed: boolean
}

/**
 * Whether a part of it was overwritten while the body was being read, because it looked like what an earlier request had left
 * (memory/sweep.ts): then its beginning is zeros, or its end. The request is good and has to be sent again.
 */
export function isTorn({ bytes }: Secret): boolean {
  return isZero(bytes.subarray(0, OVERWRITTEN_BYTES_MIN)) || isZero(bytes.subarray(-OVERWRITTEN_BYTES_MIN))
}

/** One request, for as long as it may hold secrets. */
export interface RequestSecrets {
  /** Its body has been read, and these are in it. Whether one of them may be torn. */
  known(secrets: readonly Secret[]): boolean
  ended(): void
}

/** Called when a request begins whose body will be read. */
export type WatchSecrets = () => RequestSecrets

const OVERWRITTEN_BYTES_MIN = 16

const nobody: RequestSecrets = { known: () => false, ended: () => undefined }

/** For servers that do not look for what requests leave behind. */
export const unwatched: WatchSecrets = () => nobody

const SECRETS_PER_REQUEST_MAX = 2 * CURSORS_PER_REQUEST_MAX

/** A member's name and the head of its value, as they stand before the value. */
interface Label {
  readonly bytes: Uint8Array
  readonly length: number
}

/** How much of the next member's name is looked at. */
const NAME_BYTES = 5

/**
 * Makes the function that finds what is secret in bodies with such parameters, as views. It goes by names and not by decoded
 * values, so that it finds the keys in bodies that are refused, too.
 */
export function secretFinder(params: TSchema): (body: Uint8Array) => Secret[] {
  const labels = labelsIn(params).filter(isFirst)
  const names = namesIn(params).map((name) => encodeCbor(name).subarray(0, NAME_BYTES))
  return (body) =>
    labels.flatMap((label) =>
      valuesAfter(label, body).map((bytes) => {
        const end = bytes.byteOffset + bytes.length - body.byteOffset
        const next = body.subarray(end, end + NAME_BYTES)
        return { bytes, isFollowed: next.length === NAME_BYTES && names.some((name) => equal(name, next)) }
      }),
    )
}

/** Members of several lists have the same name. */
function isFirst({ bytes }: Label, at: number, labels: readonly Label[]): boolean {
  return labels.findIndex((label) => equal(label.bytes, bytes)) === at
}

function valuesAfter({ bytes, length }: Label, body: Uint8Array): Uint8Array[] {
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.length)
  const values: Uint8Array[] = []
  let at = buffer.indexOf(bytes)
  while (at >= 0 && values.length < SECRETS_PER_REQUEST_MAX) {
    const from = at + bytes.length
    if (from + length > body.length) break
    values.push(body.subarray(from, from + length))
    at = buffer.indexOf(bytes, from)
  }
  return values
}

function namesIn(schema: TSchema): string[] {
  return [...Object.keys((schema as Parts).properties ?? {}), ...nestedIn(schema).flatMap(namesIn)]
}

function nestedIn(schema: TSchema): TSchema[] {
  const { properties = {}, items, anyOf = [] } = schema as Parts
  return [...(items === undefined ? [] : [items]), ...anyOf, ...Object.values(properties)]
}

/** Of all members, however deep, whose schema says that they are secret. */
function labelsIn(schema: TSchema): Label[] {
  const own = Object.entries((schema as Parts).properties ?? {}).flatMap(([name, member]) => {
    const { anyOf: forms = [member] } = member as Parts
    return forms.filter(isSecret).map(({ maxByteLength }) => labelOf(name, maxByteLength))
  })
  return [...own, ...nestedIn(schema).flatMap(labelsIn)]
}

interface Parts {
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly items?: TSchema
  readonly anyOf?: readonly TSchema[]
}

function labelOf(name: string, length: number): Label {
  const value = encodeCbor(new Uint8Array(length))
  return { bytes: Buffer.concat([encodeCbor(name), value.subarray(0, value.length - length)]), length }
}

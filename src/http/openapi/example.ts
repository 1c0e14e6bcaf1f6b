import type { TSchema } from "@sinclair/typebox"
import { toHex } from "../../wire/bytes.ts"
import { encodeCbor } from "../../wire/cbor.ts"

/** Bytes that an example shows of a byte string whose length is anybody's choice. */
const CHOSEN_BYTES = 4

type Json = Readonly<Record<string, unknown>>

/** The parts of a TypeBox schema that an example depends on. */
interface Shape {
  readonly type?: string
  readonly const?: unknown
  readonly anyOf?: readonly TSchema[]
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly items?: TSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly minByteLength?: number
  readonly maxByteLength?: number
}

/** A small value that the schema accepts: of a union its first case, of a list one element if it need not have more. */
export function exampleOf(schema: TSchema): unknown {
  const shape = schema as Shape
  if (shape.const !== undefined) return shape.const
  if (shape.anyOf?.[0] !== undefined) return exampleOf(shape.anyOf[0])
  switch (shape.type) {
    case "object":
      return Object.fromEntries(
        Object.entries(shape.properties ?? {}).map(([name, member]) => [name, exampleOf(member)]),
      )
    case "array": {
      const length = Math.max(shape.minItems ?? 0, Math.min(1, shape.maxItems ?? 1))
      return Array.from({ length }, () => exampleOf(shape.items as TSchema))
    }
    case "Uint8Array":
      return exampleBytes(shape)
    case "integer":
      return shape.minimum ?? 0
    case "boolean":
      return true
    case "null":
      return null
  }
  throw new TypeError(`there are no examples of ${shape.type}`)
}

function exampleBytes({ minByteLength = 0, maxByteLength = Number.POSITIVE_INFINITY }: Shape): Uint8Array {
  return Uint8Array.from(
    { length: Math.max(minByteLength, Math.min(CHOSEN_BYTES, maxByteLength)) },
    (_, at) => at,
  )
}

/** An OpenAPI example: JSON has no byte strings, so they are in hexadecimal, and beside it stands the encoding. */
export function documentedExample(schema: TSchema): Json {
  const value = exampleOf(schema)
  return {
    summary: "Byte strings in hexadecimal; x-cbor is the encoding, without the version byte",
    value: withHex(value),
    "x-cbor": toHex(encodeCbor(value)),
  }
}

function withHex(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(withHex)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withHex(member)]))
}

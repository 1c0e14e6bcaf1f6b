import { type TSchema, TypeGuard } from "@sinclair/typebox"
import { Value } from "@sinclair/typebox/value"

/** A value that a schema refuses, and why. */
export type Misshapen = readonly [why: string, value: unknown]

/**
 * A value with one thing wrong at a time: every member missing, every bound of every member passed by one, every type
 * another one, at any depth. What the value does not show, such as the items of an empty list, is made from the schema.
 */
export function misshapen(schema: TSchema, value: unknown, name = "the whole"): Misshapen[] {
  const text = [`${name} a text`, "text"] as const
  if (TypeGuard.IsObject(schema)) return [[`${name} a list`, []], text, ...ofObject(schema.properties, value)]
  if (TypeGuard.IsArray(schema)) {
    const { items, minItems = 0, maxItems } = schema
    return [text, ...ofArray({ items, minItems, maxItems }, value as unknown[], name)]
  }
  if (TypeGuard.IsUint8Array(schema)) {
    const { minByteLength, maxByteLength } = schema
    const lengths = [bound(minByteLength) - 1, bound(maxByteLength) + 1]
    return [text, ...lengths.map((bytes) => [`${name} of ${bytes} bytes`, new Uint8Array(bytes)] as const)]
  }
  if (TypeGuard.IsInteger(schema)) {
    const numbers = [bound(schema.minimum) - 1, bound(schema.maximum) + 1]
    return [text, ...numbers.map((number) => [`${name} ${number}`, number] as const)]
  }
  if (TypeGuard.IsUnion(schema)) return ofOptional(schema.anyOf, value, name)
  throw new Error(`nobody has written attacks on ${name}`)
}

function bound(limit: unknown): number {
  if (typeof limit !== "number") throw new Error("a parameter without a bound")
  return limit
}

function ofObject(properties: Readonly<Record<string, TSchema>>, value: unknown): Misshapen[] {
  const members = value as Readonly<Record<string, unknown>>
  const one = Object.entries(properties).flatMap(([name, schema]): Misshapen[] => {
    const { [name]: member, ...others } = members
    const wrong = misshapen(schema, member, name)
    return [
      [`without ${name}`, others],
      ...wrong.map(([why, changed]) => [why, { ...members, [name]: changed }] as const),
    ]
  })
  return [["one member too many", { ...members, extra: 1 }], ...one]
}

interface ListSchema {
  readonly items: TSchema
  readonly minItems: number
  readonly maxItems: number | undefined
}

function ofArray({ items, minItems, maxItems }: ListSchema, list: unknown[], name: string): Misshapen[] {
  const item = list[0] ?? Value.Create(items)
  const tooMany = Array.from({ length: bound(maxItems) + 1 }, () => item)
  return [
    [`${tooMany.length} items in ${name}`, tooMany],
    ...(minItems > 0 ? [[`no items in ${name}`, []] as const] : []),
    ...misshapen(items, item, `an item of ${name}`).map(
      ([why, changed]) => [why, [changed, ...list.slice(1)]] as const,
    ),
  ]
}

/** Something or null. */
function ofOptional(variants: readonly TSchema[], value: unknown, name: string): Misshapen[] {
  const [schema, ...others] = variants.filter((variant) => !TypeGuard.IsNull(variant))
  if (schema === undefined || others.length > 0) throw new Error(`nobody has written attacks on ${name}`)
  return misshapen(schema, value ?? Value.Create(schema), name)
}

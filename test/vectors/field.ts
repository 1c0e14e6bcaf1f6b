import { fromHex } from "../../src/wire/bytes.ts"
import { isObject, type JsonObject } from "./suite.ts"

/** Typed access to the fields of a vector; a missing or mistyped field fails the case that asked for it. */

export function text(from: JsonObject, key: string): string {
  const value = from[key]
  if (typeof value !== "string") throw new TypeError(`field ${key} is not a string`)
  return value
}

export function hex(from: JsonObject, key: string): Uint8Array {
  return fromHex(text(from, key))
}

export function integer(from: JsonObject, key: string): number {
  const value = from[key]
  if (!Number.isSafeInteger(value)) throw new TypeError(`field ${key} is not an integer`)
  return value as number
}

export function object(from: JsonObject, key: string): JsonObject {
  const value = from[key]
  if (!isObject(value)) throw new TypeError(`field ${key} is not an object`)
  return value
}

export function objects(from: JsonObject, key: string): JsonObject[] {
  const value = from[key]
  if (!Array.isArray(value) || !value.every(isObject))
    throw new TypeError(`field ${key} is not a list of objects`)
  return value
}

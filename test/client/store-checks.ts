import { ClientError } from "../../src/client/errors.ts"
import type { StoreChange } from "../../src/client/store.ts"

/** Checks that run under `bun test` and in a browser's page alike. */

function shown(value: unknown): string {
  const plain = (_: string, part: unknown): unknown =>
    part instanceof Uint8Array ? { bytes: [...part] } : part === undefined ? "nothing" : part
  return JSON.stringify(value, plain)
}

/** Throws unless they are equal. Bytes are compared as bytes, whatever array they are in. */
export function same(actual: unknown, expected: unknown): void {
  if (shown(actual) !== shown(expected))
    throw new Error(`${shown(expected)} was expected, not ${shown(actual)}`)
}

export function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values)
}

/** Throws unless the work rejects with a ClientError of this code, or an error of this name. */
export async function failsWith(kind: string, work: Promise<unknown>): Promise<void> {
  const error: unknown = await work.then(
    () => undefined,
    (reason) => reason,
  )
  same(error instanceof ClientError ? error.code : (error as Error | undefined)?.name, kind)
}

export function set(key: string, ...values: number[]): StoreChange {
  return { key, value: bytes(...values) }
}

export function unset(key: string): StoreChange {
  return { key, value: undefined }
}

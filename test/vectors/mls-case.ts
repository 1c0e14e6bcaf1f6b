import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { equal, fromHex } from "../../src/wire/bytes.ts"
import { integer } from "./field.ts"
import { isArrayOf, type JsonObject, type VectorReport, type VectorSuite } from "./suite.ts"

/** What the MLS suites share. */

const SUITE = 1

export function ensure(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}

export function ensureEqual(actual: Uint8Array, expected: Uint8Array, what: string): void {
  ensure(equal(actual, expected), `${what} differs`)
}

/** A list of hexadecimal strings. */
export function hexes(from: JsonObject, key: string): Uint8Array[] {
  const value = from[key]
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    throw new TypeError(`field ${key} is not a list of strings`)
  }
  return value.map(fromHex)
}

export function list(from: JsonObject, key: string): unknown[] {
  const value = from[key]
  if (!Array.isArray(value)) throw new TypeError(`field ${key} is not a list`)
  return value
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown"
}

/** Reports `run` as one case. */
export async function reportCase(
  name: string,
  report: VectorReport,
  run: () => void | Promise<void>,
): Promise<void> {
  try {
    await run()
  } catch (error) {
    report(name, "failed", messageOf(error))
    return
  }
  report(name, "passed")
}

/** A suite of files that are arrays of objects with these keys. */
export function arraySuite(
  name: string,
  keys: readonly string[],
  runItem: (item: JsonObject, caseName: string, report: VectorReport) => void | Promise<void>,
): VectorSuite {
  return {
    name,
    recognise: (json) => isArrayOf(json, ...keys),
    async run(json, report) {
      for (const [index, item] of (json as JsonObject[]).entries()) {
        await runItem(item, `vector ${index}`, report)
      }
    },
  }
}

/** Runs a vector over both providers if it is of suite 0x0001, and says so if it is not. */
export function forSuite(
  run: (suite: CipherSuite, item: JsonObject) => void,
): (item: JsonObject, caseName: string, report: VectorReport) => Promise<void> {
  return async (item, caseName, report) => {
    if (integer(item, "cipher_suite") !== SUITE) report(caseName, "skipped", "MLS: cipher suite not 0x0001")
    else {
      await reportCase(caseName, report, () => {
        for (const crypto of [nativeCrypto, portableCrypto]) run(suite1(crypto), item)
      })
    }
  }
}

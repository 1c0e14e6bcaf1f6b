import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import type { CryptoProvider } from "../../src/crypto/provider.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { suite2 } from "../../src/mls/suites/suite2.ts"
import { suite3 } from "../../src/mls/suites/suite3.ts"
import { fromHex } from "../../src/wire/bytes.ts"
import { integer } from "./field.ts"
import type { JsonObject, VectorReport } from "./suite.ts"

/** What the MLS suites share. */

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

/** By id; over either provider. */
const SUITES: Readonly<Record<number, (crypto: CryptoProvider) => CipherSuite>> = {
  1: suite1,
  2: suite2,
  3: suite3,
}

/** The vector's suite over each provider, or why there is none. */
export function suitesOf(item: JsonObject): readonly CipherSuite[] | string {
  const id = integer(item, "cipher_suite")
  const make = SUITES[id]
  if (make === undefined) return `MLS: cipher suite ${id} is not implemented`
  return [nativeCrypto, portableCrypto].map(make)
}

/** Runs a vector over both providers, or says why its suite is not there. */
export function forSuite(
  run: (suite: CipherSuite, item: JsonObject) => void,
): (item: JsonObject, caseName: string, report: VectorReport) => Promise<void> {
  return async (item, caseName, report) => {
    const suites = suitesOf(item)
    if (typeof suites === "string") report(caseName, "skipped", suites)
    else await reportCase(caseName, report, () => suites.forEach((suite) => void run(suite, item)))
  }
}

import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { ensure } from "./check.ts"
import { objects, text } from "./field.ts"
import { isObject, type JsonObject, type VectorReport, type VectorSuite } from "./suite.ts"
import {
  aesGcm,
  type Check,
  chacha20Poly1305,
  ecdh,
  ecdsa,
  ed25519,
  hkdf,
  hmac,
  x25519,
} from "./wycheproof-checks.ts"

/** Project Wycheproof's files, each case over both providers: one that either of them gets wrong has failed. */

const PROVIDERS = [nativeCrypto, portableCrypto]

interface Kind {
  readonly algorithm: string
  readonly schema: string
  /** Other curves have the same algorithm name and schema. */
  readonly curve?: string
  readonly check: Check
}

const KINDS: readonly Kind[] = [
  { algorithm: "AES-GCM", schema: "aead_test_schema", check: aesGcm },
  { algorithm: "CHACHA20-POLY1305", schema: "aead_test_schema", check: chacha20Poly1305 },
  { algorithm: "EDDSA", schema: "eddsa_verify_schema", curve: "edwards25519", check: ed25519 },
  { algorithm: "ECDSA", schema: "ecdsa_verify_schema", curve: "secp256r1", check: ecdsa },
  { algorithm: "XDH", schema: "xdh_comp_schema", curve: "curve25519", check: x25519 },
  { algorithm: "ECDH", schema: "ecdh_ecpoint_test_schema", curve: "secp256r1", check: ecdh },
  { algorithm: "HKDF-SHA-256", schema: "hkdf_test_schema", check: hkdf },
  { algorithm: "HMACSHA256", schema: "mac_test_schema", check: hmac },
]

/** Why a group of cases does not concern us: another curve, or another hash to sign. */
function foreign({ algorithm, curve }: Kind, group: JsonObject): string | undefined {
  const { publicKey, sha } = group
  const { curve: other } = isObject(publicKey) ? publicKey : group
  if (curve !== undefined && other !== undefined && other !== curve) {
    return `${algorithm}: curve ${String(other)} is not implemented`
  }
  return sha === undefined || sha === "SHA-256"
    ? undefined
    : `${algorithm}: ${String(sha)} is not implemented`
}

function runCase(kind: Kind, test: JsonObject, group: JsonObject, report: VectorReport): void {
  const { tcId } = test
  const name = `tcId ${String(tcId)}`
  let skip = foreign(kind, group)
  for (const crypto of skip === undefined ? PROVIDERS : []) {
    try {
      const result = text(test, "result")
      ensure(["valid", "invalid", "acceptable"].includes(result), "result unknown")
      skip = kind.check(crypto, test, group)
    } catch (error) {
      report(name, "failed", `${crypto.name}: ${error instanceof Error ? error.message : "unknown"}`)
      return
    }
  }
  if (skip === undefined) report(name, "passed")
  else report(name, "skipped", skip)
}

function forEachTest(json: unknown, run: (test: JsonObject, group: JsonObject) => void): void {
  for (const group of objects(json as JsonObject, "testGroups")) {
    for (const test of objects(group, "tests")) run(test, group)
  }
}

function suiteOf(kind: Kind): VectorSuite {
  return {
    name: `Wycheproof ${kind.algorithm}`,
    recognise(json) {
      if (!isWycheproof(json)) return false
      return json.schema.startsWith(kind.schema) && json["algorithm"] === kind.algorithm
    },
    run(json, report) {
      forEachTest(json, (test, group) => runCase(kind, test, group, report))
    },
  }
}

function isWycheproof(json: unknown): json is JsonObject & { readonly schema: string } {
  return isObject(json) && typeof json["schema"] === "string" && Array.isArray(json["testGroups"])
}

/** The files about what we do not have: all their cases are skipped. */
const others: VectorSuite = {
  name: "Wycheproof",
  recognise: isWycheproof,
  run(json, report) {
    const { algorithm, schema } = json as JsonObject
    const why = `Wycheproof: ${String(algorithm ?? "no algorithm")} (${String(schema)}) is not implemented`
    forEachTest(json, ({ tcId }) => report(`tcId ${String(tcId)}`, "skipped", why))
  },
}

/** The last one takes what no other does. */
export const wycheproofSuites: readonly VectorSuite[] = [...KINDS.map(suiteOf), others]

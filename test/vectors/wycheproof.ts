import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { CryptoError, type CryptoProvider } from "../../src/crypto/provider.ts"
import { concat, equal } from "../../src/wire/bytes.ts"
import { hex, integer, object, objects, text } from "./field.ts"
import { isObject, type JsonObject, type VectorReport, type VectorSuite } from "./suite.ts"

/** Project Wycheproof's files, each case over both providers: one that either of them gets wrong has failed. */

const PROVIDERS = [nativeCrypto, portableCrypto]

/** Throws what is wrong, or returns why the case does not concern us. */
type Check = (crypto: CryptoProvider, test: JsonObject, group: JsonObject) => string | undefined

function ensure(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}

/** Whether `work` succeeded; only the provider's own error counts as a refusal. */
function accepted(work: () => void): boolean {
  try {
    work()
    return true
  } catch (error) {
    if (error instanceof CryptoError) return false
    throw error
  }
}

const aesGcm: Check = (crypto, test) => {
  const [key, iv, aad] = [hex(test, "key"), hex(test, "iv"), hex(test, "aad")]
  const [message, sealed] = [hex(test, "msg"), concat(hex(test, "ct"), hex(test, "tag"))]
  const valid = text(test, "result") === "valid"
  const usable = iv.length === 12 && (key.length === 16 || key.length === 32)
  const opens = accepted(() =>
    ensure(equal(crypto.aesGcmOpen(key, iv, aad, sealed), message), "plaintext differs"),
  )
  ensure(opens === (usable && valid), opens ? "opened" : "did not open")
  if (opens) ensure(equal(crypto.aesGcmSeal(key, iv, aad, message), sealed), "ciphertext differs")
  if (usable || !valid) return undefined
  ensure(!accepted(() => crypto.aesGcmSeal(key, iv, aad, message)), "sealed with a refused length")
  return iv.length === 12
    ? "AES-GCM: 192-bit keys are not offered (refused)"
    : "AES-GCM: only 96-bit nonces (refused)"
}

const ed25519: Check = (crypto, test, group) => {
  const key = hex(object(group, "publicKey"), "pk")
  const valid = crypto.ed25519Verify(key, hex(test, "msg"), hex(test, "sig"))
  ensure(valid === (text(test, "result") === "valid"), valid ? "accepted" : "refused")
  return undefined
}

const x25519: Check = (crypto, test) => {
  const shared = hex(test, "shared")
  const agreed = accepted(() => {
    ensure(equal(crypto.x25519(hex(test, "private"), hex(test, "public")), shared), "shared secret differs")
  })
  // An all-zero secret is "acceptable" to the vectors and refused by us; every other value must come out.
  const zero = shared.every((byte) => byte === 0)
  ensure(agreed === (text(test, "result") !== "invalid" && !zero), agreed ? "accepted" : "refused")
  return undefined
}

const hkdf: Check = (crypto, test) => {
  const derived = accepted(() => {
    const key = crypto.hkdfExtract(hex(test, "salt"), hex(test, "ikm"))
    const output = crypto.hkdfExpand(key, hex(test, "info"), integer(test, "size"))
    ensure(equal(output, hex(test, "okm")), "output differs")
  })
  ensure(derived === (text(test, "result") === "valid"), derived ? "accepted" : "refused")
  return undefined
}

const hmac: Check = (crypto, test, group) => {
  const tag = crypto.hmacSha256(hex(test, "key"), hex(test, "msg")).subarray(0, integer(group, "tagSize") / 8)
  ensure(equal(tag, hex(test, "tag")) === (text(test, "result") === "valid"), "tag")
  return undefined
}

const chacha: Check = () => "ChaCha20-Poly1305: not in the suite"

interface Kind {
  readonly algorithm: string
  readonly schema: string
  readonly check: Check
}

const KINDS: readonly Kind[] = [
  { algorithm: "AES-GCM", schema: "aead_test_schema", check: aesGcm },
  { algorithm: "EDDSA", schema: "eddsa_verify_schema", check: ed25519 },
  { algorithm: "XDH", schema: "xdh_comp_schema", check: x25519 },
  { algorithm: "HKDF-SHA-256", schema: "hkdf_test_schema", check: hkdf },
  { algorithm: "HMACSHA256", schema: "mac_test_schema", check: hmac },
  { algorithm: "CHACHA20-POLY1305", schema: "aead_test_schema", check: chacha },
]

/** Other curves under the same algorithm name (Ed448, X448) do not concern us. */
function otherCurve(group: JsonObject): string | undefined {
  const { publicKey } = group
  const { curve } = isObject(publicKey) ? publicKey : group
  return curve === undefined || curve === "curve25519" || curve === "edwards25519"
    ? undefined
    : "curve not in the suite"
}

function runCase({ check }: Kind, test: JsonObject, group: JsonObject, report: VectorReport): void {
  const { tcId } = test
  const name = `tcId ${String(tcId)}`
  let skip = otherCurve(group)
  for (const crypto of skip === undefined ? PROVIDERS : []) {
    try {
      const result = text(test, "result")
      ensure(["valid", "invalid", "acceptable"].includes(result), "result unknown")
      skip = check(crypto, test, group)
    } catch (error) {
      report(name, "failed", `${crypto.name}: ${error instanceof Error ? error.message : "unknown"}`)
      return
    }
  }
  if (skip === undefined) report(name, "passed")
  else report(name, "skipped", skip)
}

function suiteOf(kind: Kind): VectorSuite {
  return {
    name: `Wycheproof ${kind.algorithm}`,
    recognise(json) {
      if (!isObject(json)) return false
      const { algorithm, schema, testGroups } = json
      const known = typeof schema === "string" && schema.startsWith(kind.schema)
      return known && algorithm === kind.algorithm && Array.isArray(testGroups)
    },
    run(json, report) {
      for (const group of objects(json as JsonObject, "testGroups")) {
        for (const test of objects(group, "tests")) runCase(kind, test, group, report)
      }
    },
  }
}

export const wycheproofSuites: readonly VectorSuite[] = KINDS.map(suiteOf)

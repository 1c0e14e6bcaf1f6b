import {
  deriveKeyPair,
  exportBaseReceiver,
  exportBaseSender,
  openBase,
  sealBase,
} from "../../src/crypto/hpke.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import type { CryptoProvider } from "../../src/crypto/provider.ts"
import { equal } from "../../src/wire/bytes.ts"
import { hex, integer, objects } from "./field.ts"
import { isArrayOf, type JsonObject, type VectorReport, type VectorSuite } from "./suite.ts"

/** RFC 9180's own vectors, over both providers. */

const PROVIDERS = [nativeCrypto, portableCrypto]
const MODES = ["base", "psk", "auth", "auth-psk"]
const KEM_X25519 = 32
const KDF_SHA256 = 1
const AEADS: Readonly<Record<number, 16 | 32>> = { 1: 16, 2: 32 }

function ensureEqual(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (!equal(actual, expected)) throw new Error(`${what} differs`)
}

function forBoth(name: string, report: VectorReport, check: (crypto: CryptoProvider) => void): void {
  for (const crypto of PROVIDERS) {
    try {
      check(crypto)
    } catch (error) {
      report(name, "failed", `${crypto.name}: ${error instanceof Error ? error.message : "unknown"}`)
      return
    }
  }
  report(name, "passed")
}

/** Why a vector does not concern us. */
function foreign(vector: JsonObject): string | undefined {
  const mode = integer(vector, "mode")
  if (integer(vector, "kem_id") !== KEM_X25519 || integer(vector, "kdf_id") !== KDF_SHA256) {
    return "HPKE: KEM or KDF not in the suite"
  }
  if (mode !== 0) return `HPKE: mode ${MODES[mode] ?? "unknown"} is not used`
  if (!(integer(vector, "aead_id") in AEADS)) return "HPKE: AEAD not in the suite"
  return undefined
}

function keyPairs(crypto: CryptoProvider, vector: JsonObject): void {
  for (const who of ["R", "E"]) {
    const pair = deriveKeyPair(crypto, hex(vector, `ikm${who}`))
    ensureEqual(pair.secretKey, hex(vector, `sk${who}m`), "secret key")
    ensureEqual(pair.publicKey, hex(vector, `pk${who}m`), "public key")
  }
}

function encryption(crypto: CryptoProvider, vector: JsonObject, message: JsonObject): void {
  const keyLength = AEADS[integer(vector, "aead_id")]!
  const [info, aad, plaintext] = [hex(vector, "info"), hex(message, "aad"), hex(message, "pt")]
  const [enc, ciphertext] = [hex(vector, "enc"), hex(message, "ct")]
  const sealed = sealBase(crypto, keyLength, hex(vector, "pkRm"), info, aad, plaintext, hex(vector, "skEm"))
  ensureEqual(sealed.enc, enc, "encapsulated key")
  ensureEqual(sealed.ciphertext, ciphertext, "ciphertext")
  const opened = openBase(crypto, keyLength, hex(vector, "skRm"), enc, info, aad, ciphertext)
  ensureEqual(opened, plaintext, "plaintext")
}

function exported(crypto: CryptoProvider, vector: JsonObject, wanted: JsonObject): void {
  const keyLength = AEADS[integer(vector, "aead_id")]!
  const [info, context, length] = [hex(vector, "info"), hex(wanted, "exporter_context"), integer(wanted, "L")]
  const [publicKey, ephemeral] = [hex(vector, "pkRm"), hex(vector, "skEm")]
  const sender = exportBaseSender(crypto, keyLength, publicKey, info, context, length, ephemeral)
  ensureEqual(sender.secret, hex(wanted, "exported_value"), "sender's export")
  const [secretKey, enc] = [hex(vector, "skRm"), hex(vector, "enc")]
  const receiver = exportBaseReceiver(crypto, keyLength, secretKey, enc, info, context, length)
  ensureEqual(receiver, hex(wanted, "exported_value"), "receiver's export")
}

function runVector(vector: JsonObject, name: string, report: VectorReport): void {
  const why = foreign(vector)
  if (why !== undefined) {
    report(name, "skipped", why)
    return
  }
  forBoth(`${name} key pairs`, report, (crypto) => keyPairs(crypto, vector))
  objects(vector, "encryptions").forEach((message, index) => {
    const sequence = "seq" in message ? integer(message, "seq") : index
    const caseName = `${name} encryption ${sequence}`
    if (sequence !== 0) report(caseName, "skipped", "HPKE: single shot, no sequence number beyond 0")
    else forBoth(caseName, report, (crypto) => encryption(crypto, vector, message))
  })
  objects(vector, "exports").forEach((wanted, index) => {
    forBoth(`${name} export ${index}`, report, (crypto) => exported(crypto, vector, wanted))
  })
}

export const hpkeSuite: VectorSuite = {
  name: "HPKE RFC 9180",
  recognise: (json) => isArrayOf(json, "mode", "kem_id", "kdf_id", "aead_id", "ikmR", "enc"),
  run(json, report) {
    ;(json as JsonObject[]).forEach((vector, index) => {
      const name = `vector ${index}`
      try {
        runVector(vector, name, report)
      } catch (error) {
        report(name, "failed", error instanceof Error ? error.message : "unknown")
      }
    })
  },
}

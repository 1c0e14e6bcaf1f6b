import { ensureEqual } from "./check.ts"
import { hex, integer, objects } from "./field.ts"
import {
  type Ephemeral,
  type Hpke,
  hasAead,
  hasKem,
  implementationsOf,
  type NumberedMessage,
} from "./hpke-implementations.ts"
import { arraySuite, type JsonObject, type VectorReport, type VectorSuite } from "./suite.ts"

/** RFC 9180's own vectors, in base mode: messages under any sequence number, exports, and what key pairs derive from. */

const MODES = ["base", "psk", "auth", "auth-psk"]
const KDF_SHA256 = 1
/** Names of what we do not have. */
const KEMS: Readonly<Record<number, string>> = { 17: "P-384", 18: "P-521", 33: "X448" }
const KDFS: Readonly<Record<number, string>> = { 2: "HKDF-SHA384", 3: "HKDF-SHA512" }

/** Why a vector does not concern us. */
function foreign(vector: JsonObject): string | undefined {
  const [mode, kem, kdf] = [integer(vector, "mode"), integer(vector, "kem_id"), integer(vector, "kdf_id")]
  const aead = integer(vector, "aead_id")
  if (!hasKem(kem)) return `HPKE: KEM ${KEMS[kem] ?? kem} is not implemented`
  if (kdf !== KDF_SHA256) return `HPKE: KDF ${KDFS[kdf] ?? kdf} is not implemented`
  if (!hasAead(aead)) return `HPKE: AEAD ${aead} is not implemented`
  if (mode !== 0) return `HPKE: mode ${MODES[mode] ?? mode} is not implemented`
  return undefined
}

function forAll(
  vector: JsonObject,
  name: string,
  report: VectorReport,
  check: (hpke: Hpke) => void,
  message?: NumberedMessage,
): void {
  const algorithms = { kem: integer(vector, "kem_id"), aead: integer(vector, "aead_id") }
  const ephemeral: Ephemeral = { ikm: hex(vector, "ikmE"), secretKey: hex(vector, "skEm") }
  for (const implementation of implementationsOf(algorithms, ephemeral, message)) {
    try {
      check(implementation.hpke)
    } catch (error) {
      report(name, "failed", `${implementation.name}: ${error instanceof Error ? error.message : "unknown"}`)
      return
    }
  }
  report(name, "passed")
}

function checkKeyPairs(hpke: Hpke, vector: JsonObject): void {
  for (const who of ["R", "E"]) {
    const { secretKey, publicKey } = hpke.hpkeDeriveKeyPair(hex(vector, `ikm${who}`))
    ensureEqual(secretKey, hex(vector, `sk${who}m`), "secret key")
    ensureEqual(publicKey, hex(vector, `pk${who}m`), "public key")
  }
}

function checkEncryption(hpke: Hpke, vector: JsonObject, message: JsonObject): void {
  const [info, plaintext] = [hex(vector, "info"), hex(message, "pt")]
  const [kemOutput, ciphertext] = [hex(vector, "enc"), hex(message, "ct")]
  const sealed = hpke.hpkeSeal(hex(vector, "pkRm"), info, plaintext)
  ensureEqual(sealed.kemOutput, kemOutput, "encapsulated key")
  ensureEqual(sealed.ciphertext, ciphertext, "ciphertext")
  const opened = hpke.hpkeOpen(hex(vector, "skRm"), info, { kemOutput, ciphertext })
  ensureEqual(opened, plaintext, "plaintext")
}

function checkExport(hpke: Hpke, vector: JsonObject, wanted: JsonObject): void {
  const [info, kemOutput] = [hex(vector, "info"), hex(vector, "enc")]
  const [context, length] = [hex(wanted, "exporter_context"), integer(wanted, "L")]
  const sender = hpke.hpkeExportSender(hex(vector, "pkRm"), info, context, length)
  ensureEqual(sender.kemOutput, kemOutput, "encapsulated key")
  ensureEqual(sender.secret, hex(wanted, "exported_value"), "sender's export")
  const receiver = hpke.hpkeExportReceiver(hex(vector, "skRm"), kemOutput, info, context, length)
  ensureEqual(receiver, hex(wanted, "exported_value"), "receiver's export")
}

function runVector(vector: JsonObject, name: string, report: VectorReport): void {
  const why = foreign(vector)
  if (why !== undefined) {
    report(name, "skipped", why)
    return
  }
  forAll(vector, `${name} key pairs`, report, (hpke) => checkKeyPairs(hpke, vector))
  objects(vector, "encryptions").forEach((message, index) => {
    const sequence = "seq" in message ? integer(message, "seq") : index
    const numbered = {
      sequence,
      aad: hex(message, "aad"),
      key: hex(vector, "key"),
      baseNonce: hex(vector, "base_nonce"),
      nonce: hex(message, "nonce"),
    }
    const check = (hpke: Hpke) => checkEncryption(hpke, vector, message)
    forAll(vector, `${name} encryption ${sequence}`, report, check, numbered)
  })
  objects(vector, "exports").forEach((wanted, index) => {
    forAll(vector, `${name} export ${index}`, report, (hpke) => checkExport(hpke, vector, wanted))
  })
}

export const hpkeSuite: VectorSuite = arraySuite(
  "HPKE RFC 9180",
  ["mode", "kem_id", "kdf_id", "aead_id", "ikmR", "enc"],
  runVector,
)

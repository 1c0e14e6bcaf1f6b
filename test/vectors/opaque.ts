import { equal } from "../../src/wire/bytes.ts"
import { hex, object, text } from "./field.ts"
import {
  blinded,
  clientLogin,
  type Identities,
  ke1Of,
  type OpaqueConfig,
  registrationRecord,
  registrationResponse,
  type ServerKeys,
  serverLogin,
} from "./opaque-reference.ts"
import { isArrayOf, type JsonObject, type VectorReport, type VectorSuite } from "./suite.ts"

/**
 * RFC 9807's vectors, over the reference implementation beside this file: the library draws its own random values and
 * always stretches, which the vectors do not. `test/crypto/opaque.test.ts` holds the library against the reference.
 */

const PROTOCOL = { Group: "ristretto255", Hash: "SHA512", OPRF: "ristretto255-SHA512", KSF: "Identity" }

function foreign(config: JsonObject): string | undefined {
  const ours = Object.entries(PROTOCOL).every(([key, value]) => text(config, key) === value)
  return ours ? undefined : "OPAQUE: not the configuration with ristretto255"
}

function optional(inputs: JsonObject, key: string): Uint8Array | undefined {
  return key in inputs ? hex(inputs, key) : undefined
}

interface Case {
  readonly config: OpaqueConfig
  readonly inputs: JsonObject
  readonly outputs: JsonObject
  readonly identities: Identities
  readonly identifier: Uint8Array
  readonly keys: ServerKeys
}

function caseOf(vector: JsonObject): Case {
  const inputs = object(vector, "inputs")
  return {
    config: { context: hex(object(vector, "config"), "Context"), stretch: (output) => output },
    inputs,
    outputs: object(vector, "outputs"),
    identities: { client: optional(inputs, "client_identity"), server: optional(inputs, "server_identity") },
    identifier: hex(inputs, "credential_identifier"),
    keys: {
      oprfSeed: hex(inputs, "oprf_seed"),
      privateKey: hex(inputs, "server_private_key"),
      publicKey: hex(inputs, "server_public_key"),
    },
  }
}

function serverRandom({ inputs }: Case) {
  return {
    maskingNonce: hex(inputs, "masking_nonce"),
    serverNonce: hex(inputs, "server_nonce"),
    keyshareSeed: hex(inputs, "server_keyshare_seed"),
  }
}

function ensureOutputs({ outputs }: Case, actual: Readonly<Record<string, Uint8Array>>): void {
  for (const [name, value] of Object.entries(actual)) {
    if (!equal(value, hex(outputs, name))) throw new Error(`${name} differs`)
  }
}

function registration(of: Case): void {
  const { config, inputs, identities, identifier, keys } = of
  const [password, blind] = [hex(inputs, "password"), hex(inputs, "blind_registration")]
  const request = blinded(password, blind)
  const response = registrationResponse(keys, identifier, request)
  const secrets = { password, blind, envelopeNonce: hex(inputs, "envelope_nonce") }
  const { record, exportKey } = registrationRecord(config, identities, secrets, response)
  ensureOutputs(of, {
    registration_request: request,
    registration_response: response,
    registration_upload: record,
    export_key: exportKey,
  })
}

function login(of: Case): void {
  const { config, inputs, outputs, identities, identifier, keys } = of
  const [password, blind] = [hex(inputs, "password"), hex(inputs, "blind_login")]
  const keyshareSeed = hex(inputs, "client_keyshare_seed")
  const ke1 = ke1Of(password, blind, hex(inputs, "client_nonce"), keyshareSeed)
  const record = hex(outputs, "registration_upload")
  const server = serverLogin(config, identities, keys, identifier, record, ke1, serverRandom(of))
  const client = clientLogin(config, identities, { password, blind, keyshareSeed }, ke1, server.ke2)
  if (client === undefined) throw new Error("the client refuses the server")
  ensureOutputs(of, { KE1: ke1, KE2: server.ke2, KE3: client.ke3, session_key: client.sessionKey })
  if (!equal(server.ke3, client.ke3)) throw new Error("the server refuses the client")
}

/** What a server answers for a user it does not know. */
function unknownUser(of: Case): void {
  const { config, inputs, identities, identifier, keys } = of
  const envelope = new Uint8Array(96)
  const record = Uint8Array.of(
    ...hex(inputs, "client_public_key"),
    ...hex(inputs, "masking_key"),
    ...envelope,
  )
  const ke1 = hex(inputs, "KE1")
  const { ke2 } = serverLogin(config, identities, keys, identifier, record, ke1, serverRandom(of))
  ensureOutputs(of, { KE2: ke2 })
}

function runVector(vector: JsonObject, name: string, report: VectorReport): void {
  const config = object(vector, "config")
  const why = foreign(config)
  if (why !== undefined) {
    report(name, "skipped", why)
    return
  }
  const checks = text(config, "Fake") === "True" ? { unknownUser } : { registration, login }
  for (const [what, check] of Object.entries(checks)) {
    try {
      check(caseOf(vector))
      report(`${name} ${what}`, "passed")
    } catch (error) {
      report(`${name} ${what}`, "failed", error instanceof Error ? error.message : "unknown")
    }
  }
}

export const opaqueSuite: VectorSuite = {
  name: "OPAQUE RFC 9807",
  recognise: (json) => isArrayOf(json, "config", "inputs", "outputs", "intermediates"),
  run(json, report) {
    ;(json as JsonObject[]).forEach((vector, index) => {
      runVector(vector, `vector ${index}`, report)
    })
  },
}

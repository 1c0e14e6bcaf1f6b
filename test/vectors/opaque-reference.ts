import { ristretto255, ristretto255_hasher, ristretto255_oprf } from "@noble/curves/ed25519.js"
import { expand as hkdfExpand, extract as hkdfExtract } from "@noble/hashes/hkdf.js"
import { hmac } from "@noble/hashes/hmac.js"
import { sha512 } from "@noble/hashes/sha2.js"
import { concat, equal, utf8 } from "../../src/wire/bytes.ts"

/**
 * OPAQUE-3DH with ristretto255 and SHA-512, written down from RFC 9807 without regard to time or to secrets in memory: what the
 * library is held against. Whatever the RFC draws at random is an argument, so that its vectors can be run.
 */

export interface OpaqueConfig {
  readonly context: Uint8Array
  /** The key stretching function. */
  readonly stretch: (oprfOutput: Uint8Array) => Uint8Array
}

/** The names in the transcript; public keys take the place of absent ones. */
export interface Identities {
  readonly client: Uint8Array | undefined
  readonly server: Uint8Array | undefined
}

export interface ServerKeys {
  readonly oprfSeed: Uint8Array
  readonly privateKey: Uint8Array
  readonly publicKey: Uint8Array
}

const { Point } = ristretto255
const { oprf } = ristretto255_oprf
const NONE = new Uint8Array(0)
const NONCE_BYTES = 32
const HASH_BYTES = 64
const KEY_BYTES = 32
const ENVELOPE_BYTES = NONCE_BYTES + HASH_BYTES
const HASH_TO_GROUP = utf8("HashToGroup-OPRFV1-\0-ristretto255-SHA512")

const expand = (key: Uint8Array, info: Uint8Array, length: number) => hkdfExpand(sha512, key, info, length)
const extract = (inputKey: Uint8Array) => hkdfExtract(sha512, inputKey, NONE)
const mac = (key: Uint8Array, data: Uint8Array) => hmac(sha512, key, data)
const u16 = (value: number) => Uint8Array.of(value >> 8, value & 255)
const sized = (bytes: Uint8Array) => concat(u16(bytes.length), bytes)
const xor = (a: Uint8Array, b: Uint8Array) => a.map((byte, i) => byte ^ (b[i] as number))

function scalar(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toReversed().toHex()}`)
}

function multiply(privateKey: Uint8Array, element: Uint8Array): Uint8Array {
  return Point.fromBytes(element).multiply(scalar(privateKey)).toBytes()
}

export function deriveKeyPair(seed: Uint8Array): {
  readonly secretKey: Uint8Array
  readonly publicKey: Uint8Array
} {
  return oprf.deriveKeyPair(seed, utf8("OPAQUE-DeriveDiffieHellmanKeyPair"))
}

/** RegistrationRequest, and CredentialRequest, which is the same. */
export function blinded(password: Uint8Array, blind: Uint8Array): Uint8Array {
  const element = ristretto255_hasher.hashToCurve(password, { DST: HASH_TO_GROUP })
  return multiply(blind, element.toBytes())
}

function evaluated(keys: ServerKeys, identifier: Uint8Array, request: Uint8Array): Uint8Array {
  const seed = expand(keys.oprfSeed, concat(identifier, utf8("OprfKey")), KEY_BYTES)
  const { secretKey } = oprf.deriveKeyPair(seed, utf8("OPAQUE-DeriveKeyPair"))
  return oprf.blindEvaluate(secretKey, request)
}

/** CreateRegistrationResponse. */
export function registrationResponse(
  keys: ServerKeys,
  identifier: Uint8Array,
  request: Uint8Array,
): Uint8Array {
  return concat(evaluated(keys, identifier, request), keys.publicKey)
}

function randomizedPassword(
  config: OpaqueConfig,
  password: Uint8Array,
  blind: Uint8Array,
  evaluation: Uint8Array,
): Uint8Array {
  const output = oprf.finalize(password, blind, evaluation)
  return extract(concat(output, config.stretch(output)))
}

/** The keys under an envelope, and its tag. */
function envelope(
  randomized: Uint8Array,
  nonce: Uint8Array,
  serverPublicKey: Uint8Array,
  identities: Identities,
) {
  const derived = (label: string, length: number) => expand(randomized, concat(nonce, utf8(label)), length)
  const client = deriveKeyPair(derived("PrivateKey", KEY_BYTES))
  const credentials = concat(
    nonce,
    serverPublicKey,
    sized(identities.server ?? serverPublicKey),
    sized(identities.client ?? client.publicKey),
  )
  const tag = mac(derived("AuthKey", HASH_BYTES), credentials)
  return { client, tag, exportKey: derived("ExportKey", HASH_BYTES) }
}

/** FinalizeRegistrationRequest: the record. */
export function registrationRecord(
  config: OpaqueConfig,
  identities: Identities,
  secrets: { readonly password: Uint8Array; readonly blind: Uint8Array; readonly envelopeNonce: Uint8Array },
  response: Uint8Array,
): { readonly record: Uint8Array; readonly exportKey: Uint8Array } {
  const evaluation = response.subarray(0, KEY_BYTES)
  const serverPublicKey = response.subarray(KEY_BYTES)
  const { password, blind, envelopeNonce } = secrets
  const randomized = randomizedPassword(config, password, blind, evaluation)
  const { client, tag, exportKey } = envelope(randomized, envelopeNonce, serverPublicKey, identities)
  const maskingKey = expand(randomized, utf8("MaskingKey"), HASH_BYTES)
  return { record: concat(client.publicKey, maskingKey, envelopeNonce, tag), exportKey }
}

/** GenerateKE1. */
export function ke1Of(
  password: Uint8Array,
  blind: Uint8Array,
  clientNonce: Uint8Array,
  keyshareSeed: Uint8Array,
): Uint8Array {
  return concat(blinded(password, blind), clientNonce, deriveKeyPair(keyshareSeed).publicKey)
}

/** GenerateKE2, and the KE3 and session key that have to follow. */
export function serverLogin(
  config: OpaqueConfig,
  identities: Identities,
  keys: ServerKeys,
  identifier: Uint8Array,
  record: Uint8Array,
  ke1: Uint8Array,
  random: {
    readonly maskingNonce: Uint8Array
    readonly serverNonce: Uint8Array
    readonly keyshareSeed: Uint8Array
  },
): { readonly ke2: Uint8Array; readonly ke3: Uint8Array; readonly sessionKey: Uint8Array } {
  const clientPublicKey = record.subarray(0, KEY_BYTES)
  const maskingKey = record.subarray(KEY_BYTES, KEY_BYTES + HASH_BYTES)
  const sealed = concat(keys.publicKey, record.subarray(KEY_BYTES + HASH_BYTES))
  const credentialResponse = concat(
    evaluated(keys, identifier, ke1.subarray(0, KEY_BYTES)),
    random.maskingNonce,
    xor(sealed, pad(maskingKey, random.maskingNonce)),
  )
  const keyshare = deriveKeyPair(random.keyshareSeed)
  const clientKeyshare = ke1.subarray(KEY_BYTES + NONCE_BYTES)
  const secrets = concat(
    multiply(keyshare.secretKey, clientKeyshare),
    multiply(keys.privateKey, clientKeyshare),
    multiply(keyshare.secretKey, clientPublicKey),
  )
  const preamble = preambleOf(config, ke1, credentialResponse, random.serverNonce, keyshare.publicKey, {
    client: identities.client ?? clientPublicKey,
    server: identities.server ?? keys.publicKey,
  })
  const { serverMac, clientMac, sessionKey } = finished(secrets, preamble)
  const ke2 = concat(credentialResponse, random.serverNonce, keyshare.publicKey, serverMac)
  return { ke2, ke3: clientMac, sessionKey }
}

/** GenerateKE3; undefined: the password, or the server, is not the one of the record. */
export function clientLogin(
  config: OpaqueConfig,
  identities: Identities,
  secrets: { readonly password: Uint8Array; readonly blind: Uint8Array; readonly keyshareSeed: Uint8Array },
  ke1: Uint8Array,
  ke2: Uint8Array,
): { readonly ke3: Uint8Array; readonly sessionKey: Uint8Array } | undefined {
  const credentialResponse = ke2.subarray(0, KEY_BYTES + NONCE_BYTES + KEY_BYTES + ENVELOPE_BYTES)
  const [evaluation, maskingNonce, masked] = split(credentialResponse, KEY_BYTES, NONCE_BYTES)
  const answer = ke2.subarray(credentialResponse.length)
  const [serverNonce, serverKeyshare, serverMac] = split(answer, NONCE_BYTES, KEY_BYTES)
  const randomized = randomizedPassword(config, secrets.password, secrets.blind, evaluation)
  const maskingKey = expand(randomized, utf8("MaskingKey"), HASH_BYTES)
  const [serverPublicKey, nonce, tag] = split(
    xor(masked, pad(maskingKey, maskingNonce)),
    KEY_BYTES,
    NONCE_BYTES,
  )
  const opened = envelope(randomized, nonce, serverPublicKey, identities)
  if (!equal(opened.tag, tag)) return undefined
  const keyshare = deriveKeyPair(secrets.keyshareSeed)
  const shared = concat(
    multiply(keyshare.secretKey, serverKeyshare),
    multiply(keyshare.secretKey, serverPublicKey),
    multiply(opened.client.secretKey, serverKeyshare),
  )
  const preamble = preambleOf(config, ke1, credentialResponse, serverNonce, serverKeyshare, {
    client: identities.client ?? opened.client.publicKey,
    server: identities.server ?? serverPublicKey,
  })
  const made = finished(shared, preamble)
  return equal(made.serverMac, serverMac) ? { ke3: made.clientMac, sessionKey: made.sessionKey } : undefined
}

function split(bytes: Uint8Array, first: number, second: number): [Uint8Array, Uint8Array, Uint8Array] {
  return [bytes.subarray(0, first), bytes.subarray(first, first + second), bytes.subarray(first + second)]
}

function pad(maskingKey: Uint8Array, maskingNonce: Uint8Array): Uint8Array {
  return expand(maskingKey, concat(maskingNonce, utf8("CredentialResponsePad")), KEY_BYTES + ENVELOPE_BYTES)
}

function preambleOf(
  { context }: OpaqueConfig,
  ke1: Uint8Array,
  credentialResponse: Uint8Array,
  serverNonce: Uint8Array,
  serverKeyshare: Uint8Array,
  names: { readonly client: Uint8Array; readonly server: Uint8Array },
): Uint8Array {
  return concat(
    ...[utf8("OPAQUEv1-"), sized(context), sized(names.client), ke1, sized(names.server)],
    ...[credentialResponse, serverNonce, serverKeyshare],
  )
}

/** Key schedule and MACs (section 6.4.2). */
function finished(secrets: Uint8Array, preamble: Uint8Array) {
  const derive = (secret: Uint8Array, name: string, context: Uint8Array) => {
    const label = utf8(`OPAQUE-${name}`)
    const info = concat(
      u16(HASH_BYTES),
      Uint8Array.of(label.length),
      label,
      Uint8Array.of(context.length),
      context,
    )
    return expand(secret, info, HASH_BYTES)
  }
  const secret = extract(secrets)
  const transcript = sha512(preamble)
  const handshakeSecret = derive(secret, "HandshakeSecret", transcript)
  const serverMac = mac(derive(handshakeSecret, "ServerMAC", NONE), transcript)
  const clientMac = mac(derive(handshakeSecret, "ClientMAC", NONE), sha512(concat(preamble, serverMac)))
  return { serverMac, clientMac, sessionKey: derive(secret, "SessionKey", transcript) }
}

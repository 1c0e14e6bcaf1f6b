import { makeOpaqueSetup } from "../crypto/opaque/server.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { FORMAT_VERSION, KEY_BYTES, OPAQUE_SETUP_BYTES, SECRET_GENERATIONS_MAX } from "../limits.ts"
import { equal, utf8 } from "../wire/bytes.ts"
import { decodeIssuedCredential } from "../wire/credential-format.ts"
import { issueIntermediate, makeAsCredential, makeIntermediateCsr } from "../wire/credentials.ts"
import { CodecError, type Reader, Reader as TlsReader, Writer } from "../wire/tls.ts"
import { readDomain, writeDomain } from "../wire/user-id.ts"

/**
 * What makes the databases more than they are meant to be, and therefore never lies with them: keys of 32 bytes, OPAQUE's
 * setup, and the AS's credentials with their seeds. Where there are several of a kind they are in order of their making: the
 * last one seals and signs, and those before it still open what they sealed (rotation.ts).
 */
export interface Secrets {
  readonly domain: string
  /** X25519: open sealed queue configs. */
  readonly queueConfigKeys: readonly Uint8Array[]
  /** AES-256: opens the tickets that stand for them. */
  readonly ticketKey: Uint8Array
  /** Ed25519 seed: signs what this server's QS sends to others. */
  readonly queueSigningSeed: Uint8Array
  /** Seed of the P-256 key by which push services know this server (RFC 8292). */
  readonly pushSeed: Uint8Array
  /** AES-256: which slots of a QS queue are in use, and what a QS client's record keeps to itself. */
  readonly queueSlotKeys: readonly Uint8Array[]
  /** AES-256: which slots of the AS's connection queues are in use. */
  readonly connectionSlotKeys: readonly Uint8Array[]
  /** HMAC key: invitation codes are made with it. */
  readonly invitationKey: Uint8Array
  /** OPRF seed and key pair of OPAQUE: with it, passwords could be tried on the records in the data. */
  readonly opaqueSetup: Uint8Array
  /** Given to every client, so that aliases are hashed with it; outside the data, so that those alone cannot be searched. */
  readonly aliasSalt: Uint8Array
  readonly rootSeed: Uint8Array
  readonly rootCredential: Uint8Array
  readonly intermediateSeed: Uint8Array
  readonly intermediates: readonly Uint8Array[]
}

const keys = [
  "ticketKey",
  "queueSigningSeed",
  "pushSeed",
  "invitationKey",
  "aliasSalt",
  "rootSeed",
  "intermediateSeed",
] as const satisfies readonly (keyof Secrets)[]

/** Those of which there are several at a time. */
const generations = [
  "queueConfigKeys",
  "queueSlotKeys",
  "connectionSlotKeys",
] as const satisfies readonly (keyof Secrets)[]

const MAGIC = utf8("Cinder 1 secrets\n")
const DIGEST_BYTES = 32
/** An intermediate with less than this to live is followed by a new one. */
const RENEWAL_SECONDS = 180 * 86_400

/** Makes all secrets of a new server. `now` in seconds. */
export function makeSecrets(crypto: CryptoProvider, domain: string, now: number): Secrets {
  const made = each(keys, () => crypto.random(KEY_BYTES))
  const first = each(generations, () => [crypto.random(KEY_BYTES)])
  const rootCredential = makeAsCredential(crypto, made.rootSeed, domain, now)
  const opaqueSetup = makeOpaqueSetup()
  const server = { ...made, ...first, opaqueSetup, domain, rootCredential, intermediates: [] }
  return withNewIntermediate(crypto, server, now)
}

/** With a new intermediate if the one that signs will expire before long; otherwise the same secrets. */
export function renewSecrets(crypto: CryptoProvider, secrets: Secrets, now: number): Secrets {
  const last = secrets.intermediates.at(-1)
  if (last !== undefined && notAfter(last) - now > RENEWAL_SECONDS) return secrets
  const intermediates = secrets.intermediates.filter((intermediate) => notAfter(intermediate) > now)
  return withNewIntermediate(crypto, { ...secrets, intermediates }, now)
}

function notAfter(intermediate: Uint8Array): number {
  return Number(decodeIssuedCredential("intermediate", intermediate).expiration.notAfter)
}

function withNewIntermediate(crypto: CryptoProvider, secrets: Secrets, now: number): Secrets {
  const { rootSeed, rootCredential, intermediateSeed, intermediates, domain } = secrets
  const csr = makeIntermediateCsr(crypto, intermediateSeed, domain)
  return {
    ...secrets,
    intermediates: [...intermediates, issueIntermediate(crypto, rootSeed, rootCredential, csr, now)],
  }
}

/**
 * The secrets file's content, which the caller overwrites:
 *
 *     struct { opaque magic[17]; uint8 version; opaque domain<V>; opaque keys[7][32]; opaque generations[3][32]<V>;
 *              opaque opaque_setup[128]; opaque root<V>; opaque intermediates<V><V>; opaque digest[32]; }
 *
 * The digest is SHA-256 of what is before it, against damage, not against forgery.
 */
export function encodeSecrets(crypto: CryptoProvider, secrets: Secrets): Uint8Array {
  const writer = new Writer().raw(MAGIC).u8(FORMAT_VERSION)
  writeDomain(writer, secrets.domain)
  for (const name of keys) writer.raw(secrets[name])
  for (const name of generations) writer.vector(secrets[name], (inner, key) => inner.raw(key))
  writer.raw(secrets.opaqueSetup)
  writer.opaque(secrets.rootCredential)
  writer.vector(secrets.intermediates, (inner, intermediate) => inner.opaque(intermediate))
  writer.raw(crypto.sha256(writer.view()))
  const encoded = writer.finish()
  writer.wipe()
  return encoded
}

/** The reverse; copies what it keeps. Throws {@link CodecError} on anything else. */
export function decodeSecrets(crypto: CryptoProvider, bytes: Uint8Array): Secrets {
  const end = bytes.length - DIGEST_BYTES
  if (end < 0 || !equal(crypto.sha256(bytes.subarray(0, end)), bytes.subarray(end)))
    throw new CodecError("secrets digest")
  const reader = new TlsReader(bytes.subarray(0, end))
  if (!equal(reader.raw(MAGIC.length), MAGIC) || reader.u8() !== FORMAT_VERSION)
    throw new CodecError("secrets version")
  const domain = readDomain(reader)
  const read = each(keys, () => reader.raw(KEY_BYTES).slice())
  const readAll = each(generations, () => readGenerations(reader))
  const opaqueSetup = reader.raw(OPAQUE_SETUP_BYTES).slice()
  const rootCredential = reader.opaque().slice()
  const intermediates = reader.vector((inner) => inner.opaque().slice())
  reader.end()
  if (intermediates.length === 0) throw new CodecError("secrets without an intermediate")
  return { domain, ...read, ...readAll, opaqueSetup, rootCredential, intermediates }
}

function readGenerations(reader: Reader): Uint8Array[] {
  const read = reader.vector((inner) => inner.raw(KEY_BYTES).slice())
  if (read.length === 0 || read.length > SECRET_GENERATIONS_MAX) throw new CodecError("secrets generations")
  return read
}

function each<N extends string, T>(names: readonly N[], make: () => T): Record<N, T> {
  return Object.fromEntries(names.map((name) => [name, make()])) as Record<N, T>
}

/** Overwrites the keys; for a server that stops. */
export function wipeSecrets(secrets: Secrets): void {
  for (const name of keys) wipe(secrets[name])
  wipe(secrets.opaqueSetup)
  for (const name of generations) wipe(...secrets[name])
}

import { makeOpaqueSetup } from "../crypto/opaque/server.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { KEY_BYTES, SECRET_GENERATIONS_MAX } from "../limits.ts"
import { equalConstantTime } from "../wire/bytes.ts"
import { CodecError, type Reader } from "../wire/tls.ts"
import { readDomain, writeDomain } from "../wire/user-id.ts"
import { makeAuthority } from "./authority/rotation.ts"
import { type AuthoritySecrets, decodeAuthority, encodeAuthority } from "./authority/secrets.ts"
import { decodeFile, encodeFile } from "./file-form.ts"

/** Keys of 32 random bytes, in the order in which the file has them. */
const keys = [
  /** AES-256: opens the tickets that stand for queue configs. */
  "ticketKey",
  /** Ed25519 seed: signs what this server's QS sends to others. */
  "queueSigningSeed",
  /** Seed of the P-256 key by which push services know this server (RFC 8292). */
  "pushSeed",
  /** HMAC key: invitation codes are made with it. */
  "invitationKey",
  /** Given to every client, so that aliases are hashed with it; outside the data, so that those alone cannot be searched. */
  "aliasSalt",
] as const

/**
 * The same where there are several at a time, in order of their making: the last one seals, and those before it still
 * open what they sealed (rotation.ts).
 */
const generations = [
  /** X25519: open sealed queue configs. */
  "queueConfigKeys",
  /** Name and seal the veiled rows of the QS, and what overflows from its queues' records. */
  "queueSlotKeys",
  /** The same of the AS. */
  "connectionSlotKeys",
] as const

type Make = (crypto: CryptoProvider, domain: string, now: number) => Uint8Array

/** Secrets with a form of their own, with how each is made, in the order in which the file has them. */
const blobs = {
  /** The AS's credentials, with the seeds of those that sign: {@link authorityOf}. */
  authority: (crypto, domain, now) => encodeAuthority(makeAuthority(crypto, domain, now)),
  /** OPRF seed and key pair of OPAQUE: with it, passwords could be tried on the records in the data. */
  opaqueSetup: () => makeOpaqueSetup(),
} as const satisfies Record<string, Make>

const blobNames = Object.keys(blobs) as (keyof typeof blobs)[]

/** What makes the databases more than they are meant to be, and therefore never lies with them. */
export type Secrets = { readonly domain: string } & {
  readonly [K in (typeof keys)[number] | keyof typeof blobs]: Uint8Array
} & { readonly [K in (typeof generations)[number]]: readonly Uint8Array[] }

/** Makes all secrets of a new server. `now` in seconds. */
export function makeSecrets(crypto: CryptoProvider, domain: string, now: number): Secrets {
  return {
    domain,
    ...each(keys, () => crypto.random(KEY_BYTES)),
    ...each(generations, () => [crypto.random(KEY_BYTES)]),
    ...each(blobNames, (name) => blobs[name](crypto, domain, now)),
  }
}

/** The same secrets with other credentials of the AS. */
export function withAuthority(secrets: Secrets, authority: AuthoritySecrets): Secrets {
  return { ...secrets, authority: encodeAuthority(authority) }
}

/** As views: overwriting the secrets overwrites its seeds. Throws CodecError. */
export function authorityOf(secrets: Secrets): AuthoritySecrets {
  return decodeAuthority(secrets.authority)
}

/**
 * The secrets file's content, which the caller overwrites:
 * `opaque domain<V>; opaque keys[n][32]; struct { opaque key[32] } generations[g]<V>; opaque blobs[m]<V>`.
 */
export function encodeSecrets(crypto: CryptoProvider, secrets: Secrets): Uint8Array {
  return encodeFile(crypto, "secrets", (writer) => {
    writeDomain(writer, secrets.domain)
    for (const name of keys) writer.raw(secrets[name])
    for (const name of generations) writer.vector(secrets[name], (inner, key) => inner.raw(key))
    for (const name of blobNames) writer.opaque(secrets[name])
  })
}

/** The reverse; copies what it keeps. Throws CodecError on anything else. */
export function decodeSecrets(crypto: CryptoProvider, bytes: Uint8Array): Secrets {
  return decodeFile(crypto, "secrets", bytes, (reader) => ({
    domain: readDomain(reader),
    ...each(keys, () => reader.raw(KEY_BYTES).slice()),
    ...each(generations, () => readGenerations(reader)),
    ...each(blobNames, () => reader.opaque().slice()),
  }))
}

function readGenerations(reader: Reader): Uint8Array[] {
  const read = reader.vector((inner) => inner.raw(KEY_BYTES).slice())
  if (read.length === 0 || read.length > SECRET_GENERATIONS_MAX) throw new CodecError("secrets generations")
  return read
}

function each<N extends string, T>(names: readonly N[], make: (name: N) => T): Record<N, T> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<N, T>
}

/** Everything secret but the AS's credentials. */
function restOf(secrets: Secrets): Uint8Array[] {
  const others = blobNames.filter((name) => name !== "authority")
  return [
    ...keys.map((name) => secrets[name]),
    ...generations.flatMap((name) => secrets[name]),
    ...others.map((name) => secrets[name]),
  ]
}

/** Whether two files are of the same server: whatever is not the AS's credentials is the same. */
export function sameServer(a: Secrets, b: Secrets): boolean {
  const [ofA, ofB] = [restOf(a), restOf(b)]
  const same =
    ofA.length === ofB.length && ofA.every((key, i) => equalConstantTime(key, ofB[i] as Uint8Array))
  return same && a.domain === b.domain
}

/** Overwrites the secrets; for a server that stops. */
export function wipeSecrets(secrets: Secrets): void {
  wipe(...restOf(secrets), secrets.authority)
}

import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { KEY_BYTES } from "../limits.ts"
import { equalConstantTime } from "../wire/bytes.ts"
import { readDomain, writeDomain } from "../wire/user-id.ts"
import { makeAuthority } from "./authority/rotation.ts"
import { type AuthoritySecrets, decodeAuthority, encodeAuthority } from "./authority/secrets.ts"
import { decodeFile, encodeFile } from "./file-form.ts"

/** Keys of 32 random bytes, in the order in which the file has them. */
const keys = [
  /** X25519: opens sealed queue configs. */
  "queueConfigKey",
  /** AES-256: opens the tickets that stand for them. */
  "ticketKey",
  /** Ed25519 seed: signs what this server's QS sends to others. */
  "queueSigningSeed",
  /** AES-256: which slots of a QS queue are in use. */
  "queueSlotKey",
  /** AES-256: the same for the AS's connection queues. */
  "connectionSlotKey",
] as const

type Make = (crypto: CryptoProvider, domain: string, now: number) => Uint8Array

/** Secrets with a form of their own, with how each is made, in the order in which the file has them. */
const blobs = {
  /** The AS's credentials, with the seeds of those that sign: {@link authorityOf}. */
  authority: (crypto, domain, now) => encodeAuthority(makeAuthority(crypto, domain, now)),
} as const satisfies Record<string, Make>

const blobNames = Object.keys(blobs) as (keyof typeof blobs)[]

/** What makes the databases more than they are meant to be, and therefore never lies with them. */
export type Secrets = { readonly domain: string } & {
  readonly [K in (typeof keys)[number] | keyof typeof blobs]: Uint8Array
}

/** Makes all secrets of a new server. `now` in seconds. */
export function makeSecrets(crypto: CryptoProvider, domain: string, now: number): Secrets {
  return secretsOf(
    domain,
    () => crypto.random(KEY_BYTES),
    (name) => blobs[name](crypto, domain, now),
  )
}

/** The same secrets with other credentials of the AS. */
export function withAuthority(secrets: Secrets, authority: AuthoritySecrets): Secrets {
  return { ...secrets, authority: encodeAuthority(authority) }
}

/** As views: overwriting the secrets overwrites its seeds. Throws CodecError. */
export function authorityOf(secrets: Secrets): AuthoritySecrets {
  return decodeAuthority(secrets.authority)
}

/** The secrets file's content, which the caller overwrites: `opaque domain<V>; opaque keys[n][32]; opaque blobs[m]<V>`. */
export function encodeSecrets(crypto: CryptoProvider, secrets: Secrets): Uint8Array {
  return encodeFile(crypto, "secrets", (writer) => {
    writeDomain(writer, secrets.domain)
    for (const name of keys) writer.raw(secrets[name])
    for (const name of blobNames) writer.opaque(secrets[name])
  })
}

/** The reverse; copies what it keeps. Throws CodecError on anything else. */
export function decodeSecrets(crypto: CryptoProvider, bytes: Uint8Array): Secrets {
  return decodeFile(crypto, "secrets", bytes, (reader) =>
    secretsOf(
      readDomain(reader),
      () => reader.raw(KEY_BYTES).slice(),
      () => reader.opaque().slice(),
    ),
  )
}

function secretsOf(
  domain: string,
  key: () => Uint8Array,
  blob: (name: keyof typeof blobs) => Uint8Array,
): Secrets {
  const entries = [
    ...keys.map((name) => [name, key()] as const),
    ...blobNames.map((name) => [name, blob(name)] as const),
  ]
  return { domain, ...Object.fromEntries(entries) } as Secrets
}

/** Whether two files are of the same server: whatever is not the AS's credentials is the same. */
export function sameServer(a: Secrets, b: Secrets): boolean {
  const rest = [...keys, ...blobNames.filter((name) => name !== "authority")]
  return a.domain === b.domain && rest.every((name) => equalConstantTime(a[name], b[name]))
}

/** Overwrites the secrets; for a server that stops. */
export function wipeSecrets(secrets: Secrets): void {
  for (const name of [...keys, ...blobNames]) wipe(secrets[name])
}

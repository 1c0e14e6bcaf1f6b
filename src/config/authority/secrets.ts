import { wipe } from "../../crypto/wipe.ts"
import { HASH_BYTES, KEY_BYTES } from "../../limits.ts"
import { AS_ENDORSEMENT_BYTES } from "../../wire/endorsement.ts"
import { CodecError, decodeAll, type Reader, Writer } from "../../wire/tls.ts"

/**
 * The AS's own credentials and keys, as the secrets file keeps them (docs/protocol.md section 4.1). Credentials are in order
 * of their making. All but the seeds is published.
 */
export interface AuthoritySecrets {
  /** Encoded AsCredentials. */
  readonly roots: readonly Uint8Array[]
  /** Encoded AsEndorsements: by which root each later one is vouched for. */
  readonly endorsements: readonly Uint8Array[]
  /** Ed25519 seed of the last root; undefined if it is kept offline. Earlier roots' seeds are kept nowhere. */
  readonly rootSeed: Uint8Array | undefined
  /** Encoded AsIntermediateCredentials; the last one signs clients. */
  readonly intermediates: readonly Uint8Array[]
  /** Ed25519 seed of the last intermediate; undefined while there is none. */
  readonly intermediateSeed: Uint8Array | undefined
  /** Seed of a key for which a credential was requested and not installed yet. */
  readonly pendingSeed: Uint8Array | undefined
  readonly revocations: readonly Revocation[]
}

export interface Revocation {
  /** 32 bytes, as wire/revocation.ts makes them. */
  readonly fingerprint: Uint8Array
  /** When whatever it names has expired at the latest, in seconds since 1970. */
  readonly notAfter: number
}

/** A server without any credential, which waits for its first intermediate. */
export const emptyAuthority: AuthoritySecrets = {
  roots: [],
  endorsements: [],
  rootSeed: undefined,
  intermediates: [],
  intermediateSeed: undefined,
  pendingSeed: undefined,
  revocations: [],
}

/**
 * The content, which the caller overwrites:
 *
 *     struct { opaque fingerprint[32]; u64 not_after; } Revocation
 *     struct { opaque roots<V><V>; opaque endorsements[129]<V>; optional<opaque root_seed[32]>;
 *              opaque intermediates<V><V>; optional<opaque intermediate_seed[32]>; optional<opaque pending_seed[32]>;
 *              Revocation revocations<V>; } AuthoritySecrets
 */
export function encodeAuthority(authority: AuthoritySecrets): Uint8Array {
  const writer = new Writer()
  const opaque = (inner: Writer, bytes: Uint8Array) => inner.opaque(bytes)
  const raw = (inner: Writer, bytes: Uint8Array) => inner.raw(bytes)
  writer.vector(authority.roots, opaque)
  writer.vector(authority.endorsements, raw)
  writer.optional(authority.rootSeed, raw)
  writer.vector(authority.intermediates, opaque)
  writer.optional(authority.intermediateSeed, raw)
  writer.optional(authority.pendingSeed, raw)
  writer.vector(authority.revocations, (inner, { fingerprint, notAfter }) =>
    inner.raw(fingerprint).u64(BigInt(notAfter)),
  )
  const encoded = writer.finish()
  writer.wipe()
  return encoded
}

/** The reverse. What it returns are views: overwriting `bytes` overwrites the seeds. Throws CodecError. */
export function decodeAuthority(bytes: Uint8Array): AuthoritySecrets {
  const seed = (reader: Reader) => reader.raw(KEY_BYTES)
  const authority = decodeAll(bytes, (reader) => ({
    roots: reader.vector((inner) => inner.opaque()),
    endorsements: reader.vector((inner) => inner.raw(AS_ENDORSEMENT_BYTES)),
    rootSeed: reader.optional(seed),
    intermediates: reader.vector((inner) => inner.opaque()),
    intermediateSeed: reader.optional(seed),
    pendingSeed: reader.optional(seed),
    revocations: reader.vector(readRevocation),
  }))
  const { roots, rootSeed, intermediates, intermediateSeed } = authority
  if (
    (roots.length === 0 && rootSeed !== undefined) ||
    (intermediates.length === 0) !== (intermediateSeed === undefined)
  )
    throw new CodecError("authority without a credential for its key")
  return authority
}

function readRevocation(reader: Reader): Revocation {
  const fingerprint = reader.raw(HASH_BYTES)
  const notAfter = reader.u64()
  if (notAfter > BigInt(Number.MAX_SAFE_INTEGER)) throw new CodecError("revocation")
  return { fingerprint, notAfter: Number(notAfter) }
}

/** Overwrites the seeds. */
export function wipeAuthority({ rootSeed, intermediateSeed, pendingSeed }: AuthoritySecrets): void {
  wipe(rootSeed, intermediateSeed, pendingSeed)
}

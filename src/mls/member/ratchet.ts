import { CodecError, type Reader, type Writer } from "../../wire/tls.ts"
import { check } from "../error.ts"
import { deriveTreeSecret } from "../labels.ts"
import type { CipherSuite } from "../suite.ts"
import { memberRules } from "./rules.ts"

/**
 * Generations that a message may be ahead of the last one seen from its sender. Passing over them is work that any member
 * can ask for with each message, even one that is refused, and 34 KB of kept keys: measured over the portable primitives,
 * 18 to 24 ms at 1 000 and 4 to 7 ms at 256 (native 6 to 13 and 1 to 3). Not lower, because a client that lost more
 * messages than this reads nothing more of their sender until the next commit.
 */
export const FORWARD_GENERATIONS_MAX = 1_000
/** Keys of one sender that are kept for messages that did not arrive yet; the oldest go first. */
export const SKIPPED_KEYS_MAX = 1_000

const NONCE_BYTES = 12
const SECRET_BYTES = 32
const GENERATION_LIMIT = 0xffff_ffff

/** What encrypts one message. */
export interface MessageKey {
  readonly generation: number
  readonly key: Uint8Array
  readonly nonce: Uint8Array
}

/** One sender's chain of keys for one kind of content (RFC 9420 section 9.1). A value. */
export interface Ratchet {
  readonly secret: Uint8Array
  /** Of the next key. */
  readonly generation: number
  /** Keys passed over, by generation, oldest first. */
  readonly skipped: ReadonlyMap<number, MessageKey>
}

/** A key with the ratchet after it and the secrets that are used up. */
export interface Turned {
  readonly messageKey: MessageKey
  readonly ratchet: Ratchet
  readonly consumed: readonly Uint8Array[]
  /** Secrets that were derived for this alone, the key's own among them: what is wiped if it is not to have happened. */
  readonly fresh: readonly Uint8Array[]
}

/** Takes the next key. Throws MlsError at the end of all generations. */
export function turn(suite: CipherSuite, ratchet: Ratchet): Turned {
  const { secret, generation, skipped } = ratchet
  check(generation < GENERATION_LIMIT, memberRules.generation)
  const messageKey = {
    generation,
    key: deriveTreeSecret(suite, secret, "key", generation, suite.aeadKeyBytes),
    nonce: deriveTreeSecret(suite, secret, "nonce", generation, NONCE_BYTES),
  }
  const next = deriveTreeSecret(suite, secret, "secret", generation, SECRET_BYTES)
  return {
    messageKey,
    ratchet: { secret: next, generation: generation + 1, skipped },
    consumed: [secret],
    fresh: [messageKey.key, messageKey.nonce, next],
  }
}

/** Takes the key of a generation, at most once, and keeps those it passes over. Throws MlsError. */
export function turnTo(suite: CipherSuite, ratchet: Ratchet, generation: number): Turned {
  const skipped = new Map(ratchet.skipped)
  const kept = skipped.get(generation)
  if (kept !== undefined) {
    skipped.delete(generation)
    return { messageKey: kept, ratchet: { ...ratchet, skipped }, consumed: [], fresh: [] }
  }
  const ahead = generation - ratchet.generation
  const reachable = ahead >= 0 && ahead <= FORWARD_GENERATIONS_MAX && generation < GENERATION_LIMIT
  check(reachable, memberRules.generation)
  let turned = turn(suite, ratchet)
  const consumed = [...turned.consumed]
  const fresh = [...turned.fresh]
  while (turned.messageKey.generation < generation) {
    skipped.set(turned.messageKey.generation, turned.messageKey)
    turned = turn(suite, turned.ratchet)
    consumed.push(...turned.consumed)
    fresh.push(...turned.fresh)
  }
  for (const [oldest, { key, nonce }] of skipped) {
    if (skipped.size <= SKIPPED_KEYS_MAX) break
    skipped.delete(oldest)
    consumed.push(key, nonce)
  }
  return { messageKey: turned.messageKey, ratchet: { ...turned.ratchet, skipped }, consumed, fresh }
}

export function ratchetSecrets(ratchet: Ratchet): Uint8Array[] {
  return [ratchet.secret, ...[...ratchet.skipped.values()].flatMap(({ key, nonce }) => [key, nonce])]
}

export function writeRatchet(writer: Writer, ratchet: Ratchet): void {
  writer.opaque(ratchet.secret).u32(ratchet.generation)
  writer.vector(ratchet.skipped.values(), (w, { generation, key, nonce }) =>
    w.u32(generation).opaque(key).opaque(nonce),
  )
}

export function readRatchet(reader: Reader, aeadKeyBytes: number): Ratchet {
  return {
    secret: readSecret(reader, SECRET_BYTES),
    generation: reader.u32(),
    skipped: new Map(
      reader.vector((r) => {
        const generation = r.u32()
        const key = readSecret(r, aeadKeyBytes)
        return [generation, { generation, key, nonce: readSecret(r, NONCE_BYTES) }] as const
      }),
    ),
  }
}

/** A secret of a known length, as a view. Throws CodecError on any other length. */
export function readSecret(reader: Reader, length: number): Uint8Array {
  const secret = reader.opaque()
  if (secret.length !== length) throw new CodecError("secret of another length")
  return secret
}

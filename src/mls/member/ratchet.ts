import type { Reader, Writer } from "../../wire/tls.ts"
import { check } from "../error.ts"
import { deriveTreeSecret } from "../labels.ts"
import type { CipherSuite } from "../suite.ts"
import { memberRules } from "./rules.ts"

/** Generations that a message may be ahead of the last one seen from its sender. */
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
  }
}

/** Takes the key of a generation, at most once, and keeps those it passes over. Throws MlsError. */
export function turnTo(suite: CipherSuite, ratchet: Ratchet, generation: number): Turned {
  const skipped = new Map(ratchet.skipped)
  const kept = skipped.get(generation)
  if (kept !== undefined) {
    skipped.delete(generation)
    return { messageKey: kept, ratchet: { ...ratchet, skipped }, consumed: [] }
  }
  const ahead = generation - ratchet.generation
  check(ahead >= 0 && ahead <= FORWARD_GENERATIONS_MAX, memberRules.generation)
  const consumed: Uint8Array[] = []
  let turned = turn(suite, ratchet)
  consumed.push(...turned.consumed)
  while (turned.messageKey.generation < generation) {
    skipped.set(turned.messageKey.generation, turned.messageKey)
    turned = turn(suite, turned.ratchet)
    consumed.push(...turned.consumed)
  }
  for (const [oldest, { key, nonce }] of skipped) {
    if (skipped.size <= SKIPPED_KEYS_MAX) break
    skipped.delete(oldest)
    consumed.push(key, nonce)
  }
  return { messageKey: turned.messageKey, ratchet: { ...turned.ratchet, skipped }, consumed }
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

export function readRatchet(reader: Reader): Ratchet {
  return {
    secret: reader.opaque(),
    generation: reader.u32(),
    skipped: new Map(
      reader.vector((r) => {
        const generation = r.u32()
        return [generation, { generation, key: r.opaque(), nonce: r.opaque() }] as const
      }),
    ),
  }
}

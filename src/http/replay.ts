import type { CryptoProvider } from "../crypto/provider.ts"
import { REPLAY_ENTRIES_MAX, REQUEST_AGE_SECONDS_MAX } from "../limits.ts"
import { concat } from "../wire/bytes.ts"
import { FINGERPRINT_WORDS, FingerprintSet } from "./fingerprints.ts"

/**
 * Remembers the signed requests of the last minutes, in memory only, as salted fingerprints of sender and nonce. Two
 * generations, each filled for as long as a signature is valid: whatever was admitted is remembered until its
 * signature is too old.
 */
export class ReplayCache {
  readonly #crypto: CryptoProvider
  readonly #entriesMax: number
  readonly #salt: Uint8Array
  #began = 0
  #current = new FingerprintSet()
  #previous = new FingerprintSet()

  constructor(crypto: CryptoProvider, entriesMax: number = REPLAY_ENTRIES_MAX) {
    this.#crypto = crypto
    this.#entriesMax = entriesMax
    this.#salt = crypto.random(16)
  }

  /** Remembers a verified request, unless it is known or there is no room for it. `now` in seconds. */
  admit(kid: Uint8Array, nonce: Uint8Array, now: number): "admitted" | "seen" | "full" {
    this.#rotate(now)
    const fingerprint = this.#fingerprint(kid, nonce)
    if (this.#current.has(fingerprint) || this.#previous.has(fingerprint)) return "seen"
    if (this.#current.size + this.#previous.size >= this.#entriesMax) return "full"
    this.#current.add(fingerprint)
    return "admitted"
  }

  /** A clock that was set back must not let anything be forgotten: only its moving on counts. */
  #rotate(now: number): void {
    const age = now - this.#began
    if (age <= REQUEST_AGE_SECONDS_MAX) return
    this.#previous = age <= 2 * REQUEST_AGE_SECONDS_MAX ? this.#current : new FingerprintSet()
    this.#current = new FingerprintSet()
    this.#began = now
  }

  #fingerprint(kid: Uint8Array, nonce: Uint8Array): Uint32Array {
    const digest = this.#crypto.sha256(concat(this.#salt, nonce, kid))
    return new Uint32Array(digest.buffer.slice(digest.byteOffset, digest.byteOffset + 4 * FINGERPRINT_WORDS))
  }
}

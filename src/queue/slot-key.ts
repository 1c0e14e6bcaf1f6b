import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { concat } from "../wire/bytes.ts"

/** What is sealed about a queue's chains does not open: the slot key is another one, or a row is damaged. */
export class SlotsUnreadable extends Error {
  override readonly name = "SlotsUnreadable"
}

/** Bytes of a salt, and of a slot key. */
export const SALT_BYTES = 16
const KEY_BYTES = 32
const NONCE = new Uint8Array(12)

/** Says which queue it is about, for what, and which writing of it. */
export interface SealedFor {
  readonly id: Uint8Array
  readonly label: Uint8Array
  /** {@link SALT_BYTES} fresh random bytes for each writing: they make the key one that is used once. */
  readonly salt: Uint8Array
}

/**
 * The secret that hides from whoever has the data what the server notes about a queue's chains. It lives outside the
 * data. Each use has a key of its own: HKDF-Expand(slot key, label || salt || queue id).
 */
export class SlotKey {
  readonly #crypto: CryptoProvider
  readonly #key: Uint8Array

  /** `key`: 32 bytes, kept and not copied. */
  constructor(crypto: CryptoProvider, key: Uint8Array) {
    if (key.length !== KEY_BYTES) throw new SlotsUnreadable("a slot key has 32 bytes")
    this.#crypto = crypto
    this.#key = key
  }

  /** AES-256-GCM under a key of its own, with nonce 0. */
  seal(use: SealedFor, associatedData: Uint8Array, plaintext: Uint8Array): Uint8Array {
    return this.#with(use, (key) => this.#crypto.aesGcmSeal(key, NONCE, associatedData, plaintext))
  }

  /** @throws SlotsUnreadable */
  open(use: SealedFor, associatedData: Uint8Array, sealed: Uint8Array): Uint8Array {
    return this.#with(use, (key) => {
      try {
        return this.#crypto.aesGcmOpen(key, NONCE, associatedData, sealed)
      } catch {
        throw new SlotsUnreadable("a queue's slots do not open: is the secrets file the one of this data?")
      }
    })
  }

  /** `length` bytes that look random without the slot key. */
  derive(id: Uint8Array, label: Uint8Array, salt: Uint8Array, length: number): Uint8Array {
    return this.#crypto.hkdfExpand(this.#key, concat(label, salt, id), length)
  }

  #with<T>(use: SealedFor, work: (key: Uint8Array) => T): T {
    const key = this.derive(use.id, use.label, use.salt, KEY_BYTES)
    try {
      return work(key)
    } finally {
      wipe(key)
    }
  }
}

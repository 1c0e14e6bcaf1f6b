import { CryptoError, type CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { concat } from "../wire/bytes.ts"

/** What is sealed does not open: the slot keys are others, or a row is damaged. */
export class SlotsUnreadable extends Error {
  override readonly name = "SlotsUnreadable"
}

/** Bytes of a salt, and of a slot key. */
export const SALT_BYTES = 16
const KEY_BYTES = 32
const NONCE = new Uint8Array(12)

/** Says what it is about, for what use, and which writing of it. */
export interface SealedFor {
  readonly id: Uint8Array
  readonly label: Uint8Array
  /** {@link SALT_BYTES} fresh random bytes for each writing: they make the key one that is used once. */
  readonly salt: Uint8Array
}

/**
 * The secret that hides from whoever has the data what the server notes about queues and their owners. It lives outside
 * the data. Each use has a key of its own: HKDF-Expand(slot key, label || salt || id).
 *
 * A secret that was rotated has several generations: the last one seals, all of them open.
 */
export class SlotKeys {
  readonly #crypto: CryptoProvider
  /** The last one first, because it opens most. */
  readonly #keys: readonly Uint8Array[]

  /** `keys`: 32 bytes each, in the order of their making, kept and not copied. */
  constructor(crypto: CryptoProvider, keys: readonly Uint8Array[]) {
    if (keys.length === 0 || keys.some(({ length }) => length !== KEY_BYTES))
      throw new SlotsUnreadable("a slot key has 32 bytes")
    this.#crypto = crypto
    this.#keys = keys.toReversed()
  }

  /** AES-256-GCM under a key of its own, with nonce 0. */
  seal(use: SealedFor, associatedData: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const key = this.#derived(this.#last, use)
    try {
      return this.#crypto.aesGcmSeal(key, NONCE, associatedData, plaintext)
    } finally {
      wipe(key)
    }
  }

  /** @throws SlotsUnreadable */
  open(use: SealedFor, associatedData: Uint8Array, sealed: Uint8Array): Uint8Array {
    for (const key of this.#keys) {
      const plaintext = this.#tryOpen(key, use, associatedData, sealed)
      if (plaintext !== undefined) return plaintext
    }
    throw new SlotsUnreadable(
      "the data do not open: is the secrets file the one of these data, with all slot keys that are still needed?",
    )
  }

  /** `length` bytes that look random without the key, one string by each key, that of the last one first. */
  derive(id: Uint8Array, label: Uint8Array, salt: Uint8Array, length: number): Uint8Array[] {
    return this.#keys.map((key) => this.#expand(key, { id, label, salt }, length))
  }

  get #last(): Uint8Array {
    return this.#keys[0] as Uint8Array
  }

  #tryOpen(
    slotKey: Uint8Array,
    use: SealedFor,
    associatedData: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined {
    const key = this.#derived(slotKey, use)
    try {
      return this.#crypto.aesGcmOpen(key, NONCE, associatedData, sealed)
    } catch (error) {
      if (error instanceof CryptoError) return undefined
      throw error
    } finally {
      wipe(key)
    }
  }

  #derived(slotKey: Uint8Array, use: SealedFor): Uint8Array {
    return this.#expand(slotKey, use, KEY_BYTES)
  }

  #expand(slotKey: Uint8Array, { id, label, salt }: SealedFor, length: number): Uint8Array {
    return this.#crypto.hkdfExpand(slotKey, concat(label, salt, id), length)
  }
}

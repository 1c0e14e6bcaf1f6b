import { FORMAT_VERSION, QUEUE_MESSAGE_BYTES_MAX } from "../limits.ts"
import { concat } from "../wire/bytes.ts"
import { CodecError, decodeAll, Writer } from "../wire/tls.ts"
import {
  type ChainEntry,
  ENTRY_TAG_BYTES,
  entryTag,
  FIRST,
  FRAGMENT_BYTES,
  LAST,
  nextChainKey,
  openFragment,
  type Position,
  sealFragment,
} from "./entry.ts"
import { HPKE_OVERHEAD_BYTES, open as hpkeOpen, seal as hpkeSeal } from "./hpke.ts"
import { labels } from "./labels.ts"
import { CryptoError, type CryptoProvider } from "./provider.ts"
import { wipe } from "./wipe.ts"

/**
 * Queue chains (docs/protocol.md section 6.2). The server writes with a {@link ChainWriter} that lives in memory only;
 * the queue's owner reads with a {@link ChainReader}. A chain key is overwritten as soon as its successor exists,
 * so neither side can open what it wrote or read before.
 *
 * ChainStart = HPKE(queue public key, TLS { u8 version; opaque seed[32]; u16 month }).
 */

export { type ChainEntry, ENTRY_BYTES, ENTRY_TAG_BYTES, entryTag, FRAGMENT_BYTES } from "./entry.ts"

const SEED_BYTES = 32
/** Bytes of a chain start as the queue's record keeps it. */
export const CHAIN_START_BYTES = HPKE_OVERHEAD_BYTES + 1 + SEED_BYTES + 2
/** The longest message a chain carries. */
export const CHAIN_MESSAGE_BYTES_MAX = QUEUE_MESSAGE_BYTES_MAX

const KEY_BYTES = 32
const NO_BYTES = new Uint8Array(0)

interface ChainSecrets {
  readonly id: Uint8Array
  readonly address: Uint8Array
  readonly key: Uint8Array
}

function expandSeed(crypto: CryptoProvider, seed: Uint8Array): ChainSecrets {
  const pseudoRandomKey = crypto.hkdfExtract(NO_BYTES, seed)
  const id = crypto.hkdfExpand(pseudoRandomKey, labels.queueChainId, ENTRY_TAG_BYTES)
  const address = crypto.hkdfExpand(pseudoRandomKey, labels.queueAddressKey, KEY_BYTES)
  const key = crypto.hkdfExpand(pseudoRandomKey, labels.queueChainKey, KEY_BYTES)
  wipe(pseudoRandomKey)
  return { id, address, key }
}

/** The writing end of one chain. */
export class ChainWriter {
  readonly #crypto: CryptoProvider
  /** Chain id, 16 bytes. */
  readonly id: Uint8Array
  /** Address key `a`, 32 bytes: knows the tags of the chain, opens nothing. */
  readonly address: Uint8Array
  #seed: Uint8Array | undefined
  #key: Uint8Array | undefined
  #nextIndex = 0

  private constructor(crypto: CryptoProvider, seed: Uint8Array) {
    const { id, address, key } = expandSeed(crypto, seed)
    this.#crypto = crypto
    this.#seed = seed
    this.#key = key
    this.id = id
    this.address = address
  }

  /** A new chain from a random seed. */
  static create(crypto: CryptoProvider): ChainWriter {
    return new ChainWriter(crypto, crypto.random(SEED_BYTES))
  }

  /** The index that the next entry gets. */
  get nextIndex(): number {
    return this.#nextIndex
  }

  /**
   * The seed for the queue's owner, {@link CHAIN_START_BYTES} bytes. `month` counts from January 2020 = 0. To be
   * called once, before the first message: the seed is overwritten, because it opens the whole chain. Throws
   * {@link CryptoError} when called again or with an unusable public key.
   */
  start(queuePublicKey: Uint8Array, month: number): Uint8Array {
    const seed = this.#seed
    if (seed === undefined) throw new CryptoError("chain already started")
    if (!Number.isInteger(month) || month < 0 || month > 0xffff) throw new CryptoError("chain month")
    const writer = new Writer(1 + SEED_BYTES + 2).u8(FORMAT_VERSION).raw(seed).u16(month)
    try {
      const start = hpkeSeal(this.#crypto, queuePublicKey, labels.queueChainStart, NO_BYTES, writer.view())
      wipe(seed)
      this.#seed = undefined
      return start
    } finally {
      writer.wipe()
    }
  }

  /**
   * Seals one message of at most {@link CHAIN_MESSAGE_BYTES_MAX} into consecutive entries, to be stored together and in
   * order. Advances the chain whether they are stored or not: after a failed commit the chain is to be abandoned.
   */
  seal(content: Uint8Array): ChainEntry[] {
    if (content.length > CHAIN_MESSAGE_BYTES_MAX) throw new CryptoError("message too long")
    const entries: ChainEntry[] = []
    let offset = 0
    do {
      const end = Math.min(offset + FRAGMENT_BYTES, content.length)
      const position = ((offset === 0 ? FIRST : 0) | (end === content.length ? LAST : 0)) as Position
      entries.push(this.#sealOne(position, content.subarray(offset, end)))
      offset = end
    } while (offset < content.length)
    return entries
  }

  #sealOne(position: Position, content: Uint8Array): ChainEntry {
    const key = this.#key
    if (key === undefined) throw new CryptoError("chain wiped")
    const tag = entryTag(this.#crypto, this.address, this.#nextIndex)
    const entry = sealFragment(this.#crypto, key, tag, { position, content })
    this.#key = nextChainKey(this.#crypto, key)
    this.#nextIndex += 1
    wipe(key)
    return { tag, entry }
  }

  /** Overwrites every secret; the chain cannot be used any more. */
  wipe(): void {
    wipe(this.#seed, this.#key, this.address)
    this.#seed = undefined
    this.#key = undefined
  }
}

interface ReaderState {
  readonly id: Uint8Array
  readonly address: Uint8Array
  readonly key: Uint8Array
  readonly nextIndex: number
  /** Fragments of a message whose last one has not come yet. */
  readonly pending: readonly Uint8Array[]
}

/** The reading end of one chain. */
export class ChainReader {
  readonly #crypto: CryptoProvider
  /** Chain id, 16 bytes. */
  readonly id: Uint8Array
  /** Address key `a`, 32 bytes. */
  readonly address: Uint8Array
  #key: Uint8Array
  #nextIndex: number
  #pending: Uint8Array[]
  #pendingBytes: number

  private constructor(crypto: CryptoProvider, state: ReaderState) {
    this.#crypto = crypto
    this.id = state.id
    this.address = state.address
    this.#key = state.key
    this.#nextIndex = state.nextIndex
    this.#pending = [...state.pending]
    this.#pendingBytes = state.pending.reduce((sum, part) => sum + part.length, 0)
  }

  /**
   * The chain of a chain start, or `undefined` if it does not open: unused slots are filled with random bytes.
   */
  static open(
    crypto: CryptoProvider,
    queueSecretKey: Uint8Array,
    start: Uint8Array,
  ): { reader: ChainReader; month: number } | undefined {
    if (start.length !== CHAIN_START_BYTES) return undefined
    let plaintext: Uint8Array | undefined
    try {
      plaintext = hpkeOpen(crypto, queueSecretKey, labels.queueChainStart, NO_BYTES, start)
      return decodeAll(plaintext, (from) => {
        if (from.u8() !== FORMAT_VERSION) throw new CodecError("chain start version")
        const secrets = expandSeed(crypto, from.raw(SEED_BYTES))
        return {
          reader: new ChainReader(crypto, { ...secrets, nextIndex: 0, pending: [] }),
          month: from.u16(),
        }
      })
    } catch (error) {
      if (error instanceof CryptoError || error instanceof CodecError) return undefined
      throw error
    } finally {
      wipe(plaintext)
    }
  }

  /** The index of the entry that `push` takes next. */
  get nextIndex(): number {
    return this.#nextIndex
  }

  /**
   * Takes entry `index`, which must be {@link nextIndex}, and returns a whole message if it held the last fragment
   * of one. Throws {@link CryptoError} and changes nothing if the entry is out of order, does not open or does not
   * continue the message.
   */
  push(index: number, entry: Uint8Array): Uint8Array | undefined {
    if (index !== this.#nextIndex) throw new CryptoError("entry out of order")
    const tag = entryTag(this.#crypto, this.address, index)
    const { position, content } = openFragment(this.#crypto, this.#key, tag, entry)
    const begins = (position & FIRST) !== 0
    if (
      begins !== (this.#pending.length === 0) ||
      this.#pendingBytes + content.length > CHAIN_MESSAGE_BYTES_MAX
    ) {
      wipe(content)
      throw new CryptoError("entry does not continue the message")
    }
    const next = nextChainKey(this.#crypto, this.#key)
    wipe(this.#key)
    this.#key = next
    this.#nextIndex += 1
    this.#pending.push(content)
    this.#pendingBytes += content.length
    return (position & LAST) === 0 ? undefined : this.#takeMessage()
  }

  #takeMessage(): Uint8Array {
    const parts = this.#pending
    this.#pending = []
    this.#pendingBytes = 0
    const [only] = parts
    if (parts.length === 1 && only !== undefined) return only
    const message = concat(...parts)
    wipe(...parts)
    return message
  }

  /**
   * Everything needed to go on after the last entry taken, in the middle of a message as well. It holds the
   * chain's key and the pending fragments: to be kept like a secret key.
   *
   * TLS { u8 version; opaque id[16]; opaque address[32]; opaque key[32]; u64 next_index; opaque pending<V> }.
   */
  serialize(): Uint8Array {
    const writer = new Writer(128 + this.#pendingBytes)
      .u8(FORMAT_VERSION)
      .raw(this.id)
      .raw(this.address)
      .raw(this.#key)
    writer.u64(BigInt(this.#nextIndex)).vectorHeader(this.#pendingBytes)
    for (const part of this.#pending) writer.raw(part)
    const state = writer.finish()
    writer.wipe()
    return state
  }

  /** The reverse of {@link serialize}. Throws {@link CodecError} on anything else. */
  static restore(crypto: CryptoProvider, state: Uint8Array): ChainReader {
    const parsed = decodeAll(state, (from): ReaderState => {
      if (from.u8() !== FORMAT_VERSION) throw new CodecError("chain state version")
      const id = from.raw(ENTRY_TAG_BYTES).slice()
      const address = from.raw(KEY_BYTES).slice()
      const key = from.raw(KEY_BYTES).slice()
      const nextIndex = Number(from.u64())
      const pending = from.opaque().slice()
      if (!Number.isSafeInteger(nextIndex)) throw new CodecError("chain state index")
      if (pending.length % FRAGMENT_BYTES !== 0 || pending.length > CHAIN_MESSAGE_BYTES_MAX) {
        throw new CodecError("chain state fragments")
      }
      return { id, address, key, nextIndex, pending: pending.length === 0 ? [] : [pending] }
    })
    return new ChainReader(crypto, parsed)
  }

  /** Overwrites every secret; the chain cannot be read any more. */
  wipe(): void {
    wipe(this.#key, this.address, ...this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
  }
}

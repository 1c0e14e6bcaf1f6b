import type { CryptoProvider } from "../crypto/provider.ts"
import {
  MEMORY_PAGE_BYTES,
  SECRET_BYTES_MAX,
  SWEEP_CHUNK_BYTES,
  SWEEP_PAUSE_MILLISECONDS,
  SWEEP_SLICE_BYTES,
  SWEEP_WAIT_MILLISECONDS,
} from "../limits.ts"
import { fixedBuffer } from "../wire/bytes.ts"
import { addressOf, OwnMemory, type Range } from "./own-memory.ts"
import { PIECE_BYTES, Pieces } from "./pieces.ts"
import { type Secret, Secrets } from "./secrets.ts"

/** One request, for as long as it may hold secrets. */
export interface RequestSecrets {
  /**
   * Its body has been read, and these are in it. Whether something was overwritten meanwhile: then it has to be refused if one of
   * them `isTorn` (http/secrets.ts).
   */
  known(secrets: readonly Secret[]): boolean
  ended(): void
}

/** Chunks overlap by so much, so that what lies across an end is whole in one of them. */
const OVERLAP_BYTES = 64

/**
 * Looks for the secrets of requests that have ended in all memory that the process can write to, and overwrites them:
 *
 * - What requests bring, in copies of their bodies (see {@link Secrets}). Those that hold a secret of a request under way are left
 *   alone. A body that is still being read can lose its key to this, if an earlier request had the same: it waits a little until none
 *   is read, but not for whoever sends slowly: then the request has to be refused, see `isTorn` (http/secrets.ts).
 * - Keys that are derived from those for a moment: no code that would need them runs when this does.
 * - On the stack, what requests brought in any surroundings, if it looks random: all else there are numbers and addresses.
 *
 * Whoever has bodies of requests in this process that are not the server's must not use it: a client does.
 */
export class Sweep {
  readonly #memory: OwnMemory
  readonly #secrets = new Secrets()
  readonly #onStack = new Pieces()
  #derived = new Pieces()
  /** Those that are being searched for, while others come. */
  #searched = new Pieces()
  readonly #chunk = fixedBuffer(SWEEP_CHUNK_BYTES)
  readonly #found = fixedBuffer(SECRET_BYTES_MAX)
  readonly #zeros = fixedBuffer(SECRET_BYTES_MAX)
  #reading = 0
  /** Copies of secrets, up to now. */
  #overwritten = 0

  private constructor(memory: OwnMemory) {
    this.#memory = memory
  }

  /** Undefined where the system does not let a process look for something in its own memory like this. */
  static open(): Sweep | undefined {
    const memory = OwnMemory.open()
    return memory === undefined ? undefined : new Sweep(memory)
  }

  /** A request begins, whose body will be read. */
  request(): RequestSecrets {
    let slots: readonly number[] | undefined
    const before = this.#overwritten
    this.#reading++
    return {
      known: (secrets) => {
        this.#reading--
        slots = secrets.flatMap((secret) => this.#secrets.hold(secret) ?? [])
        return this.#overwritten !== before
      },
      ended: () => {
        if (slots === undefined) this.#reading--
        for (const slot of slots ?? []) this.#secrets.release(slot)
      },
    }
  }

  /**
   * The same provider, for records that are opened and sealed under keys of one use, all within one call: of these the
   * runtime's ciphers keep copies.
   */
  watching(crypto: CryptoProvider): CryptoProvider {
    return {
      ...crypto,
      hkdfExtract: (salt, inputKey) => {
        const key = crypto.hkdfExtract(salt, inputKey)
        this.#derived.add(key)
        return key
      },
      aesGcmSeal: (key, nonce, associatedData, plaintext) => {
        this.#derived.add(key)
        return crypto.aesGcmSeal(key, nonce, associatedData, plaintext)
      },
      aesGcmSealInPlace: (key, nonce, associatedData, buffer) => {
        this.#derived.add(key)
        crypto.aesGcmSealInPlace(key, nonce, associatedData, buffer)
      },
      aesGcmOpen: (key, nonce, associatedData, ciphertext) => {
        this.#derived.add(key)
        return crypto.aesGcmOpen(key, nonce, associatedData, ciphertext)
      },
    }
  }

  /**
   * Overwrites what requests left that have ended by now, and forgets it. What is used again at once is left for another time: it is
   * in memory anyway, and in bodies that are just coming in. Other things are done in between. Resolves with the milliseconds
   * that it searched, and nothing else could be done.
   */
  async run(): Promise<number> {
    const now = performance.now()
    await Bun.sleep(SWEEP_PAUSE_MILLISECONDS)
    const any = this.#secrets.prepare(now, (secret) => this.#onStack.add(secret))
    if (!any && this.#derived.isEmpty) return 0
    ;[this.#derived, this.#searched] = [this.#searched, this.#derived]
    const milliseconds = await this.#sweepAll()
    this.#secrets.forget()
    this.#searched.forget()
    this.#onStack.forget()
    this.#chunk.fill(0)
    return milliseconds
  }

  async #sweepAll(): Promise<number> {
    const late = performance.now() + SWEEP_WAIT_MILLISECONDS
    let left = 0
    let milliseconds = 0
    for (const range of this.#memory.ranges()) {
      for (let at = range.start; at < range.end; at += SWEEP_CHUNK_BYTES - OVERLAP_BYTES) {
        if (left <= 0) {
          await this.#letOthers(late)
          left = SWEEP_SLICE_BYTES
        }
        const end = Math.min(at + SWEEP_CHUNK_BYTES, range.end)
        const began = performance.now()
        this.#sweep({ ...range, start: at, end })
        milliseconds += performance.now() - began
        left -= end - at
      }
    }
    return milliseconds
  }

  /** Lets others do something, and waits until no body is being read, but no longer than this. */
  async #letOthers(late: number): Promise<void> {
    do await Bun.sleep(0)
    while (this.#reading > 0 && performance.now() < late)
  }

  #sweep({ start, end, isStack }: Range): void {
    const chunk = this.#chunk.subarray(0, end - start)
    if (this.#memory.read(start, chunk)) {
      this.#secrets.search(chunk, (secret, at) => this.#overwriteSecret(secret, start + at))
      this.#searched.search(chunk, (at) => this.#overwritePiece(this.#searched, start + at))
      if (isStack) this.#onStack.search(chunk, (at) => this.#overwritePiece(this.#onStack, start + at))
    } else if (end - start > MEMORY_PAGE_BYTES) {
      for (let at = start; at < end; at += MEMORY_PAGE_BYTES)
        this.#sweep({ start: at, end: Math.min(at + MEMORY_PAGE_BYTES, end), isStack })
    }
  }

  /** What is there is read once more: as much of its beginning and its end is overwritten as still is the secret. */
  #overwriteSecret(secret: Uint8Array, address: number): void {
    if (this.#isOwn(address)) return
    const { length } = secret
    const found = this.#found.subarray(0, length)
    if (!this.#memory.read(address, found)) return
    let [first, last] = [0, length]
    while (first < length && found[first] === secret[first]) first++
    while (last > first && found[last - 1] === secret[last - 1]) last--
    this.#overwritten++
    this.#memory.write(address, this.#zeros.subarray(0, first))
    this.#memory.write(address + last, this.#zeros.subarray(0, length - last))
    found.fill(0)
  }

  #overwritePiece(pieces: Pieces, address: number): void {
    if (this.#isOwn(address)) return
    const found = this.#found.subarray(0, PIECE_BYTES)
    if (this.#memory.read(address, found) && pieces.has(found))
      this.#memory.write(address, this.#zeros.subarray(0, PIECE_BYTES))
    found.fill(0)
  }

  #isOwn(address: number): boolean {
    const { memory } = this.#secrets
    return [memory, this.#searched.memory, this.#derived.memory, this.#onStack.memory, this.#chunk].some(
      (bytes) => {
        const start = addressOf(bytes)
        return address >= start && address < start + bytes.length
      },
    )
  }
}

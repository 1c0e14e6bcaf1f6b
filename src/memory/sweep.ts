import {
  MEMORY_PAGE_BYTES,
  SECRET_BYTES_MAX,
  SWEEP_CHUNK_BYTES,
  SWEEP_SLICE_BYTES,
  SWEEP_WAIT_MILLISECONDS,
} from "../limits.ts"
import { addressOf, OwnMemory } from "./own-memory.ts"
import { SECRET_PIECE_BYTES, Secrets } from "./secrets.ts"

/** One request, for as long as it may hold secrets. */
export interface RequestSecrets {
  /** Its body has been read, and these are in it, as views. */
  known(secrets: readonly Uint8Array[]): void
  ended(): void
}

/** Chunks overlap by so much, so that what lies across an end is whole in one of them. */
const OVERLAP_BYTES = 64

/**
 * Looks for the secrets of requests that have ended in all memory that the process can write to, and overwrites them. What is
 * overwritten can only be in copies of bodies (see {@link Secrets}), and bodies that are in use are none of those: not
 * those that hold a secret of a request under way, and none at all while one is being read that nobody has looked into yet.
 *
 * Whoever has bodies of requests in this process that are not the server's must not use it: a client does.
 */
export class Sweep {
  readonly #memory: OwnMemory
  readonly #secrets = new Secrets()
  readonly #chunk = new Uint8Array(new ArrayBuffer(SWEEP_CHUNK_BYTES))
  readonly #found = new Uint8Array(new ArrayBuffer(SECRET_BYTES_MAX))
  readonly #zeros = new Uint8Array(new ArrayBuffer(SECRET_BYTES_MAX))
  #reading = 0

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
    this.#reading++
    return {
      known: (secrets) => {
        this.#reading--
        slots = secrets.flatMap((secret) => this.#secrets.hold(secret) ?? [])
      },
      ended: () => {
        if (slots === undefined) this.#reading--
        for (const slot of slots ?? []) this.#secrets.release(slot)
      },
    }
  }

  /**
   * Overwrites what requests left that have ended by now, and forgets it. Other things are done in between; while bodies are
   * being read all the time, it gives up.
   */
  async run(): Promise<void> {
    if (!this.#secrets.prepare()) return
    let done = SWEEP_SLICE_BYTES
    for (const [start, end] of this.#memory.ranges()) {
      for (let at = start; at < end; at += SWEEP_CHUNK_BYTES - OVERLAP_BYTES) {
        if (done >= SWEEP_SLICE_BYTES) {
          if (!(await this.#noneIsRead())) break
          done = 0
        }
        const length = Math.min(SWEEP_CHUNK_BYTES, end - at)
        this.#sweep(at, length)
        done += length
      }
    }
    this.#secrets.forget()
    this.#chunk.fill(0)
  }

  /** Lets others do something, and waits until no body is being read, but not for long. */
  async #noneIsRead(): Promise<boolean> {
    const late = performance.now() + SWEEP_WAIT_MILLISECONDS
    do await Bun.sleep(0)
    while (this.#reading > 0 && performance.now() < late)
    return this.#reading === 0
  }

  #sweep(start: number, length: number): void {
    const chunk = this.#chunk.subarray(0, length)
    if (this.#memory.read(start, chunk))
      this.#secrets.search(chunk, (slot, at) => this.#overwrite(slot, start + at, length - at))
    else if (length > MEMORY_PAGE_BYTES)
      for (let at = 0; at < length; at += MEMORY_PAGE_BYTES) this.#sweep(start + at, MEMORY_PAGE_BYTES)
  }

  /** What is there is read once more: as much of it is overwritten as still is the secret. */
  #overwrite(slot: number, address: number, lengthMax: number): void {
    if (this.#isOwn(address)) return
    const found = this.#found.subarray(0, Math.min(this.#secrets.lengthOf(slot), lengthMax))
    if (!this.#memory.read(address, found)) return
    const count = this.#secrets.common(slot, found)
    if (count >= SECRET_PIECE_BYTES) this.#memory.write(address, this.#zeros.subarray(0, count))
    found.fill(0)
  }

  #isOwn(address: number): boolean {
    return [this.#secrets.memory, this.#chunk].some((bytes) => {
      const start = addressOf(bytes)
      return address >= start && address < start + bytes.length
    })
  }
}

import { writeFileSync } from "node:fs"

/** Where a server process that was started with clock-preload.ts finds its clock. */
export const CLOCK_VARIABLE = "CINDER_TEST_CLOCK"

/**
 * A clock for this process and for servers in others, which the driver of a story sets: by it days go by in a minute. It is
 * a file of eight bytes that all of them have mapped into their memory: by how many milliseconds it is ahead.
 */
export class SharedClock {
  readonly file: string
  readonly #ahead: Float64Array
  readonly #real = Date.now

  /** Begins at this moment, in milliseconds since 1970. `Date.now` of this process follows it from now on. */
  constructor(file: string, begin: number) {
    this.file = file
    writeFileSync(file, new Uint8Array(Float64Array.of(begin - this.#real()).buffer))
    this.#ahead = readAhead(file)
    Date.now = () => Math.floor(this.#real() + (this.#ahead[0] as number))
  }

  /** Never backwards. */
  set(moment: number): void {
    this.#ahead[0] = Math.max(this.#ahead[0] as number, moment - this.#real())
  }

  end(): void {
    Date.now = this.#real
  }
}

export function readAhead(file: string): Float64Array {
  return new Float64Array(Bun.mmap(file).buffer, 0, 1)
}

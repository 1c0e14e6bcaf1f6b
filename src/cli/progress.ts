const WIDTH = 32

/** A bar for people who wait: in terminals only, and where messages go. */
export class Progress {
  readonly #words: string
  #shown = false

  constructor(words: string) {
    this.#words = words
  }

  at(done: number, total: number): void {
    if (process.stderr.isTTY !== true) return
    const share = total === 0 ? 1 : Math.min(1, done / total)
    const bar = "#".repeat(Math.round(share * WIDTH)).padEnd(WIDTH, ".")
    process.stderr.write(`\r${this.#words} [${bar}] ${Math.round(share * 100)} %`)
    this.#shown = true
  }

  end(): void {
    if (this.#shown) process.stderr.write("\r\u001b[2K")
  }
}

const WIDTH = 32

/** A bar for people who wait: in terminals only, and where messages go. */
export class Progress {
  readonly #words: string
  #shown = ""

  constructor(words: string) {
    this.#words = words
  }

  /** `total`: 0 if nobody knows. */
  at(done: number, total: number): void {
    const line = total === 0 ? `${this.#words} …` : `${this.#words} ${bar(Math.min(1, done / total))}`
    if (process.stderr.isTTY !== true || line === this.#shown) return
    process.stderr.write(`\r${line}`)
    this.#shown = line
  }

  end(): void {
    if (this.#shown !== "") process.stderr.write("\r\u001b[2K")
  }
}

function bar(share: number): string {
  return `[${"#".repeat(Math.round(share * WIDTH)).padEnd(WIDTH, ".")}] ${Math.round(share * 100)} %`
}

import type { FileReport } from "./files.ts"

/** Tells what happens, to a person; in colour on a terminal only, and not at all with `--json`. */
export class Story {
  readonly #quiet: boolean
  readonly #colour: boolean
  readonly #began = performance.now()

  constructor(quiet: boolean) {
    this.#quiet = quiet
    this.#colour = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined
  }

  title(text: string): void {
    this.#line(`\n${this.#paint("1", text)}`)
  }

  step(text: string): void {
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1).padStart(5)
    this.#line(`${this.#paint("2", `${seconds}s`)}  ${text}`)
  }

  note(text: string): void {
    this.#line(`\n  ${text}`)
  }

  trouble(text: string): void {
    this.#line(this.#paint("31", text))
  }

  good(text: string): void {
    this.#line(this.#paint("32", text))
  }

  files(reports: readonly FileReport[]): void {
    for (const { name, bytes, tables } of reports) {
      this.#line(`\n  ${this.#paint("1", name)}  ${bytes.toLocaleString("en")} bytes`)
      for (const table of tables) {
        const columns = table.columns.map((column) => `${column.name} ${column.holds}`).join(", ")
        this.#line(
          `    ${table.name.padEnd(24)}${String(table.rows).padStart(5)} rows   ${this.#paint("2", columns)}`,
        )
      }
    }
  }

  #paint(code: string, text: string): string {
    return this.#colour ? `\u001b[${code}m${text}\u001b[0m` : text
  }

  #line(text: string): void {
    if (!this.#quiet) console.log(text)
  }
}

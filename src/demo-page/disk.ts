import type { Seen } from "../audit/seen.ts"
import { byId, make } from "./dom.ts"
import type { AuditReport, FilesReport, Unreadable } from "./report.ts"

/** The right side: what the files hold now, and what of it came since a step began. */

const POLL_MILLISECONDS = 2_000
/** The others are highlighted beside it. */
const CHANGES_TOLD_MAX = 4

/** How far a number has changed; undefined: not at all. */
interface Fact extends Seen {
  readonly change: number
}

export class Disk {
  #seen: readonly Seen[] = []
  /** What was there when the step began. */
  #before: readonly Seen[] = []
  #reading = false

  /** Goes on reading as long as somebody looks. */
  watch(): void {
    setInterval(() => {
      if (!document.hidden && !this.#reading) void this.refresh()
    }, POLL_MILLISECONDS)
  }

  /** A step begins: changes count from here. */
  mark(): void {
    this.#before = this.#seen
    this.#show()
  }

  async refresh(): Promise<void> {
    this.#reading = true
    const report = await ask<FilesReport>("/demo/files")
    this.#reading = false
    if ("unreadable" in report) {
      byId("source").textContent = `${report.unreadable}.`
      return
    }
    this.#seen = report.seen
    if (this.#before.length === 0) this.#before = report.seen
    this.#show()
    byId("source").replaceChildren(...sourceOf(report))
    byId("tables").replaceChildren(...report.tables.map(tableOf))
  }

  /** The changes since the step began, in words. */
  changes(): string {
    const changes = this.#facts().filter(({ change }) => change !== 0)
    const told = changes.slice(0, CHANGES_TOLD_MAX).map(({ change, what }) => `${what} ${signed(change)}`)
    const more = changes.length - told.length
    if (changes.length === 0) return "On the disk, no number has changed."
    return `On the disk: ${told.join(", ")}${more > 0 ? `, and ${more} more` : ""}.`
  }

  /** What comes before a colon is what is not there. */
  showAbsent(sentences: readonly string[]): void {
    const items = sentences.map((sentence) => {
      const [what = "", why] = sentence.split(": ")
      return make("li", {}, make("b", {}, what), why === undefined ? "" : `: ${why}`)
    })
    byId("absent").replaceChildren(...items)
  }

  /** Runs the audit, shows what it came to, and says it in a sentence. */
  async audit(): Promise<string> {
    const report = await ask<AuditReport>("/demo/audit")
    if ("unreadable" in report) return `${report.unreadable}.`
    byId("verdict").replaceChildren(...verdictOf(report))
    const leaks = report.findings.filter(({ pass }) => !pass).map(({ question }) => question)
    if (leaks.length > 0) return `The promise does not hold. ${leaks.join(" ")} Yes.`
    return "The promise holds: whoever steals the files learns what is listed, and no more. Go on talking, or start over."
  }

  #facts(): Fact[] {
    const all = new Set([...this.#seen, ...this.#before].map(({ what }) => what))
    const countIn = (list: readonly Seen[], what: string) => list.find((one) => one.what === what)?.count ?? 0
    return [...all].map((what) => {
      const count = countIn(this.#seen, what)
      return { what, count, change: count - countIn(this.#before, what) }
    })
  }

  #show(): void {
    byId("ledger").replaceChildren(...this.#facts().map(rowOf))
  }
}

async function ask<T>(path: string): Promise<T | Unreadable> {
  try {
    return (await (await fetch(path)).json()) as T | Unreadable
  } catch {
    return { unreadable: "The server does not answer" }
  }
}

function rowOf({ what, count, change }: Fact): HTMLElement {
  const kind = change !== 0 ? "changed" : count === 0 ? "none" : ""
  return make(
    "tr",
    { class: kind },
    make("td", { class: "number" }, count.toLocaleString("en")),
    make("td", {}, what),
    make("td", { class: "change" }, change === 0 ? "" : signed(change)),
  )
}

function signed(change: number): string {
  return change > 0 ? `+${change}` : `−${-change}`
}

function sourceOf({ files }: FilesReport): (Node | string)[] {
  const databases = files.filter(({ bytes }) => bytes > 0)
  const listed = databases.flatMap(({ name, bytes }, index): (Node | string)[] => {
    return [index === 0 ? "" : ", ", make("code", {}, name), ` ${Math.ceil(bytes / 1024)} KiB`]
  })
  return ["Read a moment ago, as a thief would: ", ...listed, ". Highlighted is what the last step changed."]
}

function tableOf({ name, rows, columns }: FilesReport["tables"][number]): HTMLElement {
  const list = columns.map((column) => make("li", {}, make("code", {}, column.name), ` ${column.holds}`))
  const title = make("h4", {}, make("code", {}, name), ` ${rows} ${rows === 1 ? "row" : "rows"}`)
  return make("section", {}, title, make("ul", {}, ...list))
}

function verdictOf({ findings }: AuditReport): HTMLElement[] {
  const leaks = findings.filter(({ pass }) => !pass).length
  const sentence =
    leaks === 0
      ? `The promise holds: ${findings.length} attempts to learn more came to nothing.`
      : `${leaks} of ${findings.length} attempts learned something.`
  const list = findings.map(({ pass, question, words, details }) => {
    const answer = make("strong", {}, pass ? "No." : "Yes.")
    return make(
      "li",
      { class: pass ? "ok" : "leak" },
      `${question} `,
      answer,
      ` ${words}`,
      ...details.map((one) => make("small", {}, one)),
    )
  })
  return [
    make("p", { class: leaks === 0 ? "ok" : "leak" }, sentence),
    make("details", {}, make("summary", {}, "What was tried"), make("ul", { class: "findings" }, ...list)),
  ]
}

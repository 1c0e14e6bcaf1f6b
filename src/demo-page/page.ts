import { ClientError } from "../client/index.ts"
import { Disk } from "./disk.ts"
import { byId, make } from "./dom.ts"
import { Notes } from "./notes.ts"
import { People } from "./people.ts"
import { Phones } from "./phones.ts"
import { atFirst, type Step, steps } from "./steps.ts"

/** The demo's page: leads through the steps, and remembers in IndexedDB how far it has come. */

/** The server reads its files a little later than it writes them, and not more often than it likes to. */
const SETTLING_MILLISECONDS = 900

const AUDIT = {
  title: "Audit",
  action: "Play the thief",
  about:
    "cinder audit reads the files as somebody who stole them would, and tries to learn more than is promised.",
} as const

/** For whoever cannot go on; other codes are shown as they are. */
const reasons: Readonly<Record<string, string>> = {
  "client.store-in-use": "The demo is open in another tab of this browser.",
  "client.unreachable": "The server does not answer.",
  "as.invitation-required": "This server wants invitations, and the demo has none.",
}

class Page {
  readonly #notes: Notes
  readonly #people: People
  readonly #phones: Phones
  readonly #disk = new Disk()
  /** So many steps are done; the audit, which comes last, counts until the page is reloaded. */
  #done: number
  #busy = false

  private constructor(notes: Notes, done: number) {
    this.#notes = notes
    this.#done = done
    this.#people = new People(notes, () => this.#phones.show())
    this.#phones = new Phones(this.#people, (error) => this.#fail(error))
  }

  static async open(): Promise<void> {
    const notes = await Notes.open()
    const page = new Page(notes, await notes.read("steps done", 0))
    byId("next").addEventListener("click", () => page.#act(() => page.#next()))
    byId("over").addEventListener("click", () => page.#act(() => page.#startOver()))
    await page.#act(() => page.#resume())
    page.#disk.watch()
  }

  async #resume(): Promise<void> {
    this.#tell("The clients start.")
    await Promise.all([this.#people.resume(), this.#disk.refresh()])
    this.#phones.show()
    const last = steps[this.#done - 1]
    this.#tell(last?.done ?? "Begin with the first step.")
    if (last !== undefined) byId("next").focus()
  }

  async #next(): Promise<void> {
    const step = steps[this.#done]
    this.#disk.mark()
    if (step === undefined) await this.#audit()
    else await this.#take(step)
  }

  async #take(step: Step): Promise<void> {
    // A reload ends the step, and the page: so it counts as done before.
    const ends = step.title === "Reload"
    if (ends) await this.#notes.write("steps done", this.#done + 1)
    await step.run(this.#people, (text) => this.#tell(text))
    this.#done += 1
    await this.#notes.write("steps done", this.#done)
    this.#phones.show()
    this.#tell(`${step.done} The files are being read.`)
    await this.#settle()
    this.#tell(`${step.done} ${this.#disk.changes()}`)
  }

  async #audit(): Promise<void> {
    this.#tell("The audit reads the files.")
    this.#tell(await this.#disk.audit())
    this.#done = steps.length + 1
  }

  async #startOver(): Promise<void> {
    this.#tell("The accounts are deleted.")
    await this.#people.forget()
    location.reload()
    await new Promise(() => undefined)
  }

  async #settle(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, SETTLING_MILLISECONDS))
    await this.#disk.refresh()
  }

  /** One thing at a time. */
  async #act(what: () => Promise<void>): Promise<void> {
    if (this.#busy) return
    this.#setBusy(true)
    try {
      await what()
    } catch (error) {
      this.#fail(error)
    }
    this.#setBusy(false)
  }

  #setBusy(busy: boolean): void {
    this.#busy = busy
    for (const id of ["next", "over"]) byId(id).setAttribute("aria-disabled", `${busy}`)
    byId("steps").replaceChildren(
      ...[...steps, AUDIT].map(({ title }, index) => stepOf(title, index, this.#done)),
    )
    const { action, about } = steps[this.#done] ?? AUDIT
    byId("next").textContent = action
    byId("about").textContent = about
    this.#disk.showAbsent(steps[this.#done - 1]?.absent ?? atFirst)
  }

  #tell(text: string): void {
    byId("status").textContent = text
  }

  #fail(error: unknown): void {
    tellFailure(error)
  }
}

function stepOf(title: string, index: number, done: number): HTMLElement {
  const isCurrent = index === done
  const state = index < done ? "done" : isCurrent ? "current" : "ahead"
  return make("li", { class: state, ...(isCurrent && { "aria-current": "step" }) }, title)
}

function tellFailure(error: unknown): void {
  const code = error instanceof ClientError ? error.code : `${error}`
  byId("status").textContent = reasons[code] ?? `That did not work (${code}). Try again, or start over.`
}

if (isSecureContext) Page.open().catch(tellFailure)
else
  byId("status").textContent = "Browsers run this page over HTTPS, or from the machine itself, at localhost."

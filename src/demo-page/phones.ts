import { byId, make } from "./dom.ts"
import type { People } from "./people.ts"
import { type Line, type Name, names, type Person } from "./person.ts"

/** The devices of the three people: what each reads, and where each writes. Where there is little room, one is shown. */

const TEXT_CHARACTERS_MAX = "500"

interface Phone {
  readonly state: HTMLElement
  readonly log: HTMLElement
  readonly input: HTMLInputElement
  readonly send: HTMLButtonElement
}

export class Phones {
  readonly #people: People
  readonly #phones: ReadonlyMap<Name, Phone>

  /** `failed` hears of messages that could not be sent. */
  constructor(people: People, failed: (error: unknown) => void) {
    this.#people = people
    this.#phones = new Map(names.map((name) => [name, this.#makePhone(name, failed)]))
    byId("choice").append(...names.map(choiceOf))
    this.show()
  }

  show(): void {
    for (const [name, phone] of this.#phones) {
      const person = this.#people.find(name)
      phone.state.textContent = stateOf(person)
      const isMember = person?.group !== undefined
      phone.input.disabled = !isMember
      phone.send.disabled = !isMember
      this.#showLines(phone.log, person)
    }
  }

  /** Lines are only ever added, so that those who read, or select, are not disturbed. */
  #showLines(log: HTMLElement, person: Person | undefined): void {
    const lines = person?.lines ?? []
    if (lines.length < log.childElementCount) log.replaceChildren()
    const fresh = lines.slice(log.childElementCount)
    log.append(...fresh.map((line) => this.#lineOf(line, person)))
    if (fresh.length > 0) log.scrollTop = log.scrollHeight
    const said = fresh.findLast(({ kind, user }) => kind === "message" && user === person?.client.userId)
    // Three devices show it; whoever listens to the page hears it once.
    if (said !== undefined) byId("heard").textContent = `${person?.name}: ${said.text}`
  }

  #lineOf({ kind, user, text }: Line, person: Person | undefined): HTMLElement {
    if (kind !== "message") return make("li", { class: "event" }, this.#eventOf(kind, user))
    if (user === person?.client.userId) return make("li", { class: "own" }, make("b", {}, "I"), text)
    const name = this.#people.nameOf(user)
    return make("li", { class: `from-${name.toLowerCase()}` }, make("b", {}, name), text)
  }

  #eventOf(kind: Exclude<Line["kind"], "message">, user: string): string {
    const name = this.#people.nameOf(user)
    if (kind === "connected") return `${name} is a contact`
    if (kind === "joined") return `${name} added me to a group`
    return kind === "removed" ? `${name} has left` : "I have left the group"
  }

  #makePhone(name: Name, failed: (error: unknown) => void): Phone {
    const title = make("h3", { id: `title-${name}` }, name)
    const state = make("p", { class: "state" })
    const log = make("ol", { class: "log", tabindex: "0", "aria-label": `What ${name} reads` })
    const words = { "aria-label": `Write as ${name}`, placeholder: "Message", autocomplete: "off" }
    const input = make("input", {
      ...words,
      type: "text",
      maxlength: TEXT_CHARACTERS_MAX,
      enterkeyhint: "send",
    })
    const send = make("button", { type: "submit", "aria-label": `Send as ${name}` }, "Send")
    const form = make("form", {}, input, send)
    form.addEventListener("submit", (event) => {
      event.preventDefault()
      const text = input.value.trim()
      if (text === "") return
      input.value = ""
      this.#people.get(name).say(text).catch(failed)
    })
    const initial = make(
      "span",
      { class: `face from-${name.toLowerCase()}`, "aria-hidden": "true" },
      name.slice(0, 1),
    )
    const head = make("div", { class: "head" }, initial, make("div", {}, title, state))
    const attributes = { class: "phone", "aria-labelledby": `title-${name}`, "data-name": name }
    byId("phones").append(make("section", attributes, head, log, form))
    return { state, log, input, send }
  }
}

function stateOf(person: Person | undefined): string {
  if (person === undefined) return "not here yet"
  return person.group === undefined ? "registered" : "in the group"
}

function choiceOf(name: Name): HTMLElement {
  const radio = make("input", {
    type: "radio",
    name: "device",
    value: name,
    ...(name === "Ada" && { checked: "" }),
  })
  radio.addEventListener("change", () => {
    byId("phones").dataset["shown"] = name
  })
  return make("label", {}, radio, name)
}

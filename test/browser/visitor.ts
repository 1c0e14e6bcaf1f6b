import type { Browser, BrowserContext, Page } from "playwright-core"
import type { Application, Seen } from "./page.ts"

type Name = keyof Application
type Arguments<K extends Name> = Parameters<Application[K]>
type Answer<K extends Name> = Awaited<ReturnType<Application[K]>>

/** One of a visitor's tabs. */
export class Tab {
  readonly #page: Page

  constructor(page: Page) {
    this.#page = page
  }

  /** Has the page's application do something. */
  async call<K extends Name>(name: K, ...words: Arguments<K>): Promise<Answer<K>> {
    const run = async ([which, given]: [Name, unknown[]]): Promise<unknown> => {
      // A page counts as loaded before its module has waited for all that it imports.
      while (globalThis.page === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
      return await (globalThis.page[which] as (...all: unknown[]) => unknown)(...given)
    }
    return (await this.#page.evaluate(run, [name, words] as [Name, unknown[]])) as Answer<K>
  }

  async reload(): Promise<void> {
    await this.#page.reload()
  }

  async close(): Promise<void> {
    await this.#page.close()
  }
}

/** Somebody with a browser profile of their own, and what they and the test got to see. */
export class Visitor {
  /** The application's events, each once by its number: as an application does that remembers what it has shown. */
  readonly events: Seen[] = []
  /** Errors and warnings on the console, uncaught exceptions, crashes. */
  readonly complaints: string[] = []
  readonly #context: BrowserContext
  readonly #site: string
  readonly #waiting = new Set<() => void>()
  user = ""

  private constructor(context: BrowserContext, site: string) {
    this.#context = context
    this.#site = site
  }

  static async arrive(browser: Browser, site: string): Promise<Visitor> {
    return await Visitor.with(await browser.newContext(), site)
  }

  static async with(context: BrowserContext, site: string): Promise<Visitor> {
    const visitor = new Visitor(context, site)
    await context.exposeFunction("seen", (event: Seen) => visitor.#see(event))
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) visitor.complaints.push(message.text())
    })
    context.on("weberror", (error) => visitor.complaints.push(`${error.error()}`))
    return visitor
  }

  async open(): Promise<Tab> {
    const page = await this.#context.newPage()
    page.on("crash", () => this.complaints.push("the page crashed"))
    await page.goto(this.#site)
    return new Tab(page)
  }

  #see(event: Seen): void {
    if (this.events.some(({ number }) => number === event.number)) return
    this.events.push(event)
    for (const wake of this.#waiting) wake()
  }

  async until(holds: (events: readonly Seen[]) => boolean): Promise<void> {
    while (!holds(this.events)) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  has(type: Seen["type"], user = ""): boolean {
    return this.events.some((event) => event.type === type && event.user.startsWith(user))
  }

  /** The texts of a sender, in the order of arrival. */
  heard(sender: string): string[] {
    return this.events
      .filter(({ type, user }) => type === "message" && user === sender)
      .map(({ text }) => text)
  }

  /** Names of cookies of any site. */
  async cookies(): Promise<string[]> {
    return (await this.#context.cookies()).map(({ name }) => name)
  }

  async leave(): Promise<void> {
    await this.#context.close()
  }
}

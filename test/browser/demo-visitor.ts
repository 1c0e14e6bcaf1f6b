import { expect } from "bun:test"
import { join } from "node:path"
import type { Browser, BrowserContext, Page } from "playwright-core"

const SCREENS = [
  { width: 360, colorScheme: "dark" },
  { width: 360, colorScheme: "light" },
  { width: 768, colorScheme: "light" },
  { width: 1280, colorScheme: "dark" },
  { width: 1280, colorScheme: "light" },
] as const

/** More than the page has. */
const FOCUSABLE_MAX = 40

/** Two members' clients may commit the same leaving; one of them is told that the other was first, which is no mistake. */
const CONFLICT = "the server responded with a status of 409 (Conflict)"

/** Somebody who looks at the demo's page. */
export class DemoVisitor {
  readonly page: Page
  /** Errors and warnings on the console, uncaught exceptions, crashes. */
  readonly complaints: string[] = []
  /** Origins that anything was asked of. */
  readonly origins = new Set<string>()
  readonly #context: BrowserContext

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context
    this.page = page
    context.on("console", (message) => {
      const isRace = message.text().endsWith(CONFLICT)
      if (["error", "warning"].includes(message.type()) && !isRace) this.complaints.push(message.text())
    })
    context.on("weberror", (error) => this.complaints.push(`${error.error()}`))
    page.on("crash", () => this.complaints.push("the page crashed"))
    context.on("request", (request) => {
      if (!request.url().startsWith("data:")) this.origins.add(new URL(request.url()).origin)
    })
    page.on("websocket", (socket) => this.origins.add(new URL(socket.url().replace(/^ws/, "http")).origin))
  }

  static async arrive(browser: Browser, url: string): Promise<DemoVisitor> {
    const context = await browser.newContext()
    const visitor = new DemoVisitor(context, await context.newPage())
    await visitor.page.goto(url)
    return visitor
  }

  /** Resolves when the page waits for its visitor, and says a text. */
  async says(text: string): Promise<void> {
    const idle = this.page.locator("#next[aria-disabled=false]")
    await idle.waitFor()
    await this.page.locator("#status", { hasText: text }).waitFor()
    await idle.waitFor()
  }

  /** Goes on by tabulator until something has the focus, by id or label. */
  async tabTo(name: string): Promise<void> {
    for (let presses = 0; presses < FOCUSABLE_MAX; presses++) {
      await this.page.keyboard.press("Tab")
      const focus = this.page.locator(":focus")
      const names = [await focus.getAttribute("id"), await focus.getAttribute("aria-label")]
      if (names.includes(name)) return
    }
    throw new Error(`${name} cannot be reached by keyboard`)
  }

  /** What somebody reads on their device, without what merely happened. */
  async read(name: string): Promise<string[]> {
    return await this.page.locator(`[data-name=${name}] .log li:not(.event)`).allTextContents()
  }

  /** The number that the ledger has for something. */
  async count(what: string): Promise<number> {
    const row = this.page.locator("#ledger tr", {
      has: this.page.getByRole("cell", { name: what, exact: true }),
    })
    return Number(await row.locator(".number").textContent())
  }

  /** On every screen nothing sticks out; with a picture of each, in the folder that `CINDER_SCREENSHOTS` names, if it does. */
  async look(name: string): Promise<void> {
    const folder = process.env["CINDER_SCREENSHOTS"]
    for (const { width, colorScheme } of SCREENS) {
      await this.page.setViewportSize({ width, height: 800 })
      await this.page.emulateMedia({ colorScheme })
      const reaches = await this.page.evaluate(() => document.documentElement.scrollWidth)
      expect([name, reaches]).toEqual([name, width])
      if (folder === undefined) continue
      const path = join(folder, `demo-${name}-${width}-${colorScheme}.png`)
      await this.page.screenshot({ path, fullPage: true, animations: "disabled" })
    }
  }

  async leave(): Promise<void> {
    await this.#context.close()
  }
}

import { mkdirSync } from "node:fs"
import { join } from "node:path"
import type { Browser, BrowserContext, Page } from "playwright-core"

/** Two members' clients may commit the same leaving; one of them is told that the other was first, which is no mistake. */
const CONFLICT = "the server responded with a status of 409 (Conflict)"

/** Somebody who looks at the demo's page, with a screen of some width in some colours. */
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

  static async arrive(
    browser: Browser,
    url: string,
    look: { readonly width: number; readonly colorScheme: "light" | "dark" },
  ): Promise<DemoVisitor> {
    const { width, colorScheme } = look
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme })
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

  /** Into the folder that `CINDER_SCREENSHOTS` names, if it does. */
  async photograph(name: string, whole = true): Promise<void> {
    const folder = process.env["CINDER_SCREENSHOTS"]
    if (folder === undefined) return
    mkdirSync(folder, { recursive: true })
    await this.page.screenshot({ path: join(folder, `${name}.png`), fullPage: whole, animations: "disabled" })
  }

  async leave(): Promise<void> {
    await this.#context.close()
  }
}

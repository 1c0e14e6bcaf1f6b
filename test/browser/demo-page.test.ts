import { afterAll, beforeAll, expect, test } from "bun:test"
import { type Browser, chromium } from "playwright-core"
import { ServerUnderTest } from "../client/server.ts"
import { CHROMIUM_FLAGS, withChromium } from "./chromium.ts"
import { DemoVisitor } from "./demo-visitor.ts"

/** Only a browser that hangs takes this long. */
const LONGEST_MS = 120_000
/** What each step says when it is done. */
const said = {
  register: "Ada and Ben are registered.",
  find: "Ada and Ben are contacts.",
  group: "Ada, Ben and Cleo are in a group.",
  talk: "Everybody has read everything.",
  reload: "All three went on where they were.",
  leave: "Ben has left the group.",
} as const
/** What somebody reads, with who said it. */
function talk(reader: string): string[] {
  return [
    ["Ada", "Dinner on Friday?"],
    ["Ben", "Yes! At my place?"],
    ["Cleo", "I’ll bring dessert."],
  ].map(([name, text]) => `${name === reader ? "I" : name}${text}`)
}

withChromium((executablePath) => {
  let browser: Browser
  const server = new ServerUnderTest("--demo")

  beforeAll(async () => {
    await server.start()
    browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS })
  }, LONGEST_MS)

  afterAll(async () => {
    await browser?.close()
    await server.end()
  })

  test(
    "the demo goes through all steps, looks well on every screen, asks nobody else, and goes on after a reload",
    async () => {
      const visitor = await DemoVisitor.arrive(browser, server.url)
      const { page } = visitor
      await visitor.says("Begin with the first step.")
      await visitor.look("start")
      const users = await visitor.count("users")
      for (const [step, text] of Object.entries(said)) {
        await page.locator("#next").click()
        await visitor.says(text)
        await visitor.look(step)
      }
      expect(await visitor.count("users")).toBe(users + 3)
      for (const name of ["Ada", "Ben", "Cleo"]) expect(await visitor.read(name)).toEqual(talk(name))
      await page.locator("#next").click()
      await visitor.says("The promise")
      expect(await page.locator("#status").textContent()).toStartWith("The promise holds")
      for (const closed of await page.locator("summary").all()) await closed.click()
      await visitor.look("audit")
      expect([...visitor.origins]).toEqual([server.url])
      await page.locator("#over").click()
      await visitor.says("Begin with the first step.")
      expect(visitor.complaints).toEqual([])
      await visitor.leave()
    },
    LONGEST_MS,
  )

  test(
    "the demo is taken by keyboard alone, and two visitors at once do not disturb each other",
    async () => {
      const visitors = [
        await DemoVisitor.arrive(browser, server.url),
        await DemoVisitor.arrive(browser, server.url),
      ]
      await Promise.all(visitors.map(walk))
      for (const visitor of visitors) {
        expect(visitor.complaints).toEqual([])
        await visitor.leave()
      }
    },
    LONGEST_MS,
  )

  test("the demo says so in a second tab, and goes on in the first", async () => {
    const visitor = await DemoVisitor.arrive(browser, server.url)
    await visitor.says("Begin with the first step.")
    const other = await visitor.page.context().newPage()
    await other.goto(server.url)
    await other.locator("#status", { hasText: "open in another tab" }).waitFor()
    await visitor.page.locator("#next").click()
    await visitor.says(said.register)
    await visitor.leave()
  })

  test(
    "the demo takes a step again that the page was reloaded in",
    async () => {
      const visitor = await DemoVisitor.arrive(browser, server.url)
      const { page } = visitor
      await visitor.says("Begin with the first step.")
      const { reload: _, leave: __, ...before } = said
      for (const [index, [step, text]] of Object.entries(before).entries()) {
        await page.locator("#next").click()
        if (step !== "talk") {
          await page.locator("#next[aria-disabled=true]").waitFor()
          await page.waitForTimeout(Math.random() * 1000)
          await page.reload()
          await page.locator("#next[aria-disabled=false]").waitFor()
          // It may have been done just in time.
          if ((await page.locator("#steps .done").count()) === index) await page.locator("#next").click()
        }
        await visitor.says(text)
      }
      await visitor.leave()
    },
    LONGEST_MS,
  )

  /** Enter alone takes the steps: the button keeps the focus, over the reload too. Then Ada writes. */
  async function walk(visitor: DemoVisitor): Promise<void> {
    const { keyboard } = visitor.page
    await visitor.says("Begin with the first step.")
    await visitor.tabTo("next")
    const { leave: _, ...before } = said
    for (const text of Object.values(before)) {
      await keyboard.press("Enter")
      await visitor.says(text)
    }
    await visitor.tabTo("Write as Cleo")
    await keyboard.type("By keyboard")
    await keyboard.press("Enter")
    for (const name of ["Ada", "Ben"])
      await visitor.page.locator(`[data-name=${name}] .log`, { hasText: "CleoBy keyboard" }).waitFor()
  }
})

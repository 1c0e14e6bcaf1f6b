import { afterAll, beforeAll, expect, test } from "bun:test"
import { type Browser, chromium } from "playwright-core"
import { ServerUnderTest } from "../client/server.ts"
import { CHROMIUM_FLAGS, withChromium } from "./chromium.ts"
import { DemoVisitor } from "./demo-visitor.ts"

/** Only a browser that hangs takes this long. */
const LONGEST_MS = 120_000
/** What each step says when it is done. */
const SAID = [
  "Ada and Ben are registered.",
  "Ada and Ben are contacts.",
  "Ada, Ben and Cleo are in a group.",
  "Everybody has read everything.",
  "All three went on where they were.",
  "Ben has left the group.",
]
/** What somebody reads, with who said it. */
const TALK = (reader: string) =>
  [
    ["Ada", "Dinner on Friday?"],
    ["Ben", "Yes! At my place?"],
    ["Cleo", "I’ll bring dessert."],
  ].map(([name, text]) => `${name === reader ? "I" : name}${text}`)

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

  for (const [width, colorScheme] of [
    [1280, "light"],
    [360, "dark"],
    [360, "light"],
    [1280, "dark"],
  ] as const) {
    test(
      `the demo goes through all steps at ${width} pixels, ${colorScheme}, asks nobody else, and goes on after a reload`,
      async () => {
        const visitor = await DemoVisitor.arrive(browser, server.url, { width, colorScheme })
        const { page } = visitor
        const picture = `demo-${width}-${colorScheme}`
        await visitor.says("Begin with the first step.")
        await visitor.photograph(`${picture}-start`)
        const users = await visitor.count("users")
        for (const [index, said] of SAID.entries()) {
          await page.locator("#next").click()
          await visitor.says(said)
          await visitor.photograph(`${picture}-${index + 1}`)
          await visitor.photograph(`${picture}-${index + 1}-screen`, false)
        }
        expect(await visitor.count("users")).toBe(users + 3)
        for (const name of ["Ada", "Ben", "Cleo"]) expect(await visitor.read(name)).toEqual(TALK(name))
        await page.locator("#next").click()
        await visitor.says("The promise")
        expect(await page.locator("#status").textContent()).toStartWith("The promise holds")
        await visitor.photograph(`${picture}-audit`)
        const widest = await page.evaluate(() => document.documentElement.scrollWidth)
        expect(widest).toBeLessThanOrEqual(width)
        expect([...visitor.origins]).toEqual([server.url])
        expect(visitor.complaints).toEqual([])
        await page.locator("#over").click()
        await visitor.says("Begin with the first step.")
        await visitor.leave()
      },
      LONGEST_MS,
    )
  }
})

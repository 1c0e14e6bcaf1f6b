import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { type Browser, chromium } from "playwright-core"
import { sqliteStore } from "../../src/client-bun/sqlite-store.ts"
import { Person } from "../client/people.ts"
import { ServerUnderTest } from "../client/server.ts"
import { temporaryDirectory } from "../store/files.ts"
import { CHROMIUM_FLAGS, withChromium } from "./chromium.ts"
import { serveSite } from "./site.ts"
import { converse } from "./story.ts"
import { Visitor } from "./visitor.ts"

/** Only a browser that hangs takes this long. */
const LONGEST_MS = 120_000
const RELOADS = 8

withChromium((executablePath) => {
  let browser: Browser
  let site: Awaited<ReturnType<typeof serveSite>>

  beforeAll(async () => {
    site = await serveSite()
    browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS })
  }, LONGEST_MS)

  afterAll(async () => {
    await browser?.close()
    await site?.stop()
  })

  describe("the IndexedDB store in Chromium", () => {
    test(
      "does what every store has to do",
      async () => {
        const visitor = await Visitor.arrive(browser, site.url)
        const tab = await visitor.open()
        expect(await tab.call("conformance")).toEqual([])
        expect(await tab.call("elsewhere")).toEqual([])
        expect(visitor.complaints).toEqual([])
        await visitor.leave()
      },
      LONGEST_MS,
    )

    test("keeps what was written when its page is reloaded, and lets nobody else open it meanwhile", async () => {
      const visitor = await Visitor.arrive(browser, site.url)
      const [first, second] = [await visitor.open(), await visitor.open()]
      await first.call("write", "shared", "key", "kept")
      expect(await second.call("look", "shared", "key")).toBe("client.store-in-use")
      expect(await second.call("look", "other", "key")).toBe("")
      for (let round = 0; round < 5; round++) {
        await first.reload()
        expect(await first.call("look", "shared", "key")).toBe("kept")
      }
      expect(await second.call("look", "shared", "key")).toBe("client.store-in-use")
      await first.close()
      expect(await second.call("look", "shared", "key")).toBe("kept")
      expect(visitor.complaints).toEqual([])
      await visitor.leave()
    })

    test(
      "loses nothing that was written, and leaves nothing half done, when its page goes in the middle of writing",
      async () => {
        const visitor = await Visitor.arrive(browser, site.url)
        const tab = await visitor.open()
        for (let last = 0, round = 0; round < RELOADS; round++) {
          await tab.call("beginRounds", "rounds")
          const enough = last + 1 + Math.floor(Math.random() * 20)
          let written = 0
          while (written < enough) written = await tab.call("rounds")
          await tab.reload()
          last = await tab.call("checkRounds", "rounds")
          expect(last).toBeGreaterThanOrEqual(written)
        }
        expect(visitor.complaints).toEqual([])
        await visitor.leave()
      },
      LONGEST_MS,
    )

    test("refuses a database that is not its own, or a later version's", async () => {
      const visitor = await Visitor.arrive(browser, site.url)
      const tab = await visitor.open()
      for (const version of [1, 2]) {
        await tab.call("makeForeign", `foreign-${version}`, version)
        expect(await tab.call("look", `foreign-${version}`, "key")).toBe("client.incompatible-store")
      }
      await visitor.leave()
    })

    test(
      "has what was written when the browser was killed",
      async () => {
        using profile = temporaryDirectory()
        const start = () =>
          chromium.launchPersistentContext(profile.path, { executablePath, args: CHROMIUM_FLAGS })
        const killed = await start()
        const session = await killed.browser()?.newBrowserCDPSession()
        const { processInfo = [] } = (await session?.send("SystemInfo.getProcessInfo")) ?? {}
        const main = processInfo.find(({ type }) => type === "browser")
        await (await (await Visitor.with(killed, site.url)).open()).call("write", "durable", "key", "kept")
        const closed = new Promise((resolve) => killed.once("close", resolve))
        process.kill(main!.id, "SIGKILL")
        await closed
        const visitor = await Visitor.with(await start(), site.url)
        expect(await (await visitor.open()).call("look", "durable", "key")).toBe("kept")
        await visitor.leave()
      },
      LONGEST_MS,
    )
  })

  test("a page of another origin may ask the server, and reads of a refusal what the library needs", async () => {
    const server = new ServerUnderTest()
    await server.start()
    try {
      const visitor = await Visitor.arrive(browser, site.url)
      const answer = await (await visitor.open()).call("ask", `${server.url}/ds/create-group`)
      expect(answer["code"]).toBe("request.malformed")
      expect(Date.parse(answer["date"] ?? "")).toBeGreaterThan(0)
      await visitor.leave()
    } finally {
      await server.end()
    }
  })

  describe("people in browsers and one with Bun", () => {
    test(
      "find each other and talk in one group; a reload in the middle loses and doubles nothing, and nothing is left behind",
      async () => {
        using directory = temporaryDirectory()
        const server = new ServerUnderTest()
        await server.start()
        const store = await sqliteStore(join(directory.path, "cleo.sqlite"))
        try {
          const ada = await Visitor.arrive(browser, site.url)
          const ben = await Visitor.arrive(browser, site.url)
          const cleo = await Person.register(server, "Cleo", { store })
          await converse(server.url, ada, ben, cleo)
          await cleo.stop()
          for (const visitor of [ada, ben]) await visitor.leave()
        } finally {
          await store.close()
          await server.end()
        }
      },
      LONGEST_MS,
    )
  })
})

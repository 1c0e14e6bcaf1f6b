import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { type Browser, chromium } from "playwright-core"
import { CHROMIUM_FLAGS, withChromium } from "../browser/chromium.ts"
import { Person } from "../client/people.ts"
import { ServerUnderTest } from "../client/server.ts"
import { temporaryDirectory } from "../store/files.ts"

const root = join(import.meta.dir, "../..")
const LONGEST_MS = 60_000

const directory = temporaryDirectory()
const server = new ServerUnderTest()
let bot: Awaited<ReturnType<typeof startBot>>

beforeAll(async () => {
  await server.start()
  bot = await startBot()
}, LONGEST_MS)

afterAll(async () => {
  await bot.end()
  await server.end()
  directory[Symbol.dispose]()
})

/** Starts a program of the examples, and waits for what it says about itself. */
async function start(words: readonly string[], says: RegExp) {
  const child = Bun.spawn([process.execPath, ...words], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  })
  const decoder = new TextDecoder()
  let output = ""
  const reader = child.stdout.getReader()
  for (;;) {
    const found = says.exec(output)?.[1]
    if (found !== undefined) return { found, child }
    const { value, done } = await reader.read()
    if (done) throw new Error(`${words.join(" ")} ended: ${output}`)
    output += decoder.decode(value, { stream: true })
  }
}

async function startBot() {
  const file = join(directory.path, "bot.sqlite")
  const { found, child } = await start(["examples/bot/bot.ts", server.url, file], /connect to (\S+)/)
  return {
    user: found,
    async end(): Promise<number> {
      child.kill("SIGTERM")
      return await child.exited
    },
  }
}

test(
  "the bot accepts who asks, answers in a group, and goes on under its name after a restart",
  async () => {
    const ada = await Person.register(server, "Ada")
    await ada.client.connect(bot.user)
    await ada.until(() => ada.events.some(({ type }) => type === "connected"))
    const group = await ada.client.createGroup()
    await group.add(bot.user)
    await group.send(new TextEncoder().encode("one"))
    const said = (text: string) => ada.heard().some((line) => line === `${bot.user}: You said: ${text}`)
    await ada.until(() => said("one"))
    const { user } = bot
    expect(await bot.end()).toBe(0)
    await group.send(new TextEncoder().encode("two"))
    bot = await startBot()
    expect(bot.user).toBe(user)
    await ada.until(() => said("two"))
    await ada.stop()
  },
  LONGEST_MS,
)

withChromium((executablePath) => {
  test(
    "the web client asks the bot, writes to it, reads its answer, and goes on after a reload",
    async () => {
      const { found: url, child } = await start(["examples/web/index.html", "--port", "0"], /url: (\S+)/)
      const browser: Browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS })
      try {
        const page = await browser.newPage()
        await page.goto(url)
        const begin = async () => {
          await page.getByLabel("Server").fill(server.url)
          await page.getByRole("button", { name: "Start" }).click()
          await page.locator("#me", { hasText: "@example.org" }).waitFor()
          return await page.locator("#me").textContent()
        }
        const write = async (text: string) => {
          await page.getByRole("button", { name: `Write to ${bot.user}` }).click()
          await page.locator("#text:focus").waitFor()
          await page.getByLabel("Message").fill(text)
          await page.getByRole("button", { name: "Send" }).click()
          await page.locator("#messages", { hasText: `${bot.user}: You said: ${text}` }).waitFor()
        }
        const me = await begin()
        await page.getByLabel("User id").fill(bot.user)
        await page.getByRole("button", { name: "Ask to connect" }).click()
        await write("hello")
        await page.reload()
        expect(await begin()).toBe(me)
        await write("again")
      } finally {
        await browser.close()
        child.kill()
      }
    },
    LONGEST_MS,
  )
})

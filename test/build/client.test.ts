import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { chromium } from "playwright-core"
import { dependencies } from "../../package.json"
import * as library from "../../src/client/index.ts"
import { CHROMIUM_FLAGS, withChromium } from "../browser/chromium.ts"
import { ServerUnderTest } from "../client/server.ts"
import { temporaryDirectory } from "../store/files.ts"

const root = join(import.meta.dir, "../..")
const LONGEST_MS = 60_000

/** An application's folder, with the package installed that `npm run build:client` makes. */
const directory = temporaryDirectory()
const installed = join(directory.path, "node_modules/cinder")
const server = new ServerUnderTest()
let printed = ""

beforeAll(async () => {
  const made = join(directory.path, "made")
  const { stdout, success } = Bun.spawnSync([process.execPath, join(root, "build/client.ts"), made])
  expect(success).toBe(true)
  printed = stdout.toString()
  mkdirSync(join(directory.path, "node_modules/@sinclair"), { recursive: true })
  renameSync(made, installed)
  symlinkSync(
    join(root, "node_modules/@sinclair/typebox"),
    join(directory.path, "node_modules/@sinclair/typebox"),
    "dir",
  )
  await server.start()
}, LONGEST_MS)

afterAll(async () => {
  await server.end()
  directory[Symbol.dispose]()
})

/** A program in which two clients talk; `converse` resolves with what the second one heard. */
const program = (module: string, url: string) => `
import * as library from "${module}"
const { Client, memoryStore } = library
async function converse() {
  const start = () => Client.create({ url: "${url}", store: memoryStore(), spreadMilliseconds: 20 })
  const [ada, ben] = [await start(), await start()]
  const heard = new Promise((resolve) => ben.onEvent(async (event) => {
    if (event.type === "connection-request") await event.accept()
    if (event.type === "message") resolve(new TextDecoder().decode(event.bytes))
  }))
  const connected = new Promise((resolve) => ada.onEvent((event) => event.type === "connected" && resolve()))
  await ada.connect(ben.userId)
  await ben.pollConnectionRequests()
  await connected
  const group = await ada.createGroup()
  await group.add(ben.userId)
  await group.send(new TextEncoder().encode("hello"))
  const text = await heard
  await ada.close()
  await ben.close()
  return text
}
`

test("the built library is modules without imports and without Bun, in one readable form and one small one, and says how large", () => {
  for (const name of ["client.js", "client.min.js"]) {
    const code = readFileSync(join(installed, name), "utf8")
    expect(code).not.toMatch(/(?:^|[;\n])\s*import\b[\s{*"']/)
    expect(code).not.toMatch(/\bBun\.|["'](?:node|bun):/)
    const size = new RegExp(
      `^${name.replaceAll(".", "\\.")}: ${Math.ceil(Buffer.byteLength(code) / 1024)} KiB, \\d+ KiB with gzip$`,
      "m",
    )
    expect(printed).toMatch(size)
  }
  const licences = readdirSync(join(installed, "licences"))
  for (const name of Object.keys(dependencies).filter((one) => /^@(?:noble|serenity-kit)/.test(one)))
    expect(licences).toContain(`${name.replace("/", "-")}.txt`)
})

test(
  "the built library works in Node, and has all that its source exports",
  () => {
    const code = `${program("cinder/client", server.url)}
const small = await import("cinder/client/min")
console.log(JSON.stringify([library, small].map((one) => Object.keys(one).sort())))
console.log(await converse())`
    writeFileSync(join(directory.path, "program.mjs"), code)
    const words = ["node", "--experimental-websocket", "program.mjs"]
    const { stdout, stderr } = Bun.spawnSync(words, { cwd: directory.path })
    const names = JSON.stringify(Object.keys(library).sort())
    expect(`${stdout}`, `${stderr}`).toBe(`[${names},${names}]\nhello\n`)
  },
  LONGEST_MS,
)

test(
  "the built library's types are those of the source, for an application that is strict",
  () => {
    const code = `import { Client, type ClientEvent, memoryStore } from "cinder/client"
export async function start(): Promise<Client> {
  const client = await Client.create({ url: "https://chat.example.org", store: memoryStore() })
  client.onEvent((event: ClientEvent) => console.log(event.number))
  // @ts-expect-error: a user is named by text.
  await client.connect(1)
  return client
}
`
    writeFileSync(join(directory.path, "application.ts"), code)
    const compilerOptions = {
      strict: true,
      target: "ESNext",
      module: "NodeNext",
      lib: ["ESNext", "DOM"],
      types: [],
      noEmit: true,
    }
    writeFileSync(
      join(directory.path, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files: ["application.ts"] }),
    )
    writeFileSync(join(directory.path, "package.json"), '{ "type": "module" }')
    const compiler = join(root, "node_modules/typescript/bin/tsc")
    const { stdout } = Bun.spawnSync([process.execPath, compiler, "-p", "."], { cwd: directory.path })
    expect(stdout.toString()).toBe("")
  },
  LONGEST_MS,
)

withChromium((executablePath) => {
  test(
    "the built library works in Chromium as it is, without a bundler",
    async () => {
      const script = `${program("/client.min.js", server.url)}
document.title = await converse()`
      const site = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        routes: {
          "/": new Response('<!doctype html><script type="module" src="/program.js"></script>', {
            headers: { "content-type": "text/html" },
          }),
          "/program.js": new Response(script, { headers: { "content-type": "text/javascript" } }),
          "/client.min.js": new Response(Bun.file(join(installed, "client.min.js"))),
        },
      })
      const browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS })
      const page = await browser.newPage()
      await page.goto(`${site.url}`)
      await page.waitForFunction(() => document.title === "hello")
      await browser.close()
      await site.stop(true)
    },
    LONGEST_MS,
  )
})

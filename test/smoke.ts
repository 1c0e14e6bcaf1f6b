import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { Client } from "../src/client/client.ts"
import { memoryStore } from "../src/client/store.ts"
import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import type { AuditReport, FilesReport } from "../src/demo-page/report.ts"
import { createQueueOwner } from "./http/client.ts"
import { end, step } from "./steps.ts"

/**
 * `bun test/smoke.ts dist/cinder` tries a built binary from outside, in a directory of its own without anything of the
 * repository: it starts, answers, and ends cleanly. Ends with `N passed, N failed`.
 */

const READY_MILLISECONDS_MAX = 10_000

const binary = resolve(process.argv[2] ?? "dist/cinder")
const directory = mkdtempSync(join(tmpdir(), "cinder-smoke-"))
// A binary must not take settings or code from where it happens to be started.
writeFileSync(join(directory, ".env"), "CINDER_DOMAIN=not a domain\nCINDER_PORT=none\n")
writeFileSync(join(directory, "bunfig.toml"), 'preload = ["./preload.ts"]\n')
writeFileSync(join(directory, "preload.ts"), 'throw new Error("preloaded")\n')

await step("init makes what a new server needs", async () => {
  const words = [binary, "init", "--domain", "example.org", "--yes", "--json"]
  const init = Bun.spawn(words, { cwd: directory, env: {}, stdin: "ignore", stderr: "inherit" })
  const { data } = (await new Response(init.stdout).json()) as { data: string }
  return (await init.exited) === 0 && data === join(directory, "data")
})

const began = performance.now()
const child = Bun.spawn([binary, "serve", "--config", "cinder.toml", "--port", "0", "--demo"], {
  cwd: directory,
  env: {},
  stdin: "ignore",
  stdout: "pipe",
  stderr: "inherit",
})
const reader = child.stdout.getReader()
let output = ""
let url = ""
const timeout = setTimeout(() => child.kill("SIGKILL"), READY_MILLISECONDS_MAX)

await step("the server starts and says where it listens", async () => {
  for (;;) {
    url = /listening on (\S+)/.exec(output)?.[1] ?? ""
    if (url !== "") return true
    const { value, done } = await reader.read()
    if (done) return false
    output += new TextDecoder().decode(value)
  }
})
await step("it answers", async () => (await (await fetch(`${url}/health`)).text()) === "ok")
console.log(`     the first answer came after ${Math.round(performance.now() - began)} ms`)
clearTimeout(timeout)
await step("it leaves no core", async () => {
  if (process.platform !== "linux") return true
  return /^Max core file size +0 +0 /m.test(readFileSync(`/proc/${child.pid}/limits`, "utf8"))
})
await step("it describes itself", async () => {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as { openapi: string }
  return document.openapi.startsWith("3.1")
})
await step("it lets nobody in without a token", async () => (await createQueueOwner(url)) === undefined)
await step("a client registers, buys tokens, pays with them and has a group", async () => {
  const client = await Client.create({ url, store: memoryStore(), crypto })
  await client.createGroup()
  await client.close()
  return client.groups().length === 1
})
await step("the demo's page is in it, and looks at its files", async () => {
  const script = await (await fetch(`${url}/demo/page.js`)).text()
  const { seen } = (await (await fetch(`${url}/demo/files`)).json()) as FilesReport
  const { findings } = (await (await fetch(`${url}/demo/audit`)).json()) as AuditReport
  const users = seen.find(({ what }) => what === "users")?.count
  return script.includes("indexedDB") && users === 1 && findings.every(({ pass }) => pass)
})
await step("SIGTERM ends it with 0", async () => {
  child.kill("SIGTERM")
  return (await child.exited) === 0
})
await step("it leaves its databases and no log", async () => {
  return readdirSync(join(directory, "data")).sort().join() === "as.sqlite,delivery.sqlite"
})
await step("its audit of them finds that the promise holds", async () => {
  const audit = Bun.spawn([binary, "audit", "data"], {
    cwd: directory,
    env: {},
    stdin: "ignore",
    stdout: "ignore",
  })
  return (await audit.exited) === 0
})

end()

import { beforeEach, describe, expect, test } from "bun:test"
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { version } from "../../package.json"
import { cinder, serve, temporaryDirectory } from "./process.ts"

let directory: string
let data: string
beforeEach(() => {
  directory = temporaryDirectory()
  data = join(directory, "data")
})

const flags = () => ["serve", "--data", data, "--domain", "example.org", "--port", "0"]

/** One sentence on stderr, nothing else, and a status that says whether to try again helps: 1, or 78. */
async function refusal(
  words: readonly string[] = flags(),
  environment: Readonly<Record<string, string>> = {},
  status = 78,
) {
  const { code, stdout, stderr } = await cinder(words, environment)
  expect([code, stdout]).toEqual([status, ""])
  expect(stderr).toMatch(/^(cinder: .+\n)+$/)
  return stderr
}

describe("cinder serve", () => {
  test("says where it listens, answers, and ends with 0 when asked to", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const server = await serve(data)
      expect(await (await fetch(`${server.url}/health`)).text()).toBe("ok")
      const { code, stdout, stderr } = await server.end(signal)
      expect([code, stderr]).toEqual([0, ""])
      expect(stdout.trim().split("\n").at(-1)).toBe(`listening on ${server.url}`)
    }
  })

  test("makes its files private, tells of the secrets once, and leaves no log behind", async () => {
    const first = await (await serve(data)).end("SIGTERM")
    expect(first.stdout).toContain(`made the secrets of example.org in ${data}.secrets`)
    expect(readdirSync(directory).sort()).toEqual(["data", "data.secrets", "data.secrets.day"])
    expect(readdirSync(data).sort()).toEqual(["as.sqlite", "delivery.sqlite"])
    for (const file of [
      `${data}.secrets`,
      `${data}.secrets.day`,
      join(data, "as.sqlite"),
      join(data, "delivery.sqlite"),
    ])
      expect(statSync(file).mode & 0o777).toBe(0o600)
    expect((await (await serve(data)).end("SIGTERM")).stdout).not.toContain("secrets")
  })

  test("is configured by environment and file", async () => {
    const file = join(directory, "cinder.toml")
    writeFileSync(file, `data = "${data}"\nport = "not a port"\n`)
    const message = await refusal(["serve", "--config", file], { CINDER_DOMAIN: "Example" })
    expect(message).toContain(
      'domain must be a host name in lower case, such as example.org; it is "Example"',
    )
    expect(message).toContain('it is "not a port" (from the configuration file)')
  })

  test("takes a signal while it has streams and silent connections", async () => {
    const server = await serve(data)
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/qs/stream`)
    await new Promise((resolve) => socket.addEventListener("open", resolve))
    const silent = await Bun.connect({ hostname: "127.0.0.1", port: server.port, socket: { data() {} } })
    expect((await server.end("SIGTERM")).code).toBe(0)
    silent.end()
  })
})

describe("cinder serve refuses with a sentence", () => {
  test("a missing or bad domain", async () => {
    expect(await refusal(["serve", "--data", data])).toContain("domain must be a host name in lower case")
    expect(await refusal(["serve", "--data", data, "--domain", "a b"])).toContain(
      'it is "a b" (from --domain)',
    )
  })

  test("an unknown flag, a word that is no flag, an unknown command", async () => {
    expect(await refusal([...flags(), "--prot", "1"])).toContain(
      "--prot is not a setting; settings are data, domain",
    )
    expect(await refusal([...flags(), "word"])).toContain('"word" belongs to none')
    expect(await refusal(["sreve"], {}, 1)).toContain("Unknown command sreve")
  })

  test("a data directory that cannot be made", async () => {
    writeFileSync(data, "a file")
    expect(await refusal()).toContain("cannot be made or written")
    expect(readdirSync(directory)).toEqual(["data"])
  })

  test("a data directory that another process uses, which goes on", async () => {
    const server = await serve(data)
    expect(await refusal(flags(), {}, 1)).toContain("another process has the database")
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
    expect((await server.end("SIGTERM")).code).toBe(0)
  })

  test("a port that is in use, and leaves the data as it was", async () => {
    const server = await serve(data)
    const other = join(directory, "other")
    const words = ["serve", "--data", other, "--domain", "example.org", "--port", `${server.port}`]
    expect(await refusal(words)).toContain(`port ${server.port} on 127.0.0.1 is in use`)
    expect((await (await serve(other)).end("SIGTERM")).code).toBe(0)
    await server.end("SIGTERM")
  })

  test("data that a newer version wrote, either file, with a word on what to do, and leaves every byte as it is", async () => {
    await (await serve(data)).end("SIGTERM")
    for (const name of ["delivery.sqlite", "as.sqlite"]) {
      const file = join(data, name)
      const before = readFileSync(file)
      const newer = new Uint8Array(before)
      // SQLite's user_version.
      new DataView(newer.buffer).setUint32(60, 99)
      writeFileSync(file, newer)
      const sentence = await refusal()
      expect(sentence).toContain("the database has version 99, but this program only knows versions up to")
      expect(sentence).toContain("run the version that wrote it, or a later one")
      expect(readFileSync(file).equals(newer)).toBeTrue()
      writeFileSync(file, before)
    }
    expect((await (await serve(data)).end("SIGTERM")).code).toBe(0)
  })

  test("secrets that a newer version wrote", async () => {
    await (await serve(data)).end("SIGTERM")
    const bytes = readFileSync(`${data}.secrets`)
    const version = "Cinder 1 secrets\n".length
    bytes[version] = 200
    const content = bytes.subarray(0, -32)
    bytes.set(new Bun.CryptoHasher("sha256").update(content).digest(), content.length)
    writeFileSync(`${data}.secrets`, bytes)
    expect(await refusal()).toContain("was written by a newer version of this program")
    expect(readFileSync(`${data}.secrets`).equals(bytes)).toBeTrue()
  })

  test("a file that is no database", async () => {
    await (await serve(data)).end("SIGTERM")
    writeFileSync(join(data, "as.sqlite"), "x".repeat(8192))
    expect(await refusal()).toContain("is not a database of this program")
  })

  test("data without secrets, secrets of another domain, secrets that others can read", async () => {
    await (await serve(data)).end("SIGTERM")
    expect(await refusal([...flags(), "--domain", "other.example"])).toContain("is that of example.org")
    chmodSync(`${data}.secrets`, 0o644)
    expect(await refusal()).toContain("can be read by others")
    rmSync(`${data}.secrets`)
    expect(await refusal()).toContain("is missing, but the data directory")
  })

  test("slot keys that were retired before anything was sealed under the new ones, until they are back", async () => {
    await (await serve(data)).end("SIGTERM")
    const file = `${data}.secrets`
    const before = readFileSync(file)
    for (const kind of ["queue-slot-keys", "connection-slot-keys"]) {
      for (const step of ["rotate", "retire"]) await cinder(["secrets", step, kind, "--secrets", file])
      expect(await refusal()).toContain("with all slot keys that are still needed")
      writeFileSync(file, before)
    }
    await (await serve(data)).end("SIGTERM")
  })
})

describe("cinder", () => {
  test("has help that teaches, and a version, without colour where there is no terminal", async () => {
    const help = await cinder([])
    expect([help.code, help.stderr]).toEqual([0, ""])
    expect(help.stdout).toContain("cinder serve --data ./data --domain localhost --port 0")
    const serveHelp = (await cinder(["serve", "--help"])).stdout
    for (const part of ["--data", "CINDER_DOMAIN", "default 8080", "--config"])
      expect(serveHelp).toContain(part)
    expect(help.stdout + serveHelp).not.toContain("\u001b")
    expect((await cinder(["--version"])).stdout).toBe(`${version}\n`)
    expect((await cinder(["serve", "--version"])).stdout).toBe(`${version}\n`)
  })
})

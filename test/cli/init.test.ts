import { beforeEach, describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { readConfigFile } from "../../src/config/file.ts"
import { cinder, serveWith, TerminalSession, temporaryDirectory } from "./process.ts"

const ENTER = "\r"
const DOWN = "\u001b[B"
const CONTROL_C = "\u0003"

let directory: string
let data: string
let file: string
beforeEach(() => {
  directory = temporaryDirectory()
  data = join(directory, "data")
  file = join(directory, "cinder.toml")
})

const flags = () => [
  "--domain",
  "example.org",
  "--data",
  data,
  "--registration",
  "invitation",
  "--config",
  file,
]

async function init(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cinder(["init", ...words], {}, directory)
  expect([code, stderr]).toEqual([0, ""])
  return stdout
}

/** Sentences on stderr, nothing else, exit code 1. */
async function refusal(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cinder(["init", ...words], {}, directory)
  expect([code, stdout]).toEqual([1, ""])
  expect(stderr).toMatch(/^(cinder: .+\n)+$/)
  return stderr
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777
}

describe("cinder init", () => {
  test("makes configuration, secrets and data directory for the owner alone, and says what comes next", async () => {
    const said = await init(...flags())
    expect(readdirSync(directory).sort()).toEqual(["cinder.toml", "data", "data.secrets"])
    expect(readdirSync(data)).toEqual([])
    expect([file, `${data}.secrets`, data].map(modeOf)).toEqual([0o600, 0o600, 0o700])
    expect(said).toContain(`cinder serve --config ${file}`)
    expect(said).toContain("Back up the secrets")
    expect(said).toContain("LoadCredential=cinder.secrets:")
    expect(said).toContain(`cinder invite --secrets ${data}.secrets`)
  })

  test("makes exactly what cinder serve --config starts with", async () => {
    await init(...flags())
    const secrets = readFileSync(`${data}.secrets`)
    const server = await serveWith(["--config", file, "--port", "0"])
    const discovery = (await (await fetch(`${server.url}/.well-known/phoenix`)).json()) as { domain: string }
    expect(discovery.domain).toBe("example.org")
    const { code, stdout, stderr } = await server.end("SIGTERM")
    expect([code, stderr]).toEqual([0, ""])
    expect(stdout).not.toContain("made the secrets")
    expect(readFileSync(`${data}.secrets`)).toEqual(secrets)
    expect(readdirSync(data).sort()).toEqual(["as.sqlite", "delivery.sqlite"])
  })

  test("with --yes takes what is usual, below where it was called, and with --json says where", async () => {
    const said = JSON.parse(await init("--domain", "example.org", "--yes", "--json"))
    const made = { config: file, data, secrets: `${data}.secrets`, registration: "open" }
    expect(said).toEqual(made)
    const { domain, registration } = readConfigFile(file)
    expect({ domain, registration }).toEqual({ domain: "example.org", registration: "open" })
  })

  test("puts the secrets where it is told", async () => {
    const secrets = join(directory, "elsewhere")
    await init(...flags(), "--secrets", secrets)
    expect(modeOf(secrets)).toBe(0o600)
    expect(readConfigFile(file)["secrets"]).toBe(secrets)
    expect(existsSync(`${data}.secrets`)).toBeFalse()
  })
})

describe("cinder init refuses with a sentence, and makes nothing, when", () => {
  test("nobody can be asked: each flag that is missing", async () => {
    const said = await refusal()
    for (const name of ["domain", "data", "registration"]) expect(said).toContain(`set --${name}`)
    expect(await refusal("--yes")).toContain("set --domain")
    expect(readdirSync(directory)).toEqual([])
  })

  test("a flag is wrong, unknown, or puts the secrets among the data", async () => {
    expect(await refusal(...flags(), "--domain", "a b")).toContain('it is "a b" (from --domain)')
    expect(await refusal(...flags(), "--registration", "closed")).toContain("registration must be open")
    expect(await refusal(...flags(), "--port", "80")).toContain("--port is no flag here")
    expect(await refusal(...flags(), "--secrets", join(data, "secrets"))).toContain(
      "outside the data directory",
    )
    expect(readdirSync(directory)).toEqual([])
  })

  test("something of it is there already, which it leaves as it is", async () => {
    writeFileSync(file, "mine")
    writeFileSync(`${data}.secrets`, "mine too")
    mkdirSync(data)
    writeFileSync(join(data, "as.sqlite"), "and mine")
    const said = await refusal(...flags())
    expect(said.match(/^cinder: the (configuration file|secrets file|data directory) /gm)).toHaveLength(3)
    expect(readFileSync(file, "utf8")).toBe("mine")
    expect(readFileSync(`${data}.secrets`, "utf8")).toBe("mine too")
    expect(readdirSync(data)).toEqual(["as.sqlite"])
  })

  test("the last of it cannot be made: what was made before is gone again", async () => {
    const deep = join(directory, "a", "b", "data")
    const nowhere = join(directory, "missing", "cinder.toml")
    const said = await refusal("--domain", "example.org", "--yes", "--data", deep, "--config", nowhere)
    expect(said).toContain(`the configuration file ${nowhere} cannot be made (ENOENT)`)
    expect(readdirSync(directory)).toEqual([])
  })
})

describe("cinder init in a terminal", () => {
  test("asks what the flags leave open, and says what is wrong with an answer", async () => {
    const session = new TerminalSession(["init"], directory)
    await session.shows("The domain")
    session.type(`A${ENTER}`)
    await session.shows("domain must be a host name in lower case")
    session.type(`\u007fexample.org${ENTER}`)
    await session.shows("The directory for the data")
    session.type(ENTER)
    await session.shows("Who may register?")
    session.type(`${DOWN}${ENTER}`)
    await session.shows("To keep the key")
    expect(await session.end()).toBe(0)
    const { domain, registration, data: place } = readConfigFile(file)
    expect({ domain, registration, place }).toEqual({
      domain: "example.org",
      registration: "invitation",
      place: data,
    })
  })

  test("asks nothing that a flag says, and makes nothing when it is stopped", async () => {
    const session = new TerminalSession(["init", "--domain", "example.org", "--data", data], directory)
    expect(await session.shows("Who may register?")).not.toContain("The domain")
    session.type(CONTROL_C)
    await session.shows("stopped: nothing was made")
    expect(await session.end()).toBe(1)
    expect(readdirSync(directory)).toEqual([])
  })
})

import { beforeEach, describe, expect, test } from "bun:test"
import { generateKeyPairSync } from "node:crypto"
import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Finding } from "../../src/doctor/finding.ts"
import { certificate } from "../../src/doctor/tls.ts"
import { testCertificate, testCertificateKey } from "../outgoing/certificate.ts"
import { cinder, serve, TerminalSession, temporaryDirectory } from "./process.ts"

let directory: string
let data: string
let file: string
beforeEach(async () => {
  directory = temporaryDirectory()
  data = join(directory, "data")
  file = join(directory, "cinder.toml")
  const words = ["init", "--domain", "example.org", "--data", data, "--config", file, "--yes"]
  expect((await cinder(words)).code).toBe(0)
  for (const name of ["as.sqlite", "delivery.sqlite"]) writeFileSync(join(data, name), "", { mode: 0o600 })
})

/** Nothing is asked for over the network but what the test has there. */
const nowhere = ["--public-url", "http://127.0.0.1:9"]

interface Report {
  readonly code: number
  readonly findings: Readonly<Record<string, Finding>>
}

async function examine(...flags: readonly string[]): Promise<Report> {
  const words = ["doctor", "--config", file, "--json", ...(flags.includes("--public-url") ? [] : nowhere)]
  const { code, stdout, stderr } = await cinder([...words, ...flags])
  expect(stderr).toBe("")
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] }
  expect(ok).toBe(code === 0)
  return { code, findings: Object.fromEntries(findings.map((finding) => [finding.id, finding])) }
}

/** What the machine of the test has under its directory is no matter of the test. */
async function failsAt(id: string, ...flags: readonly string[]): Promise<string> {
  const { code, findings } = await examine(...flags)
  const failed = Object.values(findings).filter(({ level }) => level === "fail")
  const others = failed.filter((finding) => finding.id !== "file-system")
  expect([code, others.map((finding) => finding.id)]).toEqual([1, [id]])
  return others[0]?.words ?? ""
}

describe("cinder doctor", () => {
  test("says of each thing what is so and what it means, changes nothing, and ends with 0 if nothing failed", async () => {
    const before = readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mtimeMs])
    const { code, stdout } = await cinder(["doctor", "--config", file, ...nowhere])
    const { findings } = await examine()
    const failed = Object.values(findings).filter(({ level }) => level === "fail")
    expect([code, failed.length]).toEqual(findings["file-system"]?.level === "fail" ? [1, 1] : [0, 0])
    for (const { id, words, promise } of Object.values(findings)) {
      expect(stdout).toContain(id)
      expect(words.length * promise.length).toBeGreaterThan(0)
    }
    expect(stdout).toMatch(/\d+ well, \d+ to think about, [01] failed\n$/)
    expect(stdout).not.toContain("\u001b")
    expect(readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mtimeMs])).toEqual(
      before,
    )
  })

  test("ends with 2 if it could not look", async () => {
    rmSync(`${data}.secrets`)
    const missing = await cinder(["doctor", "--config", file])
    expect([missing.code, missing.stdout]).toEqual([2, ""])
    expect(missing.stderr).toContain(`the secrets file ${data}.secrets is not there`)
    for (const words of [["doctor", "--config", join(directory, "none")], ["doctor", "--what"], ["doctor"]]) {
      const { code, stderr } = await cinder(words)
      expect(code).toBe(2)
      expect(stderr).toMatch(/^(cinder: .+\n)+$/)
    }
  })

  test("fails over files that others can read, and over directories in which they can replace them", async () => {
    chmodSync(join(data, "as.sqlite"), 0o640)
    expect(await failsAt("permissions")).toContain(join(data, "as.sqlite"))
    chmodSync(join(data, "as.sqlite"), 0o600)
    chmodSync(`${data}.secrets`, 0o604)
    expect(await failsAt("permissions")).toContain(`${data}.secrets`)
    chmodSync(`${data}.secrets`, 0o600)
    chmodSync(directory, 0o777)
    expect(await failsAt("replaceable")).toContain(directory)
    chmodSync(directory, 0o700)
    chmodSync(file, 0o602)
    expect(await failsAt("replaceable")).toContain(file)
  })

  test("fails over secrets among the data, whatever they are called, and over files of others", async () => {
    copyFileSync(`${data}.secrets`, join(data, "as.sqlite-wal"))
    expect(await failsAt("secrets-inside")).toContain("as.sqlite-wal")
    writeFileSync(join(data, "as.sqlite-wal"), testCertificateKey)
    expect(await failsAt("secrets-inside")).toContain("as.sqlite-wal")
    rmSync(join(data, "as.sqlite-wal"))
    writeFileSync(join(data, "access.log"), "", { mode: 0o600 })
    expect(await failsAt("other-files")).toContain("access.log")
  })

  test("knows the server that runs by its public address from another one, and from what is none", async () => {
    const server = await serve(join(directory, "other"))
    const { findings } = await examine("--public-url", server.url)
    expect([findings["domain"]?.level, findings["proxy-time"]?.level]).toEqual(["ok", "ok"])
    const manual = readFileSync(join(import.meta.dir, "../../docs/operating.md"), "utf8")
    const table = manual.split("| id | fails or warns when |")[1]?.split("\n\n")[0] ?? ""
    const listed = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, id]) => id)
    expect(listed).toEqual(Object.keys(findings))
    await server.end("SIGTERM")
    expect((await examine("--public-url", server.url)).findings["domain"]?.level).toBe("warn")
    for (const body of ["{}", '{"domain":"other.example"}']) {
      using other = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: () => new Response(body, { headers: { date: new Date().toUTCString() } }),
      })
      expect(await failsAt("domain", "--public-url", `http://127.0.0.1:${other.port}`)).toContain(
        "answers at",
      )
    }
  })
})

describe("commands in a terminal", () => {
  test("have colour, and a bar where one waits", async () => {
    const examination = new TerminalSession(["doctor", "--config", file, ...nowhere], directory)
    expect(await examination.showsRaw("to think about")).toContain("\u001b[32mok  ")
    await examination.end()
    const copy = join(directory, "copy")
    const flags = ["--data", join(directory, "made"), "--domain", "example.org"]
    await (await serve(join(directory, "made"))).end("SIGTERM")
    expect((await cinder(["backup", copy, ...flags])).code).toBe(0)
    rmSync(join(directory, "made"), { recursive: true })
    const restoring = new TerminalSession(["restore", copy, ...flags], directory)
    expect(await restoring.shows("made the data directory")).toContain(`copying [${"#".repeat(32)}] 100 %`)
    expect(await restoring.end()).toBe(0)
  })
})

describe("cinder doctor on TLS", () => {
  const tls = (name: string, content: string) => {
    const path = join(directory, name)
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }
  const files = () => ({
    certificateFile: tls("server.pem", testCertificate),
    keyFile: tls("server.key", testCertificateKey),
    keyManaged: false,
  })
  const flags = ({ certificateFile, keyFile }: ReturnType<typeof files>) => [
    ...["--tls-certificate", certificateFile, "--tls-key", keyFile],
    ...["--public-url", "https://localhost:9"],
  ]

  test("is content with a certificate for the public address that fits its key", async () => {
    expect((await examine(...flags(files()))).findings["tls"]?.level).toBe("ok")
  })

  test("fails over another key, another name, and what is no certificate", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
    const other = `${privateKey.export({ type: "pkcs8", format: "pem" })}`
    const strange = flags({ ...files(), keyFile: tls("other.key", other) })
    expect(await failsAt("tls", ...strange)).toContain("is not that of the certificate")
    const [, certificateFile = "", , keyFile = ""] = flags(files())
    const elsewhere = ["--tls-certificate", certificateFile, "--tls-key", keyFile]
    expect(await failsAt("tls", ...elsewhere, "--public-url", "https://127.0.0.1:9")).toContain("is not for")
    expect(await failsAt("tls", ...flags({ ...files(), certificateFile: file }))).toContain(
      "holds no certificate",
    )
  })

  test("warns before a certificate ends, and fails when it has", () => {
    const at = (time: string) => certificate({ publicUrl: "https://push.test" }, files(), Date.parse(time))
    expect(at("2119-12-01T00:00:00Z").level).toBe("ok")
    expect(at("2119-12-25T00:00:00Z").level).toBe("warn")
    for (const time of ["2120-01-02T00:00:00Z", "2019-12-31T00:00:00Z"]) expect(at(time).level).toBe("fail")
  })

  test("fails where clients reach the server without it", async () => {
    expect(await failsAt("tls", "--public-url", "http://cinder.invalid")).toContain("without TLS")
    expect((await examine("--host", "0.0.0.0")).findings["tls"]?.level).toBe("warn")
  })
})

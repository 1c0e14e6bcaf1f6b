import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { rmSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { AuditReport, FilesReport, Unreadable } from "../../src/demo-page/report.ts"
import { DEMO_FILE_BYTES_MAX, DEMO_LOOK_MILLISECONDS_MIN } from "../../src/limits.ts"
import { cinder, type ServerProcess, serve, serveIn, temporaryDirectory } from "../cli/process.ts"
import { Person } from "../client/people.ts"

const WARNING = "cinder: demo is on: everybody who reaches this server sees"
const PATHS = ["/", "/demo/page.js", "/demo/page.css", "/demo/files", "/demo/audit"]

const report = async <T>(server: ServerProcess, path: string) =>
  (await (await fetch(server.url + path)).json()) as T

describe("a server without --demo", () => {
  test("has none of the demo's pages, and says nothing of its files", async () => {
    const server = await serve(join(temporaryDirectory(), "data"))
    for (const path of PATHS) expect((await fetch(server.url + path)).status).toBe(404)
    expect((await server.end("SIGTERM")).stderr).toBe("")
  })
})

describe("a server with --demo", () => {
  const data = join(temporaryDirectory(), "data")
  let server: ServerProcess
  beforeAll(async () => {
    server = await serve(data, "--demo", "--rate-limit", "off")
  })
  afterAll(async () => {
    const { code, stderr } = await server.end("SIGTERM")
    expect(code).toBe(0)
    expect(stderr).toContain(WARNING)
  })

  test("is switched on by the environment and in other words, too", async () => {
    for (const [environment, ...flags] of [
      [{ CINDER_DEMO: "on" }],
      [{}, "--demo=on"],
      [{}, "--demo", "on"],
    ] as const) {
      const other = await serveIn(environment, join(temporaryDirectory(), "data"), ...flags)
      expect((await fetch(other.url)).status).toBe(200)
      expect((await other.end("SIGTERM")).stderr).toContain(WARNING)
    }
  })

  test("serves a page that may load nothing from elsewhere and send nothing there", async () => {
    for (const path of PATHS) {
      const { status, headers } = await fetch(server.url + path)
      expect([path, status, headers.get("x-content-type-options")]).toEqual([path, 200, "nosniff"])
      expect(headers.get("referrer-policy")).toBe("no-referrer")
      expect(headers.get("access-control-allow-origin")).toBeNull()
      expect(headers.get("content-security-policy")).toStartWith("default-src 'none'")
    }
    const { headers } = await fetch(server.url)
    const policy = headers.get("content-security-policy") ?? ""
    const host = new URL(server.url).host
    expect(policy.split("; ")).toContain(`connect-src 'self' ws://${host} wss://${host}`)
    expect(policy).not.toContain("unsafe-inline")
    const html = await (await fetch(server.url)).text()
    expect(html).not.toMatch(/(?:src|href)="(?!\/demo\/|data:|#)/)
    expect((await fetch(server.url, { method: "POST" })).status).toBe(405)
  })

  test("tells rows, sizes and months of what is on the disk, by the audit's words, and that the audit passes", async () => {
    const person = await Person.register({ url: server.url }, "Ada")
    await person.client.createGroup()
    await Bun.sleep(2 * DEMO_LOOK_MILLISECONDS_MIN)
    const { seen, tables } = await report<FilesReport>(server, "/demo/files")
    expect(seen.find(({ what }) => what === "users")?.count).toBe(1)
    expect(seen.find(({ what }) => what === "groups")?.count).toBe(1)
    const holds = tables.flatMap(({ columns }) => columns.map((column) => column.holds))
    const month = new Date().toISOString().slice(0, 7)
    expect(holds).toContain(`month, ${month}`)
    expect(holds).toContain("sealed and padded, 4116 bytes")
    const told = JSON.stringify({ seen, tables })
    expect(told).not.toContain(person.client.userId.slice(0, 8))
    await person.stop()
    const { findings } = await report<AuditReport>(server, "/demo/audit")
    expect(findings.length).toBeGreaterThan(10)
    expect(findings.filter(({ pass }) => !pass)).toEqual([])
  })

  test("answers many who ask at once by one look", async () => {
    const ask = async () => (await fetch(`${server.url}/demo/audit`)).text()
    const answers = await Promise.all(Array.from({ length: 100 }, ask))
    expect(new Set(answers).size).toBe(1)
  })

  test("keeps its hold on the files that were looked at", async () => {
    await report(server, "/demo/files")
    const second = await cinder(["serve", "--data", data, "--domain", "example.org", "--port", "0"])
    expect([second.code, second.stderr.includes("another process has the database")]).toEqual([1, true])
  })

  test("says that files are too large to be looked at, and goes on", async () => {
    const large = join(data, "large")
    writeFileSync(large, "")
    truncateSync(large, DEMO_FILE_BYTES_MAX + 1)
    await Bun.sleep(DEMO_LOOK_MILLISECONDS_MIN)
    for (const path of ["/demo/files", "/demo/audit"])
      expect((await report<Unreadable>(server, path)).unreadable).toStartWith("large has grown beyond")
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
    rmSync(large)
  })
})

import { Database } from "bun:sqlite"
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { memoryStore } from "../../src/client/store.ts"
import { cinder, type ServerProcess, serve, temporaryDirectory } from "../cli/process.ts"
import { befriend, Person } from "../client/people.ts"

const directory = temporaryDirectory()
const data = join(directory, "data")
const which = (where = data) => ["--data", where, "--domain", "example.org", "--secrets", `${data}.secrets`]

let server: ServerProcess
let alice: Person
let bob: Person
beforeAll(async () => {
  server = await serve(data)
  alice = await Person.register(server, "alice")
  bob = await Person.register(server, "bob")
  await befriend(alice, bob)
}, 60_000)
afterAll(async () => {
  await server.end("SIGKILL")
})

async function succeeds(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cinder(words)
  expect([code, stderr]).toEqual([0, ""])
  expect(stdout).not.toContain("\u001b")
  return stdout
}

/** Sentences on stderr, nothing else, exit code 1. */
async function refusal(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cinder(words)
  expect([code, stdout]).toEqual([1, ""])
  expect(stderr).toMatch(/^(cinder: .+\n)+$/)
  return stderr
}

interface Seen {
  readonly what: string
  readonly count: number
}

async function statsOf(): Promise<Seen[]> {
  return (JSON.parse(await succeeds("stats", ...which(), "--json")) as { seen: Seen[] }).seen
}

describe("a server that runs", () => {
  test("has a socket for its user alone", () => {
    expect(statSync(`${data}.admin`).mode & 0o777).toBe(0o600)
    expect(statSync(`${data}.admin`).isSocket()).toBeTrue()
  })

  test("lists its users and counts in the audit's words", async () => {
    const lines = (await succeeds("users", "list", ...which())).trim().split("\n")
    expect(lines).toEqual([`${alice.user}  1`, `${bob.user}  1`].sort())
    const { users } = JSON.parse(await succeeds("users", "list", ...which(), "--json")) as {
      users: unknown[]
    }
    expect(users).toContainEqual({ user: alice.user, clients: 1 })
    expect(await statsOf()).toContainEqual({ what: "users", count: 2 })
  })

  test("is backed up meanwhile; the copy is the owner's alone, has no log, and the audit finds nothing in it", async () => {
    const copy = join(directory, "copy")
    const text = await succeeds("backup", copy, ...which())
    expect(text).toContain("copied the data of example.org")
    expect(readdirSync(copy).sort()).toEqual(["as.sqlite", "delivery.sqlite"])
    expect(statSync(copy).mode & 0o777).toBe(0o700)
    const month = new Date(new Date().toISOString().slice(0, 7)).getTime()
    for (const path of [copy, ...readdirSync(copy).map((name) => join(copy, name))])
      expect(statSync(path).mtimeMs).toBe(month)
    for (const name of readdirSync(copy)) expect(statSync(join(copy, name)).mode & 0o777).toBe(0o600)
    const audit = await cinder(["audit", copy])
    expect(audit.code, audit.stdout).toBe(0)
    expect(await refusal("backup", copy, ...which())).toContain("is there already")
    expect(await refusal("backup", join(data, "x"), ...which())).toContain("outside the data directory")
    expect(await refusal("backup", join(directory, "no/x"), ...which())).toContain("cannot be made (ENOENT)")
    expect(readdirSync(directory).filter((name) => name.includes("partial"))).toEqual([])
    await alice.client.createGroup()
  })

  test("refuses users that are not there, and deletes nobody without --yes", async () => {
    const stranger = `00000000-0000-0000-0000-000000000000@example.org`
    expect(await refusal("users", "delete", stranger, ...which(), "--yes")).toContain("there is no user")
    expect(await refusal("users", "delete", "alice", ...which(), "--yes")).toContain("a user id is UUID@")
    expect(
      await refusal("users", "delete", stranger.replace("example", "other"), ...which(), "--yes"),
    ).toContain("is not a user of example.org")
    expect(await refusal("users", "delete", alice.user, ...which())).toContain("nothing was deleted")
    expect(await refusal("users", "delete", ...which())).toContain("USER")
    expect((await succeeds("users", "list", ...which())).trim().split("\n")).toHaveLength(2)
  })

  test("answers nothing else at its socket, and goes on", async () => {
    const ask = async (path: string, body: string) =>
      (await (
        await fetch(`http://localhost${path}`, { unix: `${data}.admin`, method: "POST", body })
      ).json()) as object
    for (const [path, body] of [
      ["/backup", "{}"],
      ["/backup", "no json"],
      ["/users/delete", '{"user":7}'],
      ["/users/delete", '{"user":"x"}'],
      ["/secrets", "{}"],
      ["/", "[]"],
    ] as const)
      expect(await ask(path, body)).toEqual({ error: "the question is malformed" })
    expect(await (await fetch(`${server.url}/health`)).text()).toBe("ok")
  })

  test("without a socket says so, and its files are left alone", async () => {
    const other = join(directory, "other")
    const long = join(directory, "x".repeat(100))
    const lone = await serve(other, "--admin-socket", long)
    expect(await refusal("users", "list", "--data", other, "--domain", "example.org")).toContain(
      "another process has the database",
    )
    expect((await lone.end("SIGTERM")).stderr).toContain("there is no socket")
  })

  test("that was killed leaves a socket, which the next start replaces", async () => {
    const other = join(directory, "killed")
    await (await serve(other)).end("SIGKILL")
    expect(existsSync(`${other}.admin`)).toBeTrue()
    const flags = ["--data", other, "--domain", "example.org"]
    expect(await succeeds("stats", ...flags)).toContain("0  users")
    const next = await serve(other)
    expect(await succeeds("users", "list", ...flags)).toBe("")
    expect((await next.end("SIGTERM")).stderr).toBe("")
    expect(existsSync(`${other}.admin`)).toBeFalse()
  })
})

describe("a server that is stopped, and its backup", () => {
  test("say the same as when it ran", async () => {
    const running = await statsOf()
    await Promise.all([alice.stop(), bob.stop()])
    expect((await server.end("SIGTERM")).stderr).toBe("")
    expect(await statsOf()).toEqual(running)
    expect((await succeeds("users", "list", ...which())).trim().split("\n")).toHaveLength(2)
    const copy = join(directory, "copy-of-stopped")
    await succeeds("backup", copy, ...which())
    expect(statSync(join(copy, "as.sqlite")).size).toBeLessThanOrEqual(statSync(join(data, "as.sqlite")).size)
  })

  test("restore into a data directory that is new, checked page by page and key by key", async () => {
    const copy = join(directory, "copy-of-stopped")
    expect(await refusal("restore", copy, ...which(), "--verify")).toContain("is not empty")
    const again = join(directory, "again")
    const made = JSON.parse(await succeeds("restore", copy, ...which(again), "--verify", "--json")) as object
    expect(made).toEqual({ data: again, backup: copy, verified: true })
    expect(readdirSync(again).sort()).toEqual(["as.sqlite", "delivery.sqlite"])
    expect(statSync(again).mode & 0o777).toBe(0o700)
    const restored = await serve(again, "--secrets", `${data}.secrets`)
    const client = await Person.register(restored, "carol")
    await client.stop()
    expect((await restored.end("SIGTERM")).stderr).toBe("")
    expect((await succeeds("users", "list", ...which(again))).trim().split("\n")).toHaveLength(3)
  })

  test("are refused as backups when they are not whole, damaged, newer, another server's, or no backup at all", async () => {
    const copy = join(directory, "copy-of-stopped")
    const made = (name: string, change: (path: string) => void) => {
      const path = join(directory, name)
      cpSync(copy, path, { recursive: true })
      change(path)
      return path
    }
    const target = join(directory, "never")
    const refused = (path: string, ...more: readonly string[]) =>
      refusal("restore", path, ...which(target), ...more)
    const half = join(directory, "half")
    mkdirSync(half)
    writeFileSync(join(half, "as.sqlite"), "")
    expect(await refused(half)).toContain("it has no delivery.sqlite")
    expect(await refused(join(directory, "nothing"))).toContain("cannot be read (ENOENT)")
    const live = made("live", (path) => writeFileSync(join(path, "as.sqlite-wal"), "frames"))
    expect(await refused(live)).toContain("copied from a server that ran")
    const damaged = made("damaged", (path) => {
      const bytes = readFileSync(join(path, "delivery.sqlite"))
      bytes.fill(0xff, 8192, 8192 + 200)
      writeFileSync(join(path, "delivery.sqlite"), bytes)
    })
    expect(await refused(damaged, "--verify")).toContain("is damaged")
    const newer = made("newer", (path) => {
      using database = new Database(join(path, "as.sqlite"))
      database.run("PRAGMA user_version = 99")
    })
    expect(await refused(newer)).toContain("the database has version 99")
    const other = join(directory, "other-server")
    await (await serve(other)).end("SIGTERM")
    const flags = ["--data", target, "--domain", "example.org", "--secrets", `${other}.secrets`]
    expect(await refusal("restore", copy, ...flags, "--verify")).toContain(
      "does not open what is in the backup",
    )
    expect(readdirSync(directory).filter((name) => name.startsWith("never"))).toEqual([])
  })

  test("delete a user, of whom nothing is left", async () => {
    expect(JSON.parse(await succeeds("users", "delete", alice.user, ...which(), "--yes", "--json"))).toEqual({
      user: alice.user,
      deleted: true,
    })
    expect(await succeeds("users", "list", ...which())).toBe(`${bob.user}  1\n`)
    const id = Buffer.from(alice.user.split("@")[0]?.replaceAll("-", "") ?? "", "hex")
    expect(readFileSync(join(data, "as.sqlite")).includes(id)).toBeFalse()
  })

  test("are for their user: a directory of nobody's is no server", async () => {
    const none = join(directory, "none")
    expect(await refusal("stats", "--data", none, "--domain", "example.org")).toContain(
      "there is no server's data",
    )
    expect(existsSync(none)).toBeFalse()
    chmodSync(`${data}.secrets`, 0o600)
  })
})

test("a running server deletes a user at once: its client is refused from then on", async () => {
  const fresh = await serve(join(directory, "fresh"))
  const flags = ["--data", join(directory, "fresh"), "--domain", "example.org"]
  const dave = await Person.register(fresh, "dave", { store: memoryStore() })
  await succeeds("users", "delete", dave.user, ...flags, "--yes")
  expect(await succeeds("users", "list", ...flags)).toBe("")
  expect(dave.client.pollConnectionRequests()).rejects.toThrow()
  await dave.stop()
  expect((await fresh.end("SIGTERM")).stderr).toBe("")
})

import { beforeEach, describe, expect, test } from "bun:test"
import { chmodSync, existsSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { Client } from "../../src/client/client.ts"
import { memoryStore } from "../../src/client/store.ts"
import type { AuthorityDescription } from "../../src/config/authority/description.ts"
import { authorityOf, decodeSecrets } from "../../src/config/secrets.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { subjectFingerprint } from "../../src/wire/revocation.ts"
import { cinder, serve, temporaryDirectory } from "./process.ts"

let directory: string
let data: string
let secrets: string
beforeEach(() => {
  directory = temporaryDirectory()
  data = join(directory, "data")
  secrets = `${data}.secrets`
})

const path = (name: string) => join(directory, name)

/** Runs `cinder keys …`, which must succeed. */
async function keys(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cinder(["keys", ...words])
  expect([code, stderr]).toEqual([0, ""])
  return stdout
}

async function refused(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cinder(["keys", ...words])
  expect([code, stdout]).toEqual([1, ""])
  expect(stderr).toMatch(/^(cinder: .+\n)+$/)
  return stderr
}

const facts = async (...words: readonly string[]) =>
  JSON.parse(await keys(...words, "--json")) as Record<string, string | null>
const shown = async () =>
  JSON.parse(await keys("show", "--secrets", secrets, "--json")) as AuthorityDescription

/** From a request to its installation; `root` is a root file. */
async function sign(root: string, name: string, ...more: readonly string[]): Promise<void> {
  const [request, credential] = [path(`${name}.request`), path(`${name}.credential`)]
  const asked = await facts("request", "--secrets", secrets, "--out", request, ...more)
  const signed = await facts("sign", "--root", root, "--request", request, "--out", credential)
  expect(signed["request"]).toBe(asked["request"] as string)
  await keys("install", "--secrets", secrets, "--credential", credential)
}

function register(url: string, store = memoryStore()): Promise<Client> {
  return Client.create({ url, store, crypto, spreadMilliseconds: 0, patienceMilliseconds: 3000 })
}

describe("cinder keys", () => {
  test("lets a server start whose root it never had, and clients register there", async () => {
    const root = path("root")
    const made = await facts("root", "--domain", "example.org", "--out", root)
    await sign(root, "first", "--domain", "example.org")
    const server = await serve(data)
    await (await register(server.url)).close()
    expect((await server.end("SIGTERM")).stdout).not.toContain("made the secrets")
    const { roots, intermediates, rootSeed, requestPending } = await shown()
    expect([rootSeed, requestPending]).toEqual([false, false])
    expect(roots.map(({ fingerprint }) => fingerprint)).toEqual([made["fingerprint"] as string])
    expect(intermediates.map(({ signs }) => signs)).toEqual([true])
  })

  test("takes the root away from a running server, which goes on and takes over what is signed elsewhere", async () => {
    const server = await serve(data)
    const root = path("root")
    await keys("export-root", "--secrets", secrets, "--out", root)
    expect(statSync(root).mode & 0o777).toBe(0o600)
    await server.reload()
    await (await register(server.url)).close()
    const [before] = (await shown()).intermediates
    await sign(root, "second")
    await server.reload()
    const { intermediates } = await shown()
    expect(
      intermediates.map(({ fingerprint, signs }) => [fingerprint === before?.fingerprint, signs]),
    ).toEqual([
      [true, false],
      [false, true],
    ])
    await (await register(server.url)).close()
    expect((await server.end("SIGTERM")).stderr).toBe("")
    expect(await refused("rotate", "--secrets", secrets)).toContain("the root is not in the secrets file")
    expect(await refused("export-root", "--secrets", secrets, "--out", path("again"))).toContain(
      "was exported before",
    )
  })

  test("rotates intermediate and root, and revokes what was replaced", async () => {
    await (await serve(data)).end("SIGTERM")
    await keys("rotate", "--secrets", secrets)
    await keys("rotate", "--secrets", secrets, "--new-root")
    const { roots, intermediates } = await shown()
    expect([roots.length, intermediates.length]).toEqual([2, 3])
    expect(roots[1]?.endorsedBy).toBe(roots[0]?.fingerprint as string)
    const [oldest] = intermediates
    await keys("revoke", "--secrets", secrets, oldest?.fingerprint ?? "")
    const { revoked, intermediates: after } = await shown()
    expect(revoked).toEqual([{ fingerprint: oldest?.fingerprint ?? "", until: oldest?.notAfter ?? "" }])
    expect(after.map((one) => one.revoked)).toEqual([true, false, false])
    expect(await refused("revoke", "--secrets", secrets, after[2]?.fingerprint ?? "")).toContain(
      "signs clients now",
    )
  })

  test("revokes a user at a running server on SIGHUP", async () => {
    const server = await serve(data)
    const store = memoryStore()
    const client = await register(server.url, store)
    await client.pollConnectionRequests()
    const { fingerprint } = await facts("revoke", "--secrets", secrets, "--user", client.userId)
    const user = Buffer.from(client.userId.slice(0, 36).replaceAll("-", ""), "hex")
    expect(fingerprint).toBe(toHex(subjectFingerprint(crypto, user)))
    await server.reload()
    await expect(client.pollConnectionRequests()).rejects.toMatchObject({ code: "auth.refused" })
    await client.close()
    await server.end("SIGTERM")
  })

  test("never prints a key", async () => {
    await (await serve(data)).end("SIGTERM")
    const root = path("root")
    const printed = [await keys("show", "--secrets", secrets), await keys("rotate", "--secrets", secrets)]
    const { rootSeed, intermediateSeed } = authorityOf(decodeSecrets(crypto, readFileSync(secrets)))
    printed.push(await keys("request", "--secrets", secrets, "--out", path("request")))
    const { pendingSeed } = authorityOf(decodeSecrets(crypto, readFileSync(secrets)))
    printed.push(await keys("export-root", "--secrets", secrets, "--out", root))
    const words = ["sign", "--root", root, "--request", path("request"), "--out", path("credential")]
    printed.push(await keys(...words), await keys("show", "--secrets", secrets, "--json"))
    const carried = Buffer.concat([readFileSync(path("request")), readFileSync(path("credential"))])
    for (const seed of [rootSeed, intermediateSeed, pendingSeed]) {
      const text = Buffer.from(seed as Uint8Array)
      for (const form of [text.toString("hex"), text.toString("base64"), text.toString("base64url")])
        expect(printed.join("").replaceAll(" ", "")).not.toContain(form)
      expect(carried.includes(text)).toBe(false)
    }
  })

  test("has help that teaches, for the group and for each command", async () => {
    const group = await keys()
    expect(group).toContain("export-root")
    expect(await keys("--help")).toBe(group)
    for (const name of ["root", "request", "sign", "install", "export-root", "rotate", "revoke", "show"]) {
      const help = await keys(name, "--help")
      expect(help).toContain(`USAGE cinder keys ${name}`)
      expect(help.length).toBeGreaterThan(300)
    }
  })
})

describe("cinder keys refuses with a sentence", () => {
  test("unknown commands, flags and words, and flags without a value", async () => {
    expect(await refused("rotat")).toContain("Unknown command rotat")
    expect(await refused("show")).toContain("Missing required argument: --secrets")
    expect(await refused("show", "--secrets", secrets, "--al")).toContain("--al is no flag here")
    expect(await refused("show", "--secrets", secrets, "word")).toContain('"word" belongs to no flag')
    expect(await refused("show", "--secrets=")).toContain("--secrets needs a value")
    await (await serve(data)).end("SIGTERM")
    for (const words of [[], ["00", "--user", "somebody"]])
      expect(await refused("revoke", "--secrets", secrets, ...words)).toContain("name one thing to revoke")
  })

  test("files that are missing, of another kind, damaged, open to others, or there already", async () => {
    const [root, request] = [path("root"), path("request")]
    await keys("root", "--domain", "example.org", "--out", root)
    await keys("request", "--secrets", secrets, "--domain", "example.org", "--out", request)
    const signing = (r: string, q: string) =>
      refused("sign", "--root", r, "--request", q, "--out", path("out"))
    expect(await signing(root, path("none"))).toContain("cannot be read (ENOENT)")
    expect(await signing(root, root)).toContain("is not a request: it is a root file")
    chmodSync(root, 0o644)
    expect(await signing(root, request)).toContain("can be read by others")
    expect(await refused("root", "--domain", "example.org", "--out", root)).toContain("is there already")
    expect(await refused("show", "--secrets", request)).toContain("can be read by others")
    expect(existsSync(path("out"))).toBe(false)
    const again = ["request", "--secrets", secrets, "--domain", "example.org", "--out", request]
    expect(await refused(...again)).toContain("leave --domain out")
  })

  test("an answer that is not for these secrets, and the request stays", async () => {
    const [root, request, credential] = [path("root"), path("request"), path("credential")]
    await keys("root", "--domain", "example.org", "--out", root)
    const foreign = path("foreign.secrets")
    await keys("request", "--secrets", foreign, "--domain", "example.org", "--out", path("foreign.request"))
    await keys("sign", "--root", root, "--request", path("foreign.request"), "--out", credential)
    await keys("request", "--secrets", secrets, "--domain", "example.org", "--out", request)
    const before = readFileSync(secrets)
    expect(await refused("install", "--secrets", secrets, "--credential", credential)).toContain(
      "its key is another one",
    )
    expect(readFileSync(secrets).equals(before)).toBe(true)
    expect((await shown()).requestPending).toBe(true)
  })

  test("secrets with other keys at a running server, which goes on as it was", async () => {
    const server = await serve(data)
    const [own, other] = [path("own"), path("other")]
    await (await serve(other)).end("SIGTERM")
    await Bun.$`mv ${secrets} ${own} && mv ${other}.secrets ${secrets}`.quiet()
    process.kill(server.pid, "SIGHUP")
    await (await register(server.url)).close()
    await Bun.$`mv ${own} ${secrets}`.quiet()
    await server.reload()
    const { stderr } = await server.end("SIGTERM")
    expect(stderr).toContain("has other keys than the running server")
  })
})

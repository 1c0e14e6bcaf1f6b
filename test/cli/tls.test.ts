import { beforeEach, describe, expect, test } from "bun:test"
import { generateKeyPairSync } from "node:crypto"
import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { connect } from "node:tls"
import { Client } from "../../src/client/client.ts"
import { memoryStore } from "../../src/client/store.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { testCertificate, testCertificateKey } from "../outgoing/certificate.ts"
import { cinder, serve, temporaryDirectory } from "./process.ts"

let directory: string
let certificate: string
let key: string
beforeEach(() => {
  directory = temporaryDirectory()
  certificate = join(directory, "server.pem")
  key = join(directory, "server.key")
  writeFileSync(certificate, testCertificate)
  writeFileSync(key, testCertificateKey, { mode: 0o600 })
})

const flags = () => ["--tls-certificate", certificate, "--tls-key", key]

/** One sentence on stderr, nothing else, exit code 1. */
async function refusal(): Promise<string> {
  const where = ["--data", join(directory, "data"), "--domain", "example.org", "--port", "0"]
  const { code, stdout, stderr } = await cinder(["serve", ...where, ...flags()])
  expect([code, stdout]).toEqual([78, ""])
  expect(stderr).toMatch(/^(cinder: .+\n)+$/)
  return stderr
}

/** The status of the answer to a GET with any Host. */
async function statusOf(port: number, path: string, host: string, headers = ""): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const socket = connect({ port, host: "localhost", ca: testCertificate }, () =>
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`),
  )
  socket.on("data", (bytes) => resolve(Number(/^HTTP\/1.1 (\d+)/.exec(`${bytes}`)?.[1])))
  socket.on("error", reject)
  const status = await promise
  socket.destroy()
  return status
}

describe("cinder serve with a certificate", () => {
  test("speaks TLS with it, and nothing else", async () => {
    const server = await serve(join(directory, "data"), ...flags())
    const url = `https://localhost:${server.port}`
    expect(server.url).toStartWith("https://")
    expect(await (await fetch(`${url}/health`, { tls: { ca: testCertificate } })).text()).toBe("ok")
    expect(fetch(`${url}/health`)).rejects.toThrow()
    expect(fetch(`http://localhost:${server.port}/health`)).rejects.toThrow()
    expect((await server.end("SIGTERM")).stderr).toBe("")
  })

  test("serves clients over requests and streams", async () => {
    const server = await serve(join(directory, "data"), ...flags())
    const tls = { ca: testCertificate }
    const client = await Client.create({
      url: `https://localhost:${server.port}`,
      store: memoryStore(),
      crypto,
      fetch: (url, init) => fetch(url, { ...init, tls }),
    })
    await client.createGroup()
    expect(client.groups()).toHaveLength(1)
    await client.close()
    expect((await server.end("SIGTERM")).stderr).toBe("")
  })

  test("takes streams and hosts of any length but those too short, and is not moved to another path by them", async () => {
    const server = await serve(join(directory, "data"), ...flags())
    const upgrade =
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    expect(await statusOf(server.port, "/qs/stream", "localhost", `Connection: Upgrade\r\n${upgrade}`)).toBe(
      101,
    )
    for (const host of ["abc", "a:1", "chat.example.org:8443"])
      expect(await statusOf(server.port, "/health", host)).toBe(200)
    for (const host of ["a", "ab", "a/health"]) expect(await statusOf(server.port, "/health", host)).toBe(400)
    await server.end("SIGTERM")
  })

  test("refuses what is no certificate or key, a key of another certificate, and one that others can read", async () => {
    chmodSync(key, 0o644)
    expect(await refusal()).toContain("the certificate's key")
    chmodSync(key, 0o600)
    writeFileSync(key, "no key")
    expect(await refusal()).toContain(`${key} holds no private key in PEM`)
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
    writeFileSync(key, `${privateKey.export({ type: "pkcs8", format: "pem" })}`)
    expect(await refusal()).toContain("is not that of the certificate")
    writeFileSync(certificate, "no certificate")
    expect(await refusal()).toContain(`${certificate} holds no certificate in PEM`)
  })
})

import { afterAll, beforeAll, expect, test } from "bun:test"
import { Client } from "../../src/client/client.ts"
import { memoryStore } from "../../src/client/store.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { ServerUnderTest } from "./server.ts"

const server = new ServerUnderTest()
beforeAll(() => server.start())
afterAll(() => server.end())

test("a client reaches the AS at its own address, and there nothing else", async () => {
  const addresses: URL[] = []
  const client = await Client.create({
    url: "https://chat.test",
    asUrl: "https://as.test",
    store: memoryStore(),
    crypto: nativeCrypto,
    spreadMilliseconds: 0,
    fetch(address, request) {
      addresses.push(address)
      return fetch(new URL(address.pathname, server.url), request)
    },
    webSocket: (address) => new WebSocket(new URL(address.pathname, server.url.replace("http:", "ws:"))),
  })
  await client.createGroup()
  await client.updateProfile({ displayName: "Ada" })
  await client.caughtUp()
  await client.close()

  const toAs = addresses.filter(({ host }) => host === "as.test")
  const others = addresses.filter(({ host }) => host === "chat.test")
  expect(toAs.length + others.length).toBe(addresses.length)
  expect(toAs.length).toBeGreaterThan(0)
  expect(toAs.filter(({ pathname }) => !pathname.startsWith("/as/"))).toEqual([])
  expect(others.filter(({ pathname }) => pathname.startsWith("/as/"))).toEqual([])
  expect(others.some(({ pathname }) => pathname.startsWith("/ds/"))).toBeTrue()
})

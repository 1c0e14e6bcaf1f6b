import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { Client } from "../../src/client/client.ts"
import type { ClientEvent } from "../../src/client/client-event.ts"
import { names } from "../../src/client/record-store.ts"
import { memoryStore } from "../../src/client/store.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"

const server = new ServerUnderTest()
beforeAll(() => server.start())
afterAll(() => server.end())

/** A client whose user has not decided yet, and the request that it got. */
async function undecided(asker: Person) {
  const store = memoryStore()
  const client = await Client.create({ url: server.url, store, crypto: nativeCrypto, spreadMilliseconds: 0 })
  const asked = new Promise<ClientEvent<"connection-request">>((resolve) => {
    client.onEvent((event) => {
      if (event.type === "connection-request") resolve(event)
    })
  })
  await asker.client.connect(client.userId)
  await client.pollConnectionRequests()
  return { client, store, request: await asked }
}

describe("a connection request", () => {
  test("that was declined is gone from the store, and nobody is connected", async () => {
    const asker = await Person.register(server, "asker")
    const { client, store, request } = await undecided(asker)
    expect(await names(store, "incoming/")).toEqual([request.request])

    await client.declineConnection(request.request)
    expect(await names(store, "incoming/")).toEqual([])
    await expect(request.accept()).rejects.toThrow("client.unknown-request")
    await client.pollConnectionRequests()
    expect(await client.contacts()).toEqual([])
    expect(await asker.client.contacts()).toEqual([])

    await Promise.all([client.close(), asker.stop()])
  })

  test("can be accepted after a restart, by its name", async () => {
    const asker = await Person.register(server, "asker")
    const { client, store, request } = await undecided(asker)
    await client.close()

    const options = { url: server.url, store, crypto: nativeCrypto, spreadMilliseconds: 0 }
    const restarted = await Client.create(options)
    await restarted.acceptConnection(request.request)
    await asker.until((person) => person.has("connected"))

    await Promise.all([restarted.close(), asker.stop()])
  })
})

import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { ClientError, type ClientErrorCode } from "../../src/client/errors.ts"
import { memoryStore } from "../../src/client/store.ts"
import type { Fetch } from "../../src/client/transport.ts"
import { as } from "../../src/wire/as.ts"
import { contains } from "../e2e/search.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"
import { CrashingStore, lossyFetch, randomFrom } from "./trouble.ts"

const server = new ServerUnderTest()
const guarded = new ServerUnderTest("--registration", "invitation")
beforeAll(() => Promise.all([server.start(), guarded.start()]))
afterAll(() => Promise.all([server.end(), guarded.end()]))

async function codeOf(work: Promise<unknown>): Promise<ClientErrorCode | "done"> {
  try {
    await work
    return "done"
  } catch (error) {
    if (error instanceof ClientError) return error.code
    throw error
  }
}

/** Does something before the first request to an operation is sent. */
function before(endpoint: { readonly path: string }, work: () => Promise<void>): Fetch {
  let done = false
  return async (url, request) => {
    if (!done && url.pathname === endpoint.path) {
      done = true
      await work()
    }
    return await fetch(url, request)
  }
}

/** Nobody can begin anything with the user id any more. */
async function isGone(user: string): Promise<boolean> {
  const friend = await Person.register(server, "friend")
  const code = await codeOf(friend.client.connect(user))
  await friend.stop()
  return code === "as.no-connection-package"
}

describe("an account", () => {
  test("with a password of the user's is deleted with it only, however it is composed", async () => {
    const store = memoryStore()
    const person = await Person.register(server, "Zoë", { store, password: "Ange\u0301lique 7" })
    await person.stop()
    const again = await Person.register(server, "Zoë", { store })
    expect(again.user).toBe(person.user)
    expect(await codeOf(again.client.deleteAccount())).toBe("client.password-needed")
    expect(await codeOf(again.client.deleteAccount("Angelique 7"))).toBe("client.wrong-password")
    const friend = await Person.register(server, "friend")
    await befriend(friend, again)
    await friend.stop()
    await again.client.deleteAccount("Ang\u00e9lique 7")
    expect(await store.list("")).toEqual([])
    expect(await isGone(person.user)).toBe(true)
  }, 60_000)

  test("keeps the password to itself: it is in no request and not in the store", async () => {
    const password = "a secret that nobody guesses"
    const sent: Uint8Array[] = []
    const recording: Fetch = (url, request) => {
      if (request.body instanceof Uint8Array) sent.push(Uint8Array.from(request.body))
      return fetch(url, request)
    }
    const store = memoryStore()
    const person = await Person.register(server, "careful", { store, password, fetch: recording })
    const kept = await Promise.all((await store.list("")).map((key) => store.get(key)))
    expect(kept.length).toBeGreaterThan(10)
    expect(contains(kept as Uint8Array[], Buffer.from(password))).toBe(false)
    await person.client.deleteAccount(password)
    expect(sent.length).toBeGreaterThan(6)
    expect(contains(sent, Buffer.from(password))).toBe(false)
  }, 60_000)

  test("without one is deleted with the secret that the client made, and closes the client", async () => {
    const store = memoryStore()
    const person = await Person.register(server, "brief", { store })
    const { client, user } = person
    const friend = await Person.register(server, "friend")
    await friend.client.connect(user)
    await client.deleteAccount()
    expect(await store.list("")).toEqual([])
    expect(await codeOf(client.caughtUp())).toBe("client.closed")
    expect(await isGone(user)).toBe(true)
    const newcomer = await Person.register(server, "newcomer", { store })
    expect(newcomer.user).not.toBe(user)
    await newcomer.stop()
    await friend.stop()
  }, 60_000)

  test("is deleted on a network that loses requests and answers", async () => {
    const random = randomFrom(7)
    for (let i = 0; i < 2; i++) {
      const store = memoryStore()
      const person = await Person.register(server, "patient", { store, fetch: lossyFetch(random, 0.2) })
      await person.client.deleteAccount()
      expect(await store.list("")).toEqual([])
      expect(await isGone(person.user)).toBe(true)
    }
  }, 60_000)

  test("is deleted by a client that crashes at any write, and takes it up again", async () => {
    for (const afterwards of [false, true]) {
      let crashes = 0
      for (let write = 1; ; write++) {
        const store = new CrashingStore(memoryStore())
        const person = await Person.register(server, "unlucky", { store })
        await person.client.caughtUp()
        store.crashIn(write, afterwards)
        const finished = await person.client.deleteAccount().then(
          () => !store.dead,
          () => false,
        )
        if (finished) break
        crashes += 1
        await person.stop()
        store.revive()
        if ((await store.list("")).length > 0) {
          const again = await Person.register(server, "unlucky", { store })
          expect(again.user).toBe(person.user)
          await again.client.deleteAccount()
        }
        expect(await store.list("")).toEqual([])
        expect(await isGone(person.user)).toBe(true)
      }
      expect(crashes).toBeGreaterThanOrEqual(2)
    }
  }, 60_000)

  test("is deleted although the server forgets the login in between", async () => {
    const store = memoryStore()
    const restart = async () => {
      await server.kill()
      await server.start()
    }
    const person = await Person.register(server, "again", { store, fetch: before(as.deleteAccount, restart) })
    await person.client.deleteAccount()
    expect(await store.list("")).toEqual([])
    expect(await isGone(person.user)).toBe(true)
  }, 60_000)

  test("is deleted at last when the network went away with the answer", async () => {
    let away = false
    const parting: Fetch = async (url, request) => {
      if (away) throw new TypeError("no network")
      const response = await fetch(url, request)
      away = url.pathname === as.deleteAccount.path
      if (away) throw new TypeError("no network any more")
      return response
    }
    const store = memoryStore()
    const options = { store, fetch: parting, patienceMilliseconds: 500 }
    const { client, user } = await Person.register(server, "patient", options)
    expect(await codeOf(client.deleteAccount())).toBe("client.unreachable")
    expect((await store.list("")).length).toBeGreaterThan(10)
    away = false
    await client.deleteAccount()
    expect(await store.list("")).toEqual([])
    expect(await isGone(user)).toBe(true)
  }, 60_000)

  test("is registered although the server forgets it between the steps", async () => {
    for (const endpoint of [as.startRegistrationLogin, as.finishRegistration]) {
      const restart = async () => {
        await server.kill()
        await server.start()
      }
      const person = await Person.register(server, "again", { fetch: before(endpoint, restart) })
      expect(await isGone(person.user)).toBe(false)
      await person.stop()
    }
  }, 60_000)

  test("is not registered at a server that does not show that it has the record", async () => {
    const flipped: Fetch = async (url, request) => {
      const response = await fetch(url, request)
      if (url.pathname !== as.startRegistrationLogin.path) return response
      const body = new Uint8Array(await response.arrayBuffer())
      const last = body.length - 1
      body[last] = (body[last] as number) ^ 1
      return new Response(body, response)
    }
    const registration = Person.register(server, "careful", { fetch: flipped })
    expect(await codeOf(registration)).toBe("client.unexpected-response")
  })
})

describe("an invitation", () => {
  const register = (invitation?: string, store = memoryStore(), options: { fetch?: Fetch } = {}) =>
    Person.register(guarded, "guest", {
      store,
      ...(invitation === undefined ? {} : { invitation }),
      ...options,
    })

  test("is asked for, may be typed in any way, and is good for one", async () => {
    const code = await guarded.invite()
    expect(await codeOf(register())).toBe("as.invitation-required")
    expect(await codeOf(register("hello"))).toBe("as.invalid-invitation")
    expect(await codeOf(register(`${code.slice(0, -1)}${code.endsWith("0") ? "2" : "0"}`))).toBe(
      "as.invalid-invitation",
    )
    const store = memoryStore()
    const guest = await register(code.toLowerCase().replaceAll("-", " "), store)
    await guest.stop()
    await (await register(undefined, store)).stop()
    expect(await codeOf(register(code))).toBe("as.invalid-invitation")
  }, 60_000)

  test("that somebody else used meanwhile can be replaced by another one", async () => {
    const code = await guarded.invite()
    const store = memoryStore()
    const faster = async () => await (await register(code)).stop()
    const late = register(code, store, { fetch: before(as.finishRegistration, faster) })
    expect(await codeOf(late)).toBe("as.invalid-invitation")
    const guest = await register(await guarded.invite(), store)
    expect(guest.user).toMatch(/@example\.org$/)
    await guest.stop()
  }, 60_000)
})

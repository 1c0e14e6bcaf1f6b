import { afterAll, beforeAll, expect, test } from "bun:test"
import { memoryStore } from "../../src/client/store.ts"
import type { Fetch } from "../../src/client/transport.ts"
import { as } from "../../src/wire/as.ts"
import { parseRequest } from "../../src/wire/cose.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"
import { CrashingStore, lossyFetch, randomFrom } from "./trouble.ts"

const server = new ServerUnderTest()
beforeAll(() => server.start())
afterAll(() => server.end())

/** What a client pays and asks for, in the order of its requests. */
class Books {
  /** Of each request that paid: the token. */
  readonly spent: string[] = []
  /** Of each request for tokens: its parameters. */
  readonly orders: string[] = []
  readonly kinds: ("order" | "payment")[] = []

  fetch(under: Fetch = (url, request) => fetch(url, request)): Fetch {
    return (url, request) => {
      const authorization = new Headers(request.headers).get("authorization")
      if (authorization !== null) {
        this.spent.push(authorization)
        this.kinds.push("payment")
      }
      if (url.pathname === "/as/request-tokens") {
        const body = new Uint8Array(request.body as Uint8Array<ArrayBuffer>)
        this.orders.push(Buffer.from(parseRequest(body.subarray(1)).payload).toString("hex"))
        this.kinds.push("order")
      }
      return under(url, request)
    }
  }
}

const different = (list: readonly string[]) => new Set(list).size

test("tokens are bought ahead, in batches, and each is sent once", async () => {
  const books = new Books()
  const ada = await Person.register(server, "ada", { fetch: books.fetch() })
  const ben = await Person.register(server, "ben")
  await befriend(ada, ben)
  const group = await ada.client.createGroup()
  for (let i = 0; i < 120; i++) await group.send(new TextEncoder().encode(`${i}`))
  expect(books.spent.length).toBeGreaterThan(120)
  expect(different(books.spent)).toBe(books.spent.length)
  expect(different(books.orders)).toBe(books.orders.length)
  expect(books.orders.length).toBeLessThanOrEqual(2 + Math.ceil(books.spent.length / 25))
  for (const person of [ada, ben]) await person.stop()
}, 60_000)

test("a token is out of the store before it is sent, and no batch is paid for twice, wherever the client crashes", async () => {
  for (const afterwards of [false, true]) {
    for (let write = 2; write < 40; write += 3) {
      const books = new Books()
      const store = new CrashingStore(memoryStore())
      store.crashIn(write, afterwards)
      const first = await Person.register(server, "unlucky", { store, fetch: books.fetch() }).catch(
        () => undefined,
      )
      await first?.stop()
      store.revive()
      const again = await Person.register(server, "unlucky", { store, fetch: books.fetch() })
      const group = await again.client.createGroup()
      await group.update()
      await again.stop()
      expect(different(books.spent)).toBe(books.spent.length)
      expect(different(books.orders)).toBeLessThanOrEqual(3)
    }
  }
}, 60_000)

test("on a network that loses requests and answers, the same batch is asked for until it is there", async () => {
  const books = new Books()
  const random = randomFrom(11)
  const ada = await Person.register(server, "patient", { fetch: lossyFetch(random, 0.25) })
  const lossy = lossyFetch(random, 0.25)
  let lost = 0
  const paying = books.fetch(async (url, request) => {
    const answer = await lossy(url, request)
    if (url.pathname !== as.requestTokens.path || lost++ > 0) return answer
    await answer.arrayBuffer()
    throw new TypeError("the first batch is lost")
  })
  const ben = await Person.register(server, "lossy", { fetch: paying })
  await befriend(ada, ben)
  const group = await ben.client.createGroup()
  for (let i = 0; i < 15; i++) await group.send(new TextEncoder().encode(`${i}`))
  expect(different(books.spent)).toBe(books.spent.length)
  expect(different(books.orders)).toBeLessThan(books.orders.length)
  for (const person of [ada, ben]) await person.stop()
}, 60_000)

test("a server that began anew with other keys refuses the tokens of before; the wallet buys new ones", async () => {
  const books = new Books()
  const ada = await Person.register(server, "ada", { fetch: books.fetch() })
  const before = books.orders.length
  await server.kill()
  server.forgetTokenKeys()
  await server.start()
  const group = await ada.client.createGroup()
  await group.update()
  expect(books.orders.length).toBeGreaterThan(before)
  await ada.stop()
}, 60_000)

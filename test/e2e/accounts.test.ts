import { afterAll, beforeAll, expect, test } from "bun:test"
import { Account } from "../../src/client/records.ts"
import type { Fetch } from "../../src/client/transport.ts"
import { as } from "../../src/wire/as.ts"
import { equal, toHex } from "../../src/wire/bytes.ts"
import type { Endpoint } from "../../src/wire/endpoint.ts"
import { expectRefused, expectUnchanged, Forger } from "./forger.ts"
import { Homeserver } from "./homeserver.ts"
import { wrongPasswords } from "./hostile/accounts.ts"
import { Interceptor } from "./interceptor.ts"
import { RememberingStore } from "./loot.ts"
import { befriend, Person } from "./person.ts"
import { contains, Haystack } from "./search.ts"
import { blob, Snapshot } from "./snapshot.ts"

/** Registration and deletion of accounts at a real server, over HTTP, with its files at hand. */

let server: Homeserver
beforeAll(async () => {
  // The attacks are to be refused for what they are, not for want of a token.
  server = await Homeserver.start("--rate-limit", "off")
})
afterAll(() => server.end())

/** Everything that the AS's tables hold of a user, and what its client published. */
function tracesOf(snapshot: Snapshot, store: RememberingStore): Uint8Array[] {
  const { clientId } = store.account()
  const user = clientId.subarray(0, 16)
  const isOwn = (value: unknown) =>
    value instanceof Uint8Array && (equal(value, user) || equal(value, clientId))
  const rows = ["as_user", "as_client", "as_queue", "as_connection_package"].flatMap((table) =>
    snapshot.rows(table).filter((row) => Object.values(row).some(isOwn)),
  )
  const credentials = store.records(Account, "account").flatMap(({ credential }) => credential ?? [])
  return [...rows.flatMap((row) => Object.values(row).map(blob)), clientId, ...credentials]
}

function foundIn(snapshot: Snapshot, traces: readonly Uint8Array[], known: readonly Uint8Array[]): string[] {
  const files = [...snapshot.files.values()]
  const haystack = new Haystack(files)
  const shared = new Haystack([...known, snapshot.schema])
  const whole = traces.filter((trace) => contains(files, trace)).map(toHex)
  return [...whole, ...traces.flatMap((trace) => haystack.sharedWith(trace, shared))]
}

/** A network on which the server dies as soon as it has answered an operation. */
function killing({ path }: Endpoint): Fetch {
  return async (url, request) => {
    const response = await fetch(url, request)
    if (url.pathname !== path) return response
    const body = await response.arrayBuffer()
    await server.kill()
    return new Response(body, response)
  }
}

test("a wrong proof uses the login up: the right one comes too late, and the account stays", async () => {
  const client = new Interceptor()
  const person = await Person.register({ url: server.url, crypto: client.crypto, fetch: client.fetch })
  const refused = client.beforeNext(as.deleteAccount.path, async (request) => {
    const forger = new Forger(as.deleteAccount, request)
    const attacks = { ...wrongPasswords(forger), "the right one": forger.params({}) }
    await expectUnchanged(server, () => expectRefused(server, as.deleteAccount.path, "auth.refused", attacks))
  })
  const deleted = person.client.deleteAccount()
  await refused
  // The client logs in again, and this time nobody is in between.
  await deleted
  expect((await Snapshot.settled(server.data)).rows("as_user")).toEqual([])
}, 60_000)

test("a deleted account leaves nothing in any file: after the scrub, and when the server is killed right after the answer", async () => {
  const stores = [new RememberingStore(), new RememberingStore(), new RememberingStore()] as const
  const join = (store: RememberingStore, fetch?: Fetch) =>
    Person.register({ url: server.url, store, ...(fetch === undefined ? {} : { fetch }) })
  const kept = await join(stores[0])
  const first = await join(stores[1])
  const second = await join(stores[2], killing(as.deleteAccount))
  for (const person of [first, second]) {
    await befriend(kept, person)
    await kept.client.connect(person.user)
  }
  const before = await Snapshot.settled(server.data)
  const [known, one, two] = [0, 1, 2].map((i) => tracesOf(before, stores[i as 0 | 1 | 2])) as [
    ...[Uint8Array[], Uint8Array[], Uint8Array[]],
  ]
  for (const traces of [one, two]) expect(foundIn(before, traces, known).length).toBeGreaterThan(10)

  await first.client.deleteAccount()
  const scrubbed = await Snapshot.settled(server.data)
  expect(foundIn(scrubbed, one, known)).toEqual([])
  expect(foundIn(scrubbed, two, known).length).toBeGreaterThan(10)

  await second.client.deleteAccount()
  await server.start()
  expect(foundIn(await Snapshot.settled(server.data), two, known)).toEqual([])
  await kept.stop()
  expect(await server.stop()).toBe(0)
  const stopped = Snapshot.take(server.data)
  for (const traces of [one, two]) expect(foundIn(stopped, traces, known)).toEqual([])
  expect(stopped.rows("as_user").length).toBe(1)
  expect(stopped.pool("as_pool")).toEqual([])
}, 60_000)

import { afterAll, beforeAll, expect, test } from "bun:test"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { at, load } from "../../src/client/record-store.ts"
import { PushSubscription } from "../../src/client/records.ts"
import { memoryStore } from "../../src/client/store.ts"
import { PUSH_DELAY_MILLISECONDS_MAX, PUSH_ENDPOINT_BYTES_MAX } from "../../src/limits.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { type ServerProcess, serveIn, temporaryDirectory } from "../cli/process.ts"
import { testCertificate } from "../outgoing/certificate.ts"
import { Receiver } from "../outgoing/receiver.ts"
import { verifyStatement } from "../qs/push-member.ts"
import { befriend, Person } from "./people.ts"
import { CrashingStore } from "./trouble.ts"

const directory = temporaryDirectory()
let server: ServerProcess
let receiver: Receiver

beforeAll(async () => {
  const certificates = join(directory, "certificates.pem")
  writeFileSync(certificates, testCertificate)
  const flags = ["--rate-limit", "off", "--push-private-addresses", "on"]
  server = await serveIn({ NODE_EXTRA_CA_CERTS: certificates }, join(directory, "data"), ...flags)
  receiver = await Receiver.start()
})
afterAll(async () => {
  await receiver[Symbol.asyncDispose]()
  await server.end("SIGTERM")
  rmSync(directory, { recursive: true, force: true })
})

/** Everybody is in one group with the host. */
async function party(...names: string[]): Promise<{ host: Person; guests: Person[] }> {
  const host = await Person.register(server, "host")
  const guests = await Promise.all(names.map((name) => Person.register(server, name)))
  for (const guest of guests) await befriend(host, guest)
  const group = await host.client.createGroup()
  for (const guest of guests) await group.add(guest.user)
  await Promise.all(guests.map((guest) => guest.until((person) => person.has("joined"))))
  return { host, guests }
}

const paths = () => receiver.received.map(({ path }) => path)

/** Longer than the server waits before it pushes. */
async function pushesAreThrough(): Promise<void> {
  await Bun.sleep(PUSH_DELAY_MILLISECONDS_MAX + 500)
}

test("whoever is away is woken by a message in a group that it was in before it subscribed; nobody who is there, or wants no more", async () => {
  const { host, guests } = await party("away", "there", "unsubscribed", "never")
  const [away, there, unsubscribed, never] = guests as [Person, Person, Person, Person]
  for (const guest of [away, there, unsubscribed])
    await guest.client.subscribeToPush({ endpoint: receiver.url(`/send/${guest.name}`) })
  await unsubscribed.client.subscribeToPush(null)
  await there.client.caughtUp()
  for (const guest of [away, unsubscribed, never]) await guest.stop()
  await host.say("hello")
  await there.until((person) => person.heard().length === 1)
  await receiver.until(1)
  await pushesAreThrough()
  expect(paths()).toEqual(["/send/away"])
  const [push] = receiver.received
  expect(push?.body).toHaveLength(0)
  verifyStatement(push!, await host.client.pushKey())
  await Promise.all([host, there].map((person) => person.stop()))
}, 60_000)

test("a subscription that a crash held up is sent afterwards", async () => {
  const before = paths().length
  const expected: string[] = []
  for (const afterwards of [false, true]) {
    for (const write of [1, 2]) {
      const store = new CrashingStore(memoryStore())
      const person = await Person.register(server, "guest", { store })
      await person.client.caughtUp()
      const path = `/send/${afterwards}-${write}`
      store.crashIn(write, afterwards)
      await expect(person.client.subscribeToPush({ endpoint: receiver.url(path) })).rejects.toThrow()
      await person.stop()
      store.revive()
      await person.start()
      const stored = () => load(store, PushSubscription, at.push)
      const begun = write > 1 || afterwards
      expect((await stored()) !== undefined).toBe(begun)
      while (begun && (await stored())?.sent !== true) await Bun.sleep(5)
      if (begun) expected.push(path)
      const host = await Person.register(server, "host")
      await befriend(host, person)
      await person.stop()
      await (await host.client.createGroup()).add(person.user)
      await host.stop()
    }
  }
  await pushesAreThrough()
  expect(paths().slice(before).sort()).toEqual(expected.sort())
}, 60_000)

test("only what may be a push resource is sent to the server", async () => {
  const person = await Person.register(server, "guest")
  const long = `https://push.example.org/${"a".repeat(PUSH_ENDPOINT_BYTES_MAX)}`
  for (const endpoint of [
    undefined,
    "",
    "http://push.example.org/x",
    "https://push.example.org",
    long,
    "https://p.org/ü",
  ])
    await expect(person.client.subscribeToPush({ endpoint })).rejects.toMatchObject({
      code: "client.invalid-push-endpoint",
    })
  expect(await person.store.get(at.push)).toBeUndefined()
  const longest = long.slice(0, PUSH_ENDPOINT_BYTES_MAX)
  await person.client.subscribeToPush({ endpoint: longest })
  const kept = await person.store.get(at.push)
  expect(Buffer.from(kept as Uint8Array).includes(utf8("push.example.org"))).toBe(false)
  await person.stop()
}, 30_000)

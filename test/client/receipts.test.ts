import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { ClientEvent } from "../../src/client/client-event.ts"
import {
  decodeReceipts,
  encodeReceipts,
  give,
  isGiven,
  markSent,
  ofMembers,
  type Receipt,
  take,
  unsent,
} from "../../src/client/receipts.ts"
import { memoryStore } from "../../src/client/store.ts"
import type { Fetch } from "../../src/client/transport.ts"
import { RECEIPTS_MAX } from "../../src/limits.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { ds } from "../../src/wire/ds.ts"
import { CodecError } from "../../src/wire/tls.ts"
import { befriend, Person, type PersonOptions } from "./people.ts"
import { ServerUnderTest } from "./server.ts"
import { CrashingStore } from "./trouble.ts"

const receipt: fc.Arbitrary<Receipt> = fc.record({
  status: fc.constantFrom("delivered" as const, "read" as const),
  client: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Uint8Array.from(bytes)),
  through: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1 }),
})
const receipts = fc.uniqueArray(receipt, {
  minLength: 1,
  maxLength: 6,
  selector: ({ status, client }) => `${status}${toHex(client)}`,
})

const client = (byte: number) => new Uint8Array(32).fill(byte)
const sorted = (list: readonly Receipt[]) =>
  list.map((one) => `${toHex(one.client)}${one.status}${one.through}`).sort()

describe("receipts", () => {
  test("round-trip in one form, and nothing else decodes", () => {
    fc.assert(
      fc.property(receipts, fc.nat(), (list, cut) => {
        const bytes = encodeReceipts(list)
        expect(sorted(decodeReceipts(bytes))).toEqual(sorted(list))
        expect(encodeReceipts(list.toReversed())).toEqual(bytes)
        expect(() => decodeReceipts(bytes.subarray(0, cut % bytes.length))).toThrow(CodecError)
        expect(() => decodeReceipts(Uint8Array.from([...bytes, 0]))).toThrow(CodecError)
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 90 }), (bytes) => {
        try {
          expect(encodeReceipts(decodeReceipts(bytes))).toEqual(Uint8Array.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError)
        }
      }),
    )
  })

  test("that are none, too many, twice the same or about impossible numbers are refused", () => {
    const one = { status: "read" as const, client: client(1), through: 0 }
    const many = (count: number) =>
      Array.from({ length: count }, (_, i) => ({
        ...one,
        client: Uint8Array.from([...client(1).subarray(2), i >> 8, i]),
      }))
    expect(decodeReceipts(encodeReceipts(many(RECEIPTS_MAX)))).toHaveLength(RECEIPTS_MAX)
    for (const list of [
      [],
      many(RECEIPTS_MAX + 1),
      [one, one],
      [{ ...one, through: Number.MAX_SAFE_INTEGER }],
    ])
      expect(() => decodeReceipts(encodeReceipts(list))).toThrow(CodecError)
    const bytes = encodeReceipts([one])
    bytes[1] = 3
    expect(() => decodeReceipts(bytes)).toThrow("receipt status")
  })

  test("say again nothing that was said, whatever is acknowledged in whatever order", () => {
    const given = fc.array(
      fc.record({
        status: receipt.map(({ status }) => status),
        client: fc.integer({ min: 1, max: 3 }).map(client),
        through: fc.integer({ min: 0, max: 9 }),
      }),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(given, fc.integer({ min: 1, max: 5 }), (all, every) => {
        let own: Parameters<typeof give>[0] = []
        let theirs: Parameters<typeof give>[0] = []
        let news = 0
        const tell = () => {
          const told = unsent(own)
          // What each of the three makes of it, under its own name.
          for (const other of [1, 2, 3].map(client)) {
            const taken = take(theirs, told, other, { client: other, sent: 10 })
            theirs = taken.states
            news += taken.news.length
          }
          own = markSent(own, told)
          expect(unsent(own)).toEqual([])
          return told.length
        }
        let told = 0
        for (const [index, one] of all.entries()) {
          own = isGiven(own, one) ? own : give(own, one)
          if (index % every === 0) told += tell()
        }
        told += tell()
        expect(news).toBe(told)
        for (const { status, client: of, through } of all) {
          const state = own.find((entry) => toHex(entry.client) === toHex(of))
          expect(state?.sent[status]).toBeGreaterThan(through)
          expect(state?.sent.delivered).toBeGreaterThanOrEqual(state?.sent.read ?? 0)
        }
      }),
    )
  })

  test("about others' messages, or more than were sent, are nothing, and cost nothing", () => {
    const own = { client: client(1), sent: 3 }
    const hostile = [
      { status: "read" as const, client: client(1), through: 3 },
      { status: "delivered" as const, client: client(1), through: Number.MAX_SAFE_INTEGER - 1 },
      ...Array.from({ length: 200 }, (_, i) => ({
        status: "read" as const,
        client: client(i + 2),
        through: 0,
      })),
    ]
    expect(take([], hostile, client(2), own)).toEqual({ states: [], news: [] })
    const { states, news } = take([], [{ ...hostile[0]!, through: 2 }], client(2), own)
    expect([states.length, news.length]).toEqual([1, 1])
    for (const status of ["delivered", "read"] as const)
      expect(take(states, [{ status, client: client(1), through: 2 }], client(2), own)).toEqual({
        states,
        news: [],
      })
    expect(ofMembers(states, [])).toEqual([])
  })
})

const server = new ServerUnderTest("--rate-limit", "off")
beforeAll(() => server.start())
afterAll(() => server.end())

type Message = Extract<ClientEvent, { type: "message" }>

function messages({ events }: Person): Message[] {
  return events.filter((event): event is Message => event.type === "message")
}

/** `user: status through` as it was told. */
function told({ events }: Person): string[] {
  return events.flatMap((event) =>
    event.type === "receipt" ? [`${event.user}: ${event.status} ${event.through}`] : [],
  )
}

/** Counts messages that a client sends. */
class Sends {
  count = 0

  readonly fetch: Fetch = (url, request) => {
    if (url.pathname === ds.sendMessage.path) this.count += 1
    return fetch(url, request)
  }
}

async function party(names: string[], options: Partial<Record<string, PersonOptions>> = {}) {
  const people = await Promise.all(
    names.map((name) => Person.register(server, name, { receiptMilliseconds: 0, ...options[name] })),
  )
  const [host, ...guests] = people as [Person, ...Person[]]
  for (const guest of guests) await befriend(host, guest)
  const group = await host.client.createGroup()
  for (const guest of guests) await group.add(guest.user)
  await Promise.all(guests.map((guest) => guest.until((person) => person.has("joined"))))
  return { people: people as [Person, Person, Person], id: group.id }
}

describe("members of a group", () => {
  test("hear how far their messages came, each thing once, and across restarts", async () => {
    const sends = new Sends()
    const { people, id } = await party(["a", "b", "c"], { b: { fetch: sends.fetch } })
    const [a, b, c] = people
    sends.count = 0
    const numbers = []
    for (const text of ["one", "two", "three"]) numbers.push(await a.client.group(id).send(utf8(text)))
    expect(numbers).toEqual([...numbers].sort((x, y) => x - y))
    for (const person of [b, c]) await person.until((p) => p.heard().length === 3)
    expect(messages(b).map(({ message }) => message)).toEqual(numbers)
    const [first, second, third] = messages(b)
    await b.client.group(id).acknowledge(second!, "delivered")
    await a.until((person) => told(person).length === 1)
    await b.client.group(id).acknowledge(first!, "delivered")
    await b.client.group(id).acknowledge(first!, "read")
    await a.until((person) => told(person).length === 2)
    await b.restart()
    await b.client.group(id).acknowledge(first!, "read")
    await b.client.group(id).acknowledge(third!, "read")
    await b.client.group(id).acknowledge(third!, "delivered")
    await a.until((person) => told(person).length === 3)
    await c.client.group(id).acknowledge(messages(c)[0]!, "read")
    await a.until((person) => told(person).length === 4)
    const [n1, n2, n3] = numbers
    expect(told(a)).toEqual([
      `${b.user}: delivered ${n2}`,
      `${b.user}: read ${n1}`,
      `${b.user}: read ${n3}`,
      `${c.user}: read ${n1}`,
    ])
    await a.say("end")
    await c.until((person) => person.heard().length === 4)
    expect([told(b), told(c)]).toEqual([[], []])
    // Three, and one that was repeated because the restart came before its answer.
    expect(sends.count).toBeLessThanOrEqual(4)
    const wrong = [
      { ...first!, message: 10 ** 6 },
      { ...first!, message: -1 },
      { ...first!, message: 0.5 },
    ]
    for (const name of wrong)
      await expect(b.client.group(id).acknowledge(name, "read")).rejects.toMatchObject({
        code: "client.invalid",
      })
    await b.client.group(id).acknowledge({ client: "00".repeat(32), message: 0 }, "read")
    await Promise.all(people.map((person) => person.stop()))
  }, 30_000)

  test("are told of many messages at once, and of nothing by whoever is to keep it to itself", async () => {
    const sends = new Sends()
    const b = { receiptMilliseconds: 200, deliveryReceipts: true, fetch: sends.fetch }
    const { people, id } = await party(["a", "b", "c"], { b })
    const [host, guest, silent] = people
    sends.count = 0
    for (let i = 0; i < 10; i++) await host.say(`${i}`)
    const last = await host.client.group(id).send(utf8("last"))
    await host.until((person) => told(person).includes(`${guest.user}: delivered ${last}`))
    expect(sends.count).toBe(told(host).length)
    expect(sends.count).toBeLessThan(11)
    await silent.until((person) => person.heard().length === 11)
    expect(told(host).filter((line) => line.startsWith(silent.user))).toEqual([])
    await Promise.all(people.map((person) => person.stop()))
  }, 30_000)

  test("hear of what somebody read who crashed at any write then, once", async () => {
    for (const afterwards of [false, true]) {
      for (const write of [1, 2, 3, 4]) {
        const store = new CrashingStore(memoryStore())
        const { people, id } = await party(["a", "b"], { b: { store } })
        const [a, b] = people
        const number = await a.client.group(id).send(utf8("read this"))
        await b.until((person) => person.heard().length === 1)
        // The event itself is taken off the store first.
        while ((await store.list("event/")).length > 0) await Bun.sleep(1)
        store.crashIn(write, afterwards)
        const done = await b.client
          .group(id)
          .acknowledge(messages(b)[0]!, "read")
          .then(
            () => true,
            () => false,
          )
        await Bun.sleep(50)
        await b.stop()
        store.revive()
        await b.start()
        if (!done) await b.client.group(id).acknowledge(messages(b)[0]!, "read")
        await a.until((person) => told(person).length === 1)
        await b.say("next")
        await a.until((person) => person.heard().length === 1)
        expect(told(a)).toEqual([`${b.user}: read ${number}`])
        await Promise.all([a, b].map((person) => person.stop()))
      }
    }
  }, 60_000)

  test("who come back count anew, and whoever left is told nothing", async () => {
    const { people, id } = await party(["a", "b", "c"])
    const [a, b, c] = people
    await b.say("before")
    for (const person of [a, c]) {
      await person.until((p) => p.heard().length === 1)
      await person.client.group(id).acknowledge(messages(person)[0]!, "read")
    }
    await b.until((person) => told(person).length === 2)
    await a.client.group(id).remove(b.user)
    await b.until((person) => person.has("left"))
    await a.client.group(id).add(b.user)
    await b.until((person) => person.has("joined", 2))
    await b.say("after")
    for (const person of [a, c]) {
      await person.until((p) => p.heard().length === 2)
      await person.client.group(id).acknowledge(messages(person)[1]!, "read")
    }
    await b.until((person) => told(person).length === 4)
    await c.client.group(id).leave()
    await c.until((person) => person.has("left"))
    expect(() => c.client.group(id)).toThrow()
    await Promise.all(people.map((person) => person.stop()))
  }, 30_000)
})

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { ServerClock } from "../../src/client/server-clock.ts"
import { memoryStore } from "../../src/client/store.ts"
import { QueueStream, type QueueStreamOptions } from "../../src/client/stream.ts"
import { type Fetch, type Signer, Transport, type TransportOptions } from "../../src/client/transport.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { as } from "../../src/wire/as.ts"
import { encodeBody } from "../../src/wire/cbor.ts"
import { parseRequest } from "../../src/wire/cose.ts"
import { ds } from "../../src/wire/ds.ts"
import { type ProblemCode, problems } from "../../src/wire/problem.ts"
import { streamClose } from "../../src/wire/queue.ts"
import { CodecError } from "../../src/wire/tls.ts"
import { befriend, Person } from "./people.ts"
import { ServerUnderTest } from "./server.ts"

const seed = crypto.random(32)
const member: Signer = { sender: { kind: "leaf", leaf: 2 }, seed }
const user: Signer = { sender: { kind: "client", id: crypto.random(32) }, seed }
const aliases: Signer[] = [1, 2].map(() => ({ sender: { kind: "alias", id: crypto.random(32) }, seed }))
const send = { groupId: crypto.random(16), earKey: crypto.random(32), message: crypto.random(40) }

/** The device's clock, which stands still unless a test sets it. */
const OWN = Date.UTC(2030, 0, 1, 12)
const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000)
/** What a server says at a time in seconds since 1970; or one whose clock is so many seconds from the device's. */
const told = (time: number) => ({ date: new Date(time * 1000).toUTCString() })
const dated = (ahead: number) => told(seconds(OWN) + ahead)

type Answer = (url: URL) => Response
const yes =
  (headers: Record<string, string>): Answer =>
  () =>
    new Response(encodeBody({}) as Uint8Array<ArrayBuffer>, { headers })
const no =
  (code: ProblemCode, headers: Record<string, string>): Answer =>
  () =>
    Response.json({ code }, { status: problems[code].status, headers })

/** When a body was signed, in seconds since 1970; undefined if it was not. */
function timeOf(body: Uint8Array): number | undefined {
  try {
    return parseRequest(body.subarray(1)).issuedAt
  } catch (error) {
    if (error instanceof CodecError) return undefined
    throw error
  }
}

/** A transport, the times that it signed with in seconds from the device's clock, and how often it asked for the time. */
function device(document: Answer, answers: readonly Answer[], options: Partial<TransportOptions> = {}) {
  const signed: number[] = []
  const it = { own: OWN, asked: 0, signed }
  const transport = new Transport({
    url: "http://server.test",
    crypto,
    signal: new AbortController().signal,
    patienceMilliseconds: 20_000,
    now: () => it.own,
    async fetch(url, { method, body }) {
      if (method !== "POST") {
        it.asked += 1
        return document(url)
      }
      const issuedAt = timeOf(body as Uint8Array)
      if (issuedAt === undefined) return yes(dated(7))(url)
      signed.push(issuedAt - seconds(OWN))
      const answer = answers[signed.length - 1]
      if (answer === undefined) throw new TypeError("no network")
      return answer(url)
    },
    ...options,
  })
  const say = (signer: Signer) =>
    signer === member
      ? transport.call(ds.sendMessage, send, signer)
      : transport.call(as.deleteAlias, {}, signer)
  return Object.assign(it, { transport, say })
}

describe("a signature", () => {
  test("has the server's time from the first one on, however wrong the device's clock is", async () => {
    for (const ahead of [-90, -1, 0, 40, 86_400]) {
      const it = device(yes(dated(ahead)), [yes(dated(ahead))])
      await it.say(member)
      expect(it.signed).toEqual([ahead])
    }
  })

  test("follows the server's clock, and goes back only when it was refused", async () => {
    const answers = [
      yes(dated(15)),
      no("ds.wrong-epoch", dated(20)),
      yes(dated(-60)),
      no("auth.stale", dated(-60)),
    ]
    const it = device(yes(dated(10)), [...answers, yes({})])
    for (let i = 0; i < 4; i++) await it.say(member).catch(() => undefined)
    expect(it.signed).toEqual([10, 15, 20, 20, -60])
    expect(it.asked).toBe(1)
  })

  test("shows nothing of the time that was told to the user, an alias, the pseudonyms or a stranger, but to whom it was", async () => {
    const parts = [user, ...aliases, member]
    const lies = [-70, 30, -20, 50]
    const it = device(
      yes(dated(0)),
      [...lies, ...lies].map((lie) => yes(dated(lie))),
    )
    for (const part of parts) await it.say(part)
    await it.transport.call(as.getCredentials, {}).catch(() => undefined)
    await it.transport.call(as.enqueue, { client: crypto.random(32), message: crypto.random(9) })
    await it.transport.call(ds.requestGroupId, {}).catch(() => undefined)
    expect(it.signed).toEqual([0, 0, 0, 0])
    for (const part of parts) await it.say(part)
    // A time that was told too early is not gone back to.
    expect(it.signed.slice(4)).toEqual([0, 30, 0, 50])
    expect(it.asked).toBe(parts.length)
  })

  test("is not made before the time is known", async () => {
    const down: Answer[] = [
      () => new Response("down", { status: 502, headers: dated(90) }),
      () => {
        throw new TypeError("connection reset")
      },
      yes(dated(5)),
    ]
    const it = device((url) => (down[it.asked - 1] as Answer)(url), [yes({})])
    await it.say(member)
    expect([it.signed, it.asked]).toEqual([[5], 3])
    const never = device(() => new Response("down", { status: 502 }), [], { patienceMilliseconds: 300 })
    await expect(never.say(member)).rejects.toMatchObject({ code: "client.unreachable" })
    expect(never.signed).toEqual([])
  })

  test("has nothing of a clock that was set, or that went on while the device slept: the time is asked for anew", async () => {
    let server = 0
    const it = device(
      () => yes(dated(server))(new URL("http://server.test")),
      Array.from({ length: 6 }, () => yes({})),
    )
    for (const jump of [0, 90_000, -3_600_000, 600, 499]) {
      it.own += jump
      server += 3
      await it.say(member)
    }
    expect(it.signed).toEqual([3, 6, 9, 12, 12])
    expect(it.asked).toBe(4)
  })

  test.each([
    ["no", {}],
    ["an unreadable", { date: "some time ago" }],
  ])("has the device's time as long as a server or proxy says %s date", async (_, headers) => {
    const it = device(yes(headers), [
      yes(headers),
      no("auth.stale", headers),
      yes(dated(4)),
      yes(headers),
      yes(headers),
    ])
    for (let i = 0; i < 4; i++) await it.say(member)
    expect(it.signed).toEqual([0, 0, 0, 4, 4])
    expect(it.asked).toBe(1)
    const informed = device(yes(dated(-4)), [yes(headers), yes(headers)])
    for (let i = 0; i < 2; i++) await informed.say(member)
    expect(informed.signed).toEqual([-4, -4])
  })

  test("is not dated by a proxy that answers while the server is away, nor before 1970", async () => {
    const away: Answer = () => new Response("<html>", { status: 503, headers: dated(100) })
    const it = device(yes(dated(1)), [away, yes(dated(2)), yes({})])
    for (let i = 0; i < 2; i++) await it.say(member)
    expect(it.signed).toEqual([1, 1, 2])
    const early = device(yes({ date: "Wed, 01 Jan 1902 00:00:00 GMT" }), [
      no("auth.stale", dated(0)),
      yes({}),
    ])
    await early.say(member)
    expect(early.signed).toEqual([-seconds(OWN), 0])
  })

  test("is not behind by the time that the body of an answer takes", async () => {
    const slow: Answer = () => {
      const body = new ReadableStream({
        async start(controller) {
          await Bun.sleep(1100)
          controller.enqueue(encodeBody({}))
          controller.close()
        },
      })
      return new Response(body, { headers: dated(10) })
    }
    const began = performance.now()
    const now = () => OWN + performance.now() - began
    const it = device(yes(dated(0)), [slow, yes({})], { now })
    for (let i = 0; i < 2; i++) await it.say(member)
    expect(it.signed[1]).toBeGreaterThanOrEqual(11)
  })

  test("is all that a server's word moves: everything else goes by the device's clock", async () => {
    const it = device(yes(dated(1e9)), [yes(dated(1e9)), no("auth.stale", dated(-1e9)), yes(dated(-1e9))])
    for (const signer of [member, user]) await it.say(signer)
    expect(it.signed.every((time) => Math.abs(time) === 1e9)).toBe(true)
    expect(it.transport.now()).toBe(seconds(OWN))
  })
})

describe("the server's clock as a client knows it", () => {
  test("is behind by no more than a second and the way of an answer's head, and never ahead, whatever the device's is", () => {
    const step = fc.record({ pause: fc.nat(50_000), back: fc.nat(3000), body: fc.nat(30_000) })
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), fc.array(step, { minLength: 1 }), (wrong, steps) => {
        let time = OWN
        const clock = new ServerClock(
          () => time + wrong,
          () => time,
        )
        let way = 0
        let latest = 0
        for (const { pause, back, body } of steps) {
          if (clock.known) {
            const now = clock.now()
            expect(now).toBeLessThanOrEqual(seconds(time))
            expect(now).toBeGreaterThanOrEqual(Math.max(latest, seconds(time - 1000 - way)))
            latest = now
          }
          time += pause
          const header = new Date(time).toUTCString()
          time += back
          const heard = clock.moment()
          time += body
          clock.learn(header, heard)
          way = back
        }
      }),
    )
  })

  test("is asked for after an hour without an answer", () => {
    let time = OWN
    const clock = new ServerClock(
      () => time,
      () => time,
    )
    expect(clock.known).toBe(false)
    clock.learn(new Date(time).toUTCString(), clock.moment())
    time += 3_600_000
    expect(clock.known).toBe(true)
    time += 1
    expect(clock.known).toBe(false)
    clock.learn(null, clock.moment())
    expect(clock.known).toBe(true)
  })
})

describe("a stream", () => {
  type Surroundings = Pick<TransportOptions, "fetch" | "now"> & Partial<Pick<QueueStreamOptions, "webSocket">>
  const streamTo = (url: string, surroundings: Surroundings, { signal }: AbortController) => {
    const { webSocket = (address) => new WebSocket(address), ...time } = surroundings
    return new QueueStream({
      url,
      crypto,
      transport: new Transport({ url, crypto, signal, patienceMilliseconds: 0, ...time }),
      signer: { sender: { kind: "qs-client", id: crypto.random(16) }, seed },
      queueSecretKey: crypto.random(32),
      store: memoryStore(),
      stateKey: "queue",
      signal,
      deliver: async () => undefined,
      webSocket,
    })
  }

  test("that is refused as stale asks for the time anew, and is signed with it even if it is earlier", async () => {
    const abort = new AbortController()
    const signed: number[] = []
    const ahead = [80, -40, -30]
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("{}")),
      websocket: {
        message(socket, frame) {
          signed.push((timeOf(frame as unknown as Uint8Array) as number) - seconds(OWN))
          if (signed.length === ahead.length) abort.abort()
          else socket.close(streamClose.stale)
        },
      },
    })
    const fetch = async () => yes(dated(ahead[signed.length] as number))(server.url)
    await streamTo(server.url.href, { fetch, now: () => OWN }, abort).run()
    await server.stop(true)
    expect(signed).toEqual(ahead)
  })

  test("that is closed while it begins to connect ends at once", async () => {
    const abort = new AbortController()
    const fetch = async () => {
      abort.abort()
      return yes(dated(0))(new URL("http://server.test"))
    }
    const opened: URL[] = []
    const webSocket = (address: URL) => {
      opened.push(address)
      return new WebSocket(address)
    }
    await streamTo("http://127.0.0.1:9", { fetch, now: () => OWN, webSocket }, abort).run()
    expect(opened).toEqual([])
  })
})

test("an AS that lies about the time is told its lies, and neither QS nor DS sees them", async () => {
  const server = new ServerUnderTest()
  await server.start()
  const LIE = 100
  const lags: Record<"as" | "delivery", number[]> = { as: [], delivery: [] }
  const lying: Fetch = async (url, request) => {
    const service = url.pathname.startsWith("/as/") ? "as" : "delivery"
    const issuedAt = request.method === "POST" ? timeOf(request.body as Uint8Array) : undefined
    if (issuedAt !== undefined) lags[service].push(seconds(Date.now()) - issuedAt)
    const answer = await fetch(url, request)
    if (service !== "as") return answer
    const headers = { ...Object.fromEntries(answer.headers), ...told(seconds(Date.now()) - LIE) }
    if (issuedAt !== undefined && lags.as.length === 1) return no("auth.stale", headers)(url)
    return new Response(answer.body, { status: answer.status, headers })
  }
  const a = await Person.register(server, "a", { fetch: lying })
  const b = await Person.register(server, "b")
  await befriend(a, b)
  await a.client.pollConnectionRequests()
  await (await a.client.createGroup()).add(b.user)
  await b.until((person) => person.has("joined"))
  await Promise.all([a, b].map((person) => person.stop()))
  await server.end()
  const [, ...lied] = lags.as
  expect(lied.length).toBeGreaterThan(3)
  expect(lied.filter((lag) => lag < LIE)).toEqual([])
  expect(lags.delivery.length).toBeGreaterThan(3)
  expect(lags.delivery.filter((lag) => lag > LIE / 2)).toEqual([])
}, 60_000)

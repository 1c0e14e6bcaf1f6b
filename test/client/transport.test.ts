import { describe, expect, test } from "bun:test"
import { Transport, type TransportOptions } from "../../src/client/transport.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { as } from "../../src/wire/as.ts"
import { decodeCbor, encodeBody } from "../../src/wire/cbor.ts"
import { externalAad, parseRequest } from "../../src/wire/cose.ts"
import { ds } from "../../src/wire/ds.ts"
import { type ProblemCode, problems } from "../../src/wire/problem.ts"

const groupId = new Uint8Array(16).fill(3)
const seed = crypto.random(32)
const signer = { sender: { kind: "leaf", leaf: 2 }, seed } as const
const send = { groupId, earKey: crypto.random(32), message: crypto.random(40) }

type Answer = () => Response

interface Seen {
  readonly url: URL
  readonly request: RequestInit
  readonly body: Uint8Array
}

/** A transport whose network answers with what is given, in turn, and remembers the requests. */
function scripted(answers: readonly Answer[], options: Partial<TransportOptions> = {}) {
  const seen: Seen[] = []
  const abort = new AbortController()
  const transport = new Transport({
    url: "http://server.test",
    crypto,
    signal: abort.signal,
    patienceMilliseconds: 20_000,
    ...options,
    async fetch(url, request) {
      if (request.method !== "POST")
        return new Response("{}", { headers: { date: new Date().toUTCString() } })
      seen.push({ url, request, body: new Uint8Array(request.body as Uint8Array<ArrayBuffer>) })
      const answer = answers[seen.length - 1]
      if (answer === undefined) throw new TypeError("no network")
      return answer()
    },
  })
  return { transport, seen, abort }
}

function problem(code: ProblemCode, headers: Record<string, string> = {}): Answer {
  return () =>
    Response.json({ code, type: `urn:cinder:problem:${code}` }, { status: problems[code].status, headers })
}

const done: Answer = () => new Response(encodeBody({}) as Uint8Array<ArrayBuffer>)
const lost: Answer = () => {
  throw new TypeError("connection reset")
}

describe("a signed call", () => {
  test("is one COSE_Sign1 over its parameters, and nothing of it is in URL or headers", async () => {
    const { transport, seen } = scripted([done])
    await transport.call(ds.sendMessage, send, signer)
    const [{ url, request, body }] = seen as [Seen]
    expect(url.href).toBe("http://server.test/ds/send-message")
    expect(request.headers).toEqual({ "content-type": "application/cbor" })
    const parsed = parseRequest(body.subarray(1))
    expect(parsed.verify(crypto, crypto.ed25519Public(seed), externalAad("POST", "/ds/send-message"))).toBe(
      true,
    )
    expect(decodeCbor(parsed.payload)).toEqual(send)
    expect(new TextDecoder().decode(parsed.kid)).toBe("leaf:2")
  })

  test("is repeated under a new nonce when the answer is lost, and refusals after that are marked", async () => {
    const { transport, seen } = scripted([lost, problem("server.overloaded"), problem("ds.wrong-epoch")])
    const refusal = transport.call(ds.sendMessage, send, signer)
    await expect(refusal).rejects.toMatchObject({ code: "ds.wrong-epoch", ambiguous: true })
    const nonces = seen.map(({ body }) => Buffer.from(parseRequest(body.subarray(1)).nonce).toString("hex"))
    expect(new Set(nonces).size).toBe(3)
  })

  test("is signed with the server's time after the server found it stale", async () => {
    const server = Math.floor(Date.now() / 1000) - 5_000
    const date = new Date(server * 1000).toUTCString()
    const { transport, seen } = scripted([problem("auth.stale", { date }), done])
    await transport.call(ds.sendMessage, send, signer)
    const issued = parseRequest((seen[1] as Seen).body.subarray(1)).issuedAt
    expect(Math.abs(issued - server)).toBeLessThan(30)
  })

  test("gives up when it stays stale", async () => {
    const { transport, seen } = scripted(Array.from({ length: 10 }, () => problem("auth.stale")))
    await expect(transport.call(ds.sendMessage, send, signer)).rejects.toMatchObject({ code: "auth.stale" })
    expect(seen.length).toBeLessThan(10)
  }, 30_000)
})

describe("a call", () => {
  test("that is refused at once is not ambiguous, and is not repeated", async () => {
    const { transport, seen } = scripted([problem("ds.wrong-epoch"), done])
    const refusal = transport.call(ds.sendMessage, send, signer)
    await expect(refusal).rejects.toMatchObject({ code: "ds.wrong-epoch", ambiguous: false })
    expect(seen).toHaveLength(1)
  })

  test("to the AS leaves no connection behind that another service's call could use", async () => {
    const credentials = () =>
      new Response(
        encodeBody({
          credentials: [],
          endorsements: [],
          intermediates: [],
          revoked: [],
          aliasSalt: new Uint8Array(32),
        }) as Uint8Array<ArrayBuffer>,
      )
    const { transport, seen } = scripted([credentials, done])
    await transport.call(as.getCredentials, {})
    await transport.call(ds.sendMessage, send, signer)
    expect(seen.map(({ request }) => request.keepalive)).toEqual([false, true])
  })

  test("ends when patience does", async () => {
    const { transport } = scripted([], { patienceMilliseconds: 400 })
    await expect(transport.call(as.getCredentials, {})).rejects.toMatchObject({ code: "client.unreachable" })
  })

  test("ends when the client is closed", async () => {
    const { transport, abort } = scripted([])
    const call = transport.call(as.getCredentials, {})
    abort.abort()
    await expect(call).rejects.toMatchObject({ code: "client.closed" })
  })

  test.each([
    ["no CBOR", new Uint8Array([1, 0xff])],
    ["another version", new Uint8Array([2, 0xa0])],
    ["trailing bytes", new Uint8Array([1, 0xa0, 0])],
    ["another shape", encodeBody({ groupId: 7 })],
    ["a wrong length", encodeBody({ groupId: new Uint8Array(15) })],
  ])("refuses an answer that is %s", async (_name, bytes) => {
    const { transport } = scripted([() => new Response(bytes as Uint8Array<ArrayBuffer>)])
    const call = transport.call(ds.requestGroupId, {})
    await expect(call).rejects.toMatchObject({ code: "client.unexpected-response" })
  })

  test("does not believe a refusal whose code it does not know", async () => {
    const { transport } = scripted([() => Response.json({ code: "toString" }, { status: 400 })])
    const call = transport.call(ds.requestGroupId, {})
    await expect(call).rejects.toMatchObject({ code: "client.unexpected-response" })
  })
})

describe("a call that costs a token", () => {
  /** Gives numbered tokens, and remembers what became of them. */
  function numbered(transport: Transport) {
    const events: string[] = []
    let number = 0
    transport.payWith({
      async take(service) {
        events.push(`${service} ${++number}`)
        return `PrivateToken token="${number}"`
      },
      async refused(service, code) {
        events.push(`${service} ${code}`)
      },
    })
    return events
  }
  const payments = (seen: readonly Seen[]) =>
    seen.map(({ request }) => new Headers(request.headers).get("authorization"))

  test("has one of the service that it goes to, and a free one has none", async () => {
    const { transport, seen } = scripted([done, done, done])
    const events = numbered(transport)
    await transport.call(ds.sendMessage, send, signer)
    await transport.call(as.enqueue, { client: new Uint8Array(32), message: new Uint8Array(1) })
    await transport.call(as.getCredentials, {}).catch(() => undefined)
    expect(events).toEqual(["delivery 1", "as 2"])
    expect(payments(seen)).toEqual(['PrivateToken token="1"', 'PrivateToken token="2"', null])
  })

  test("takes another one for each repetition, whether the answer was lost or the token refused", async () => {
    const answers = [
      lost,
      problem("token.spent"),
      problem("server.overloaded"),
      problem("token.refused"),
      done,
    ]
    const { transport, seen } = scripted(answers)
    const events = numbered(transport)
    await transport.call(ds.sendMessage, send, signer)
    expect(new Set(payments(seen)).size).toBe(5)
    expect(events.filter((event) => event.includes("token."))).toEqual([
      "delivery token.spent",
      "delivery token.refused",
    ])
  })

  test("gives up when its tokens keep being refused", async () => {
    const { transport, seen } = scripted(Array.from({ length: 20 }, () => problem("token.refused")))
    numbered(transport)
    const call = transport.call(ds.sendMessage, send, signer)
    await expect(call).rejects.toMatchObject({ code: "token.refused" })
    expect(seen).toHaveLength(4)
  })
})

test("in Bun, requests to the AS have connections of their own", async () => {
  const ports: { service: string; port: number }[] = []
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, self) {
      const service = new URL(request.url).pathname.split("/")[1] ?? ""
      ports.push({ service, port: self.requestIP(request)?.port ?? 0 })
      const answer =
        service === "as"
          ? {
              credentials: [],
              endorsements: [],
              intermediates: [],
              revoked: [],
              aliasSalt: new Uint8Array(32),
            }
          : {}
      return new Response(encodeBody(answer) as Uint8Array<ArrayBuffer>)
    },
  })
  const transport = new Transport({
    url: server.url.href,
    crypto,
    signal: new AbortController().signal,
    patienceMilliseconds: 5_000,
    fetch: (url, request) => fetch(url, request),
  })
  for (let i = 0; i < 5; i++) {
    await transport.call(ds.sendMessage, send, signer)
    await transport.call(as.getCredentials, {})
  }
  await server.stop(true)
  const portsOf = (service: string): Set<number> =>
    new Set(ports.filter((entry) => entry.service === service).map(({ port }) => port))
  expect(portsOf("as").size).toBe(5)
  expect(portsOf("as").isDisjointFrom(portsOf("ds"))).toBe(true)
})

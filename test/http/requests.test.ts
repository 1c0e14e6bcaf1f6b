import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import fc from "fast-check"
import { readBody } from "../../src/http/body.ts"
import { encodeBody } from "../../src/wire/cbor.ts"
import {
  answerOf,
  echoBody,
  endpoints,
  post,
  raw,
  resultOf,
  SECRET_IN_ERROR,
  seen,
  startEdge,
  type TestEdge,
} from "./fixture.ts"

let server: TestEdge
beforeAll(() => {
  server = startEdge()
})
afterAll(async () => await server.edge.stop())

const bytes = Uint8Array.of(1, 2, 3)
const alive = async () => expect(await (await fetch(`${server.url}/health`)).text()).toBe("ok")

describe("a well-formed request", () => {
  test("is answered with canonical CBOR that nobody keeps", async () => {
    const answer = await post(server.url, "/test/echo", echoBody(bytes))
    expect(answer.status).toBe(200)
    expect(answer.headers.get("content-type")).toBe("application/cbor")
    expect(answer.headers.get("cache-control")).toBe("no-store")
    expect(answer.headers.get("access-control-allow-origin")).toBe("*")
    expect(answer.headers.get("server")).toBeNull()
    expect(resultOf(answer)).toEqual({ bytes })
  })

  test("leaves nothing in its buffer", async () => {
    await post(server.url, "/test/echo", echoBody(bytes))
    expect(seen.bytes).toEqual(new Uint8Array(3))
  })

  test("may come in chunks and with parameters of the media type", async () => {
    const stream = new ReadableStream({
      async start(controller) {
        for (const byte of echoBody(bytes)) {
          controller.enqueue(Uint8Array.of(byte))
          await Bun.sleep(1)
        }
        controller.close()
      },
    })
    const response = await fetch(`${server.url}/test/echo`, {
      method: "POST",
      body: stream,
      headers: { "content-type": "application/cbor; charset=binary" },
    })
    expect(resultOf(await answerOf(response))).toEqual({ bytes })
  })
})

describe("refusals have a stable code and echo nothing", () => {
  const marker = "5ecre7ma2ke2"
  const valid = echoBody(bytes)
  const cases: readonly (readonly [
    name: string,
    path: string,
    body: Uint8Array | string,
    status: number,
    code: string,
  ])[] = [
    ["no body", "/test/echo", "", 400, "request.malformed"],
    ["text", "/test/echo", marker, 400, "request.malformed"],
    ["JSON", "/test/echo", JSON.stringify({ bytes: marker }), 400, "request.malformed"],
    ["another version", "/test/echo", Uint8Array.of(2, ...valid.subarray(1)), 400, "request.malformed"],
    ["truncated", "/test/echo", valid.subarray(0, -1), 400, "request.malformed"],
    ["trailing bytes", "/test/echo", Uint8Array.of(...valid, 0), 400, "request.malformed"],
    ["an unknown member", "/test/echo", encodeBody({ bytes, more: marker }), 400, "request.malformed"],
    ["a missing member", "/test/echo", encodeBody({}), 400, "request.malformed"],
    ["a wrong type", "/test/echo", encodeBody({ bytes: marker }), 400, "request.malformed"],
    ["unsigned where a signature is needed", "/test/signed", valid, 400, "request.malformed"],
    [
      "one byte too many",
      "/test/echo",
      new Uint8Array(endpoints.echo.bodyBytesMax + 1),
      413,
      "request.too-large",
    ],
    ["far too many bytes", "/test/echo", new Uint8Array(1024 * 1024), 413, "request.too-large"],
    ["an unknown path", `/test/${marker}`, valid, 404, "request.not-found"],
    ["a trailing slash", "/test/echo/", valid, 404, "request.not-found"],
    ["an encoded path", "/test/%65cho", valid, 404, "request.not-found"],
    ["a query", `/test/echo?${marker}`, valid, 404, "request.not-found"],
    ["POST to a document", "/document", valid, 405, "request.wrong-method"],
  ]
  for (const [name, path, body, status, code] of cases) {
    test(name, async () => {
      const answer = await post(server.url, path, body)
      expect([answer.status, answer.code]).toEqual([status, code])
      expect(answer.headers.get("cache-control")).toBe("no-store")
      expect(Buffer.from(answer.body).toString()).not.toContain(marker)
      expect(JSON.stringify([...answer.headers])).not.toContain(marker)
    })
  }

  test("wrong media type, and none", async () => {
    for (const type of ["application/json", "text/plain", "application/cborx", "multipart/form-data"]) {
      const answer = await post(server.url, "/test/echo", valid, { "content-type": type })
      expect([answer.status, answer.code]).toEqual([415, "request.wrong-media-type"])
    }
  })

  test("wrong method", async () => {
    for (const method of ["GET", "PUT", "DELETE", "PATCH", "HEAD"]) {
      const response = await fetch(`${server.url}/test/echo`, { method })
      expect(response.status).toBe(405)
      expect(response.headers.get("allow")).toContain("POST")
    }
  })

  test("a body in chunks that grows too large", async () => {
    const chunk = `1000\r\n${"x".repeat(4096)}\r\n`
    const head =
      "POST /test/echo HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/cbor\r\nTransfer-Encoding: chunked\r\n\r\n"
    expect(await raw(server.port, head, chunk, chunk)).toContain("request.too-large")
  })

  test("a connection that ends in the middle of a body", async () => {
    const head =
      "POST /test/echo HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/cbor\r\nContent-Length: 100\r\n\r\n"
    const socket = await Bun.connect({ hostname: "127.0.0.1", port: server.port, socket: { data() {} } })
    socket.write(`${head}abc`)
    await Bun.sleep(30)
    socket.terminate()
    await alive()
  })

  test("any other bytes: never an internal error", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("/test/echo", "/test/signed"),
        fc.uint8Array({ maxLength: 200 }),
        async (path, body) => {
          const answer = await post(server.url, path, Uint8Array.of(1, ...body))
          expect(["ok", "request.malformed", "auth.stale"]).toContain(answer.code)
        },
      ),
      { numRuns: 150 },
    )
  })
})

describe("the Host header", () => {
  const request = (path: string, host: string) =>
    `POST ${path} HTTP/1.1\r\n${host}Content-Type: application/cbor\r\nContent-Length: 7\r\n\r\n\x01\xa1\x65bytes`

  test("cannot change which path is matched", async () => {
    for (const host of [
      "evil/test/echo?",
      "evil/test/echo#",
      "a@b/test/echo",
      "a\\b",
      "a b",
      "",
      "a:b",
      "a..b",
      "[::1",
      "%61",
    ]) {
      expect(await raw(server.port, request("/none", `Host: ${host}\r\n`))).not.toContain("200 OK")
      const answer = await raw(server.port, request("/test/echo", `Host: ${host}\r\n`))
      expect(answer).toContain("400 Bad Request")
    }
  })

  test("may be short, an address, or have a port", async () => {
    for (const host of ["a", "a.b", "127.0.0.1:1", "[::1]:8080", "localhost", "xn--bcher-kva.example:443"]) {
      const answer = await raw(server.port, request("/test/echo", `Host: ${host}\r\n`))
      expect(answer).toContain("request.malformed")
    }
  })

  test("is needed", async () => {
    expect(await raw(server.port, request("/test/echo", ""))).toContain("400 Bad Request")
    const old = request("/test/echo", "").replace("HTTP/1.1", "HTTP/1.0")
    expect(await raw(server.port, old)).toContain("request.bad-host")
  })

  test("is what counts where the request names an address of its own", async () => {
    expect(await raw(server.port, request("http://x/test/echo", "Host: a.b\r\n"))).toContain(
      "request.malformed",
    )
    expect(await raw(server.port, request("http://x/none", "Host: a.b\r\n"))).toContain("request.not-found")
    expect(
      await raw(server.port, request("/none", "Host: a.b\r\nX-Forwarded-Host: b/test/echo\r\n")),
    ).toContain("request.not-found")
  })
})

test("bytes that are not HTTP are refused and change nothing", async () => {
  for (const text of [
    "GARBAGE\r\n\r\n",
    "\x00\x01\x02\r\n\r\n",
    "POST / HTTP/9\r\n\r\n",
    "GET /\r\nHost: a\r\n\r\n",
  ]) {
    expect(await raw(server.port, text)).not.toContain("200 OK")
  }
  await alive()
})

describe("a handler's error", () => {
  const fail = async (what: string) => await post(server.url, "/test/fail", encodeBody({ what }))

  test("that is a refusal is told with its rule", async () => {
    const answer = await fail("problem")
    expect(JSON.parse(Buffer.from(answer.body).toString())).toEqual({
      type: "urn:cinder:problem:ds.invalid-message",
      title: "The MLS message breaks a validation rule.",
      status: 400,
      code: "ds.invalid-message",
      rule: "DS-VAL-001",
    })
  })

  test("that is overload says when to come back", async () => {
    const answer = await fail("overloaded")
    expect([answer.status, answer.code, answer.headers.get("retry-after")]).toEqual([
      503,
      "server.overloaded",
      "1",
    ])
  })

  test("that is a defect reaches neither the answer nor the report", async () => {
    for (const what of ["conflict", "error", "string", "nothing"]) {
      const answer = await fail(what)
      expect([answer.status, answer.code]).toEqual([500, "server.internal"])
      expect(Buffer.from(answer.body).toString()).not.toContain(SECRET_IN_ERROR)
    }
    const report = server.reports.join("\n")
    expect(report).toContain("fault: Error\n")
    expect(report).not.toContain(SECRET_IN_ERROR)
    await alive()
  })
})

describe("more requests than the server takes at a time", () => {
  test("are refused, to be repeated; those before are answered", async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const small = startEdge({ admission: { inFlightMax: 3 }, gate })
    const answers = Array.from(
      { length: 5 },
      async () => await post(small.url, "/test/echo", echoBody(bytes)),
    )
    const refused = [await Promise.race(answers)]
    expect(refused[0]?.code).toBe("server.overloaded")
    expect(refused[0]?.headers.get("retry-after")).toBe("1")
    open()
    const codes = (await Promise.all(answers)).map(({ code }) => code).sort()
    expect(codes).toEqual(["ok", "ok", "ok", "server.overloaded", "server.overloaded"])
    expect((await post(small.url, "/test/echo", echoBody(bytes))).code).toBe("ok")
    await small.edge.stop()
  })

  test("are refused too while many have been waiting for long, and taken again when those are answered", async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const patient = startEdge({ admission: { waitingMax: 2, patienceMilliseconds: 0 }, gate })
    const ask = async () => (await post(patient.url, "/test/echo", echoBody(bytes))).code
    const waiting = [ask()]
    // One that waits is not many.
    await Bun.sleep(30)
    waiting.push(ask())
    while ((await Promise.race([ask(), Bun.sleep(30)])) !== "server.overloaded") await Bun.sleep(1)
    open()
    expect((await Promise.all(waiting)).every((code) => code === "ok")).toBe(true)
    expect(await ask()).toBe("ok")
    await patient.edge.stop()
  })

  test("are not those whose senders are slow: as many as there may be have nobody refused, and nobody wait", async () => {
    const limits = { atWorkMax: 2, waitingMax: 2, patienceMilliseconds: 0 }
    const patient = startEdge({ admission: limits })
    const head =
      "POST /test/echo HTTP/1.1\r\nHost: a.b\r\nContent-Type: application/cbor\r\nContent-Length: 500\r\n\r\n"
    const slow = await Promise.all(
      Array.from({ length: 20 }, () =>
        Bun.connect({ hostname: "127.0.0.1", port: patient.port, socket: { data() {} } }),
      ),
    )
    for (const socket of slow) {
      socket.write(`${head}a`)
      socket.flush()
    }
    await Bun.sleep(50)
    for (let i = 0; i < 5; i++)
      expect((await post(patient.url, "/test/echo", echoBody(bytes))).code).toBe("ok")
    for (const socket of slow) socket.end()
    await patient.edge.stop()
  })

  test("a stopping server answers what it has begun, and nothing new", async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const stopping = startEdge({ gate })
    seen.bytes = undefined
    const begun = post(stopping.url, "/test/echo", echoBody(bytes))
    while (seen.bytes === undefined) await Bun.sleep(1)
    const stopped = stopping.edge.stop()
    const late = post(stopping.url, "/test/echo", echoBody(bytes)).then(
      ({ code }) => code,
      () => "unreachable",
    )
    await Bun.sleep(30)
    open()
    expect((await begun).code).toBe("ok")
    expect(["server.overloaded", "unreachable"]).toContain(await late)
    await stopped
  })
})

test("a body that does not arrive in time is refused", async () => {
  for (const headers of [{ "content-length": "9" }, {}]) {
    const body = new ReadableStream({ start: (controller) => controller.enqueue(Uint8Array.of(1)) })
    const request = new Request("http://a.example", { method: "POST", body, headers: headers as HeadersInit })
    await expect(readBody(request, 100, 0.02)).rejects.toThrow("request.malformed")
  }
})

test("documents are public JSON", async () => {
  const response = await fetch(`${server.url}/document`)
  expect(response.headers.get("content-type")).toBe("application/json")
  expect(await response.json()).toEqual({ a: 1 })
})

import { afterAll, beforeAll, expect, test } from "bun:test"
import { echoBody, startEdge, type TestEdge } from "./fixture.ts"

/** What browsers let a page of another origin do and read (Fetch standard, CORS protocol). */

const ORIGIN = "https://app.example"
let server: TestEdge
beforeAll(() => {
  server = startEdge()
})
afterAll(async () => await server.edge.stop())

function ask(path: string, request: RequestInit = {}): Promise<Response> {
  return fetch(`${server.url}${path}`, { ...request, headers: { origin: ORIGIN, ...request.headers } })
}

const cbor = { "content-type": "application/cbor" }
const bytes = new Uint8Array(3)

test("a browser that asks may send requests as the library makes them, for a day, and no credentials", async () => {
  for (const path of ["/test/echo", "/document", "/health"]) {
    const answer = await ask(path, {
      method: "OPTIONS",
      headers: {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
      },
    })
    expect(answer.status).toBe(204)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, POST",
      "access-control-allow-headers": "content-type, authorization",
      "access-control-max-age": "86400",
    })
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull()
  }
})

test("a browser is not told of paths that do not exist", async () => {
  expect((await ask("/none", { method: "OPTIONS" })).status).toBe(404)
})

test("every answer and every refusal can be read by pages of any origin, with the headers that the library needs", async () => {
  const answers: readonly [status: number, answer: Response][] = [
    [
      200,
      await ask("/test/echo", {
        method: "POST",
        headers: cbor,
        body: echoBody(bytes) as Uint8Array<ArrayBuffer>,
      }),
    ],
    [200, await ask("/document")],
    [200, await ask("/health")],
    [400, await ask("/test/echo", { method: "POST", headers: cbor, body: bytes })],
    [413, await ask("/test/echo", { method: "POST", headers: cbor, body: new Uint8Array(5000) })],
    [415, await ask("/test/echo", { method: "POST", body: "text" })],
    [404, await ask("/none", { method: "POST" })],
    [404, await ask("/document?x")],
    [405, await ask("/test/echo")],
    [400, await ask("/health", { headers: { host: "bad host" } })],
  ]
  for (const [status, { status: given, headers }] of answers) {
    expect(given).toBe(status)
    expect(headers.get("access-control-allow-origin")).toBe("*")
    expect(headers.get("access-control-expose-headers")).toBe("date, retry-after, www-authenticate")
    expect(headers.get("access-control-allow-credentials")).toBeNull()
    expect(headers.get("set-cookie")).toBeNull()
  }
})

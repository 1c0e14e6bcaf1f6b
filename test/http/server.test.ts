import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { Value } from "@sinclair/typebox/value"
import { version } from "../../package.json"
import { as } from "../../src/wire/as.ts"
import { fromHex, toHex } from "../../src/wire/bytes.ts"
import { decodeCbor, encodeBody } from "../../src/wire/cbor.ts"
import { ds } from "../../src/wire/ds.ts"
import { problems } from "../../src/wire/problem.ts"
import { qs } from "../../src/wire/qs.ts"
import { type ServerProcess, serve, temporaryDirectory } from "../cli/process.ts"
import { createQueueOwner, dequeue, dequeueBody, type QueueOwner } from "./client.ts"
import { post, raw } from "./fixture.ts"

/** What is tested here are requests without tokens. */
const free = ["--rate-limit", "off"] as const
const WARNING = "cinder: rate-limit is off: strangers can use up what this server offers\n"

let server: ServerProcess
beforeAll(async () => {
  server = await serve(
    join(temporaryDirectory(), "data"),
    ...free,
    "--public-url",
    "https://chat.example.org",
  )
})
afterAll(async () => {
  const { code, stdout, stderr } = await server.end("SIGTERM")
  expect([code, stderr]).toEqual([0, WARNING])
  expect(stdout.trim().split("\n")).toHaveLength(2)
})

const endpoints = [as, ds, qs].flatMap((table) => Object.values(table))

/** What the OpenAPI document says of a body. */
interface Body {
  readonly content: {
    readonly "application/cbor": {
      readonly examples: { readonly smallest: { readonly value: object; readonly "x-cbor": string } }
    }
  }
}
type Described = { readonly requestBody: Body; readonly responses: { readonly "200": Body } }

function inHex(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, member) => (member instanceof Uint8Array ? toHex(member) : member)),
  )
}

const newOwner = async (url: string) => (await createQueueOwner(url)) as QueueOwner

describe("every operation of a real server", () => {
  const hostile: readonly (readonly [string, Uint8Array])[] = [
    ["nothing", new Uint8Array(0)],
    ["a version alone", Uint8Array.of(1)],
    ["another version", Uint8Array.of(2, 0xa0)],
    ["an array", encodeBody([])],
    ["deep nesting", Uint8Array.of(1, ...new Uint8Array(5000).fill(0x81), 0xa0)],
    ["a promise of much", Uint8Array.of(1, 0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
    ["members that are not its own", encodeBody({ hello: "world" })],
    ["an indefinite length", Uint8Array.of(1, 0xbf, 0xff)],
    ["not the shortest form", Uint8Array.of(1, 0xb8, 0)],
    ["trailing bytes", Uint8Array.of(1, 0xa0, 0)],
  ]
  for (const endpoint of endpoints) {
    test(`${endpoint.name} refuses what is not a request`, async () => {
      for (const [name, body] of hostile) {
        expect([name, (await post(server.url, endpoint.path, body)).code]).toEqual([
          name,
          "request.malformed",
        ])
      }
      const large = await post(server.url, endpoint.path, new Uint8Array(endpoint.bodyBytesMax + 1))
      expect(large.code).toBe("request.too-large")
      expect((await fetch(server.url + endpoint.path)).status).toBe(405)
    })
  }
})

describe("a signed request to a real server", () => {
  test("by its owner is answered, again not", async () => {
    const owner = await newOwner(server.url)
    const body = dequeueBody(owner)
    expect((await post(server.url, qs.dequeue.path, body)).code).toBe("ok")
    expect((await post(server.url, qs.dequeue.path, body)).code).toBe("auth.replayed")
  })

  test("by nobody, or by somebody else, is refused with the same bytes", async () => {
    const owner = await newOwner(server.url)
    const wrongKey = await post(
      server.url,
      qs.dequeue.path,
      dequeueBody({ ...owner, seed: new Uint8Array(32) }),
    )
    const unknown = await post(server.url, qs.dequeue.path, dequeueBody({ ...owner, id: new Uint8Array(16) }))
    expect(wrongKey.code).toBe("auth.refused")
    expect(unknown.body).toEqual(wrongKey.body)
    expect([...unknown.headers].filter(([name]) => name !== "date")).toEqual(
      [...wrongKey.headers].filter(([name]) => name !== "date"),
    )
  })
})

describe("a restart", () => {
  test("by SIGKILL lets no accepted request in again", async () => {
    const data = join(temporaryDirectory(), "data")
    const before = await serve(data, ...free)
    const owner = await newOwner(before.url)
    const accepted = dequeueBody(owner)
    expect((await post(before.url, qs.dequeue.path, accepted)).code).toBe("ok")
    await before.end("SIGKILL")

    const after = await serve(data, ...free)
    expect((await post(after.url, qs.dequeue.path, accepted)).code).toBe("auth.stale")
    expect((await dequeue(after.url, owner)).code).toBe("ok")
    await after.end("SIGTERM")
  })

  test("under load, by SIGTERM or SIGKILL, loses nothing that was answered with yes", async () => {
    const data = join(temporaryDirectory(), "data")
    for (const signal of ["SIGTERM", "SIGKILL", "SIGTERM"] as const) {
      const target = await serve(data, ...free)
      const yes: QueueOwner[] = []
      let running = true
      const load = Array.from({ length: 8 }, async () => {
        while (running) {
          const owner = await createQueueOwner(target.url)
          if (owner === undefined) break
          yes.push(owner)
        }
      })
      while (yes.length < 60) await Bun.sleep(1)
      const { code, stderr } = await target.end(signal)
      running = false
      await Promise.all(load)
      expect([code === 0, stderr]).toEqual([signal === "SIGTERM", WARNING])

      const again = await serve(data, ...free)
      const codes = new Set<string>()
      for (const owner of yes) codes.add((await dequeue(again.url, owner)).code)
      expect([...codes]).toEqual(["ok"])
      await again.end("SIGTERM")
    }
  })
})

describe("public documents", () => {
  test("discovery names the services", async () => {
    expect(await (await fetch(`${server.url}/.well-known/phoenix`)).json()).toEqual({
      version: 1,
      domain: "example.org",
      as: { url: "https://chat.example.org" },
      ds: { url: "https://chat.example.org" },
      qs: { url: "https://chat.example.org", stream: "wss://chat.example.org/qs/stream" },
    })
  })

  test("the OpenAPI document has an example of all parameters and answers, each of which is one", async () => {
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
      paths: Readonly<Record<string, { post: Described }>>
    }
    for (const { path, params, result } of endpoints) {
      const { requestBody, responses } = (document.paths[path] as { post: Described }).post
      for (const [schema, { content }] of [
        [params, requestBody],
        [result, responses["200"]],
      ] as const) {
        const { value, "x-cbor": encoded } = content["application/cbor"].examples.smallest
        const decoded = decodeCbor(fromHex(encoded))
        expect(Value.Check(schema, decoded)).toBe(true)
        expect(inHex(decoded)).toEqual(value)
      }
    }
  })

  test("the page for people names every operation with its refusals, and loads nothing", async () => {
    const answer = await fetch(`${server.url}/openapi.html`)
    expect(answer.headers.get("content-type")).toBe("text/html;charset=utf-8")
    const page = await answer.text()
    for (const { name, path, problems: own } of endpoints) {
      const section = page.split(`<section id="${name}">`)[1]?.split("</section>")[0]
      expect(section).toContain(`<code>POST ${path}</code>`)
      for (const code of own) expect(section).toContain(`<code>${code}</code>`)
    }
    expect(page).not.toMatch(/<(script|link|img|iframe)|src=|url\(|@import/)
    expect(page.match(/href="([^"#][^"]*)"/g)).toEqual(['href="/openapi.json"'])
  })

  test("the OpenAPI document describes every operation, and only with references that resolve", async () => {
    const text = await (await fetch(`${server.url}/openapi.json`)).text()
    const document = JSON.parse(text)
    expect(document.openapi).toBe("3.1.0")
    expect(document.info.version).toBe(version)
    expect(Object.keys(document.paths).sort()).toEqual(
      [...endpoints.map(({ path }) => path), "/qs/stream"].sort(),
    )
    expect(text).not.toContain('"Uint8Array"')
    for (const [reference, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
      expect([reference, name && name in document.components.schemas]).toEqual([reference, true])
    expect(document.components.schemas.Problem.properties.code.enum).toEqual(Object.keys(problems))
    for (const { name, path, sender, token, problems: own } of endpoints) {
      const operation = document.paths[path].post
      expect(operation.operationId).toBe(name)
      const required = { ...(sender !== "none" && { COSE_Sign1: [] }), ...(token && { PrivateToken: [] }) }
      expect(operation.security).toEqual(Object.keys(required).length === 0 ? [] : [required])
      expect(operation.requestBody.content["application/cbor"].schema.type).toBe("object")
      expect(operation.responses["200"].content["application/cbor"].schema.type).toBe("object")
      const described = JSON.stringify(operation.responses)
      for (const code of [
        ...own,
        ...(token ? ["token.spent"] : []),
        "request.malformed",
        "server.overloaded",
      ])
        expect(described).toContain(`\`${code}\``)
      for (const response of Object.values(operation.responses) as { description?: string }[])
        expect(response.description).toBeTruthy()
    }
  })
})

test("garbage on the wire does not end the process", async () => {
  for (const text of [
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\r\n\r\n\r\n",
  ])
    await raw(server.port, text)
  expect((await fetch(`${server.url}/health`)).status).toBe(200)
})

import { afterAll, beforeAll, expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { concat, utf8 } from "../../src/wire/bytes.ts"
import { encodeBody, encodeCbor } from "../../src/wire/cbor.ts"
import { externalAad, signRequest } from "../../src/wire/cose.ts"
import type { Sender } from "../../src/wire/endpoint.ts"
import { Homeserver } from "./homeserver.ts"
import { Neighbour } from "./hostile/neighbour.ts"
import type { Identity } from "./hostile/siege.ts"

/**
 * What somebody can do who knows nothing but the server's OpenAPI document and has registered: requests of every operation,
 * made of its schema, signed by whom it says. Most are well-formed and senseless, some have one part of another kind.
 */

/** Of each operation. */
const RUNS = 100
/** Longest byte strings and lists that are tried; bounds are attacked elsewhere. */
const BYTES_MAX = 512
const ITEMS_MAX = 3

interface Schema {
  readonly type?: string
  readonly format?: string
  readonly const?: string
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly "x-bytes-min"?: number
  readonly "x-bytes-max"?: number
}

interface Operation {
  readonly operationId: string
  readonly description: string
  readonly security: readonly Readonly<Record<string, unknown>>[]
  readonly requestBody: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
  readonly responses: Readonly<Record<string, { readonly description: string }>>
}

function anyValue(schema: Schema): fc.Arbitrary<unknown> {
  const { properties, items, anyOf } = schema
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(anyValue))
  if (properties !== undefined)
    return fc.record(
      Object.fromEntries(Object.entries(properties).map(([name, member]) => [name, anyValue(member)])),
    )
  if (items !== undefined) {
    const { minItems: minLength = 0, maxItems = ITEMS_MAX } = schema
    return fc.array(anyValue(items), {
      minLength,
      maxLength: Math.max(minLength, Math.min(maxItems, ITEMS_MAX)),
    })
  }
  if (schema.format === "cbor-byte-string") {
    const { "x-bytes-min": minLength = 0, "x-bytes-max": most = BYTES_MAX } = schema
    return fc.uint8Array({ minLength, maxLength: Math.max(minLength, Math.min(most, BYTES_MAX)) })
  }
  if (schema.type === "integer")
    return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 2 ** 31 })
  if (schema.type === "boolean") return fc.boolean()
  if (schema.type === "null") return fc.constant(null)
  throw new Error(`the document has a schema of type ${schema.type}`)
}

const strange = fc.oneof(
  fc.constantFrom(null, true, "text", [], {}, -1, Number.MAX_SAFE_INTEGER, new Uint8Array(0)),
  fc.array(fc.constant([]), { minLength: 1, maxLength: 20 }),
)

/** Now and then one member is something else, or one too many. */
function parametersOf(schema: Schema): fc.Arbitrary<unknown> {
  const names = [...Object.keys(schema.properties ?? {}), "extra"]
  const changed = fc
    .tuple(anyValue(schema), fc.constantFrom(...names), strange)
    .map(([value, name, other]) => ({ ...(value as object), [name]: other }))
  return fc.oneof({ weight: 4, arbitrary: anyValue(schema) }, { weight: 1, arbitrary: changed })
}

let server: Homeserver
let neighbour: Neighbour
let paths: Readonly<Record<string, { readonly post?: Operation }>>
beforeAll(async () => {
  server = await Homeserver.start("--rate-limit", "off")
  neighbour = await Neighbour.settle(server)
  paths = ((await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: typeof paths }).paths
}, 60_000)
afterAll(() => server.end())

/** Of a member of a group, or of somebody who was added to one, the document says no more than the form of the name. */
const strangers: Readonly<Record<string, string>> = { leaf: "leaf:0", kpref: `kpref:${"ab".repeat(32)}` }

function signerOf({ description, security }: Operation): Identity | undefined {
  if (!security.some((scheme) => "COSE_Sign1" in scheme)) return undefined
  const kind = /`([a-z-]+):</.exec(description)?.[1] ?? ""
  const name = strangers[kind]
  if (name !== undefined) return { kid: utf8(name), seed: crypto.random(32) }
  return neighbour.identity(kind as Sender)
}

function bodyOf(operation: Operation, path: string, params: unknown): Uint8Array {
  const signer = signerOf(operation)
  if (signer === undefined) return encodeBody(params)
  const parts = {
    kid: signer.kid,
    issuedAt: Math.floor(Date.now() / 1000),
    nonce: crypto.random(16),
    payload: encodeCbor(params),
  }
  return concat(Uint8Array.of(1), signRequest(crypto, signer.seed, parts, externalAad("POST", path)))
}

/** Operations after which the neighbour would not be there any more come last. */
function inOrder(): [string, Operation][] {
  const known = Object.entries(paths).flatMap(([path, { post }]): [string, Operation][] =>
    post === undefined ? [] : [[path, post]],
  )
  const isLast = ([path]: [string, Operation]) => /delete|remove|update/.test(path)
  return [...known.filter((entry) => !isLast(entry)), ...known.filter(isLast)]
}

test("whatever follows the OpenAPI document is answered as it says, and never by an internal error", async () => {
  const answered = new Set<string>()
  for (const [path, operation] of inOrder()) {
    const { schema } = operation.requestBody.content["application/cbor"] as { readonly schema: Schema }
    await fc.assert(
      fc.asyncProperty(parametersOf(schema), async (params) => {
        const answer = await fetch(server.url + path, {
          method: "POST",
          headers: { "content-type": "application/cbor" },
          body: bodyOf(operation, path, params) as Uint8Array<ArrayBuffer>,
        })
        expect(answer.status).toBeLessThan(500)
        answered.add(`${operation.operationId} ${answer.status}`)
        if (answer.status === 200) return
        const { code } = (await answer.json()) as { readonly code: string }
        expect(operation.responses[`${answer.status}`]?.description).toContain(`\`${code}\``)
      }),
      { numRuns: RUNS },
    )
  }
  // It got through the schemas to what the operations do themselves.
  expect([...answered].filter((outcome) => outcome.endsWith(" 200")).length).toBeGreaterThan(8)
  expect(await (await fetch(`${server.url}/health`)).text()).toBe("ok")
}, 120_000)

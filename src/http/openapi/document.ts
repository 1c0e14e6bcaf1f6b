import type { TSchema } from "@sinclair/typebox"
import { type Endpoint, type Sender, tokenService } from "../../wire/endpoint.ts"
import { type ProblemCode, problems } from "../../wire/problem.ts"
import { STREAM_PATH, StreamClientFrame, StreamServerFrame, streamClose } from "../../wire/queue.ts"
import { problemType } from "../answers.ts"
import { documentedExample } from "./example.ts"

const SIGNED = "COSE_Sign1"
const PAID = "PrivateToken"

const INTRODUCTION = `Operations of a Cinder homeserver. Bodies are the byte 0x01 and deterministic CBOR (RFC 8949 section 4.2.1);
no other encoding of the same value is accepted. No identifier appears in a URL or a header.`

const SIGNATURE = `The body is the byte 0x01 and a COSE_Sign1 (RFC 9052, untagged) whose payload is the CBOR parameters. Protected header:
{1: -8 (EdDSA), 4: sender id, 15: {6: seconds since 1970, 7: 16 random bytes}}; unprotected header: empty. external_aad:
TLS struct { opaque "Cinder 1 request"<V>; opaque method<V>; opaque path<V> }. A signature is accepted once, for a limited
time, and not before or in the second in which the server started: sign again with the time of the Date header on auth.stale.`

const TOKEN = `One Privacy Pass token per request (RFC 9577), of type 0x0005 (batched tokens, ristretto255): issued by
as.request-tokens for the challenge in WWW-Authenticate, which is another for the AS than for DS and QS. It is spent
whatever becomes of the request, unless the body is malformed. Servers with rate limits turned off want none.`

/** Who signs, under which sender id (COSE kid, text, identifiers in hexadecimal), with which Ed25519 key. */
const signers: Readonly<Record<Sender, string>> = {
  none: "Not signed: whoever asks stays unknown.",
  client: "Signed by a client of the AS: `client:<client id>`, with the key of its client credential.",
  alias: "Signed by an alias: `alias:<alias hash>`, with the key that it was registered with.",
  "qs-user": "Signed by a QS user: `qs-user:<user id>`, with the key of its record.",
  "qs-client": "Signed by a QS client: `qs-client:<client id>`, with the key of its record.",
  leaf: "Signed by a member of the group: `leaf:<leaf index>`, with the signature key of that leaf.",
  kpref:
    "Signed by somebody who was added: `kpref:<KeyPackageRef>`, with the signature key in that KeyPackage.",
}

/** Refusals that every operation has. */
const everywhere: readonly ProblemCode[] = [
  "request.malformed",
  "request.bad-host",
  "request.too-large",
  "request.wrong-media-type",
  "server.overloaded",
  "server.internal",
]
const signedEverywhere: readonly ProblemCode[] = ["auth.refused", "auth.stale", "auth.replayed"]
const paidEverywhere: readonly ProblemCode[] = ["token.required", "token.refused", "token.spent"]

type Json = Readonly<Record<string, unknown>>

/** All that an operation can be refused with. */
export function refusalsOf({ sender, token, problems }: Endpoint): readonly ProblemCode[] {
  const signed = sender === "none" ? [] : signedEverywhere
  return [...everywhere, ...signed, ...(token ? paidEverywhere : []), ...problems]
}

/** The OpenAPI 3.1 document of these operations. */
export function openApiDocument(endpoints: readonly Endpoint[], publicUrl: string, version: string): Json {
  return {
    openapi: "3.1.0",
    info: {
      title: "Cinder",
      version,
      description: INTRODUCTION,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: publicUrl }],
    paths: {
      ...Object.fromEntries(endpoints.map((endpoint) => [endpoint.path, { post: operation(endpoint) }])),
      [STREAM_PATH]: { get: streamOperation },
    },
    components: {
      schemas: {
        Problem: problemSchema,
        StreamClientFrame: jsonSchema(StreamClientFrame),
        StreamServerFrame: jsonSchema(StreamServerFrame),
      },
      securitySchemes: {
        [SIGNED]: { type: "http", scheme: "cose-sign1", description: SIGNATURE },
        [PAID]: { type: "http", scheme: "PrivateToken", description: TOKEN },
      },
    },
  }
}

function operation(endpoint: Endpoint): Json {
  const { name, summary, sender, token, params, result, bodyBytesMax } = endpoint
  const signed = sender !== "none"
  const required = { ...(signed && { [SIGNED]: [] }), ...(token && { [PAID]: [] }) }
  const codes = refusalsOf(endpoint)
  return {
    operationId: name,
    tags: [name.split(".")[0]],
    summary,
    description: `${summary} ${signers[sender]} ${costs(endpoint)}`,
    security: signed || token ? [required] : [],
    requestBody: {
      required: true,
      description: `${signed ? "The byte 0x01 and a COSE_Sign1 with these parameters" : "The byte 0x01 and these parameters"}; at most ${bodyBytesMax} bytes in all.`,
      content: { "application/cbor": cborContent(params) },
    },
    responses: {
      200: {
        description: "Done, and durable: the byte 0x01 and this.",
        content: { "application/cbor": cborContent(result) },
      },
      ...refusals(codes),
    },
  }
}

function costs(endpoint: Endpoint): string {
  if (!endpoint.token) return "Costs no token."
  const service = tokenService(endpoint) === "as" ? "the AS" : "DS and QS"
  return `Costs a token for ${service}, unless the server's rate limits are off.`
}

function cborContent(schema: TSchema): Json {
  return { schema: jsonSchema(schema), examples: { smallest: documentedExample(schema) } }
}

/** One response per status, with the codes it can have. */
function refusals(codes: readonly ProblemCode[]): Json {
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of codes) {
    const { status } = problems[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const responses = [...byStatus].map(([status, those]) => {
    const description = those.map((code) => `\`${code}\`: ${problems[code].title}`).join("\n")
    const content = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } }
    return [status, { description, content }]
  })
  return Object.fromEntries(responses)
}

const problemSchema: Json = {
  type: "object",
  description: "Problem details (RFC 9457).",
  required: ["type", "title", "status", "code"],
  properties: {
    type: { type: "string", examples: [problemType("auth.refused")] },
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string", enum: Object.keys(problems) },
    rule: { type: "string", description: "The validation rule that an MLS message broke." },
  },
}

const closeCodes = Object.entries(streamClose).map(([name, code]) => `${code} ${name}`)

const streamOperation: Json = {
  operationId: "qs.stream",
  tags: ["qs"],
  summary: "The own queue as a WebSocket.",
  description: `Binary frames only, each the byte 0x01 and CBOR. The client's first frame is a signed body as of ${SIGNED}, with empty
parameters, method GET and this path, by a sender of kind \`qs-client\`; its others are StreamClientFrames. The server's are
StreamServerFrames. Close codes: ${closeCodes.join(", ")}.`,
  security: [{ [SIGNED]: [] }],
  responses: {
    101: { description: "The WebSocket is open." },
    ...refusals(["request.malformed", "request.bad-host", "server.overloaded"]),
  },
}

/** TypeBox schemas are JSON Schema but for byte strings, which JSON does not have. */
function jsonSchema(schema: TSchema): unknown {
  return describe(JSON.parse(JSON.stringify(schema)))
}

function describe(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(describe)
  if (typeof schema !== "object" || schema === null) return schema
  const { type, minByteLength, maxByteLength, ...others } = schema as Json
  if (type === "Uint8Array") {
    const bytes = { "x-bytes-min": minByteLength, "x-bytes-max": maxByteLength }
    return { type: "string", format: "cbor-byte-string", ...others, ...bytes }
  }
  const described = Object.fromEntries(Object.entries(others).map(([name, value]) => [name, describe(value)]))
  return type === undefined ? described : { type: describe(type), ...described }
}

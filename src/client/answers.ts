import { Type } from "@sinclair/typebox"
import { Value } from "@sinclair/typebox/value"
import { concat } from "../wire/bytes.ts"
import { decodeBody } from "../wire/cbor.ts"
import type { Endpoint, Result } from "../wire/endpoint.ts"
import { type ProblemCode, problems } from "../wire/problem.ts"
import { CodecError } from "../wire/tls.ts"
import { ClientError } from "./errors.ts"

/** Bytes of an answer, at most; the largest is a full dequeue or a group's tree. */
const ANSWER_BYTES_MAX = 80 * 1024 * 1024

const Discovery = Type.Object({ domain: Type.String({ minLength: 1 }) })

/** Throws ClientError `client.unexpected-response` if it is too long; rejects when the connection breaks. */
export async function readBounded(response: Response): Promise<Uint8Array> {
  const reader = response.body?.getReader()
  if (reader === undefined) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return concat(...chunks)
    length += value.length
    if (length > ANSWER_BYTES_MAX) {
      await reader.cancel()
      throw new ClientError("client.unexpected-response")
    }
    chunks.push(value)
  }
}

/** Throws ClientError `client.unexpected-response` unless it has the operation's form. */
export function decodeResult<E extends Endpoint>(endpoint: E, answer: Uint8Array): Result<E> {
  let result: unknown
  try {
    result = decodeBody(answer)
  } catch (error) {
    if (error instanceof CodecError) throw new ClientError("client.unexpected-response")
    throw error
  }
  if (!Value.Check(endpoint.result, result)) throw new ClientError("client.unexpected-response")
  return result as Result<E>
}

/** The domain in a discovery document. Throws ClientError `client.unexpected-response`. */
export function domainOf(document: Uint8Array): string {
  const discovery = parseJson(document)
  if (!Value.Check(Discovery, discovery)) throw new ClientError("client.unexpected-response")
  return discovery.domain
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}

const PROBLEM_PREFIX = "urn:cinder:problem:"

/** The stable code of a problem document, if that is what the body is. */
export function problemCode(answer: Uint8Array): ProblemCode | undefined {
  const problem = parseJson(answer)
  if (typeof problem !== "object" || problem === null) return undefined
  const { code, type } = problem as { readonly code?: unknown; readonly type?: unknown }
  const name =
    typeof code === "string" ? code : typeof type === "string" ? type.slice(PROBLEM_PREFIX.length) : ""
  return Object.hasOwn(problems, name) ? (name as ProblemCode) : undefined
}

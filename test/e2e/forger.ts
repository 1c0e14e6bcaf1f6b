import { expect } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { FORMAT_VERSION, REQUEST_AGE_SECONDS_MAX, REQUEST_NONCE_BYTES } from "../../src/limits.ts"
import { concat } from "../../src/wire/bytes.ts"
import { decodeBody, decodeCbor, encodeCbor } from "../../src/wire/cbor.ts"
import { externalAad, parseRequest, type SignedParts, signRequest } from "../../src/wire/cose.ts"
import type { Endpoint } from "../../src/wire/endpoint.ts"
import { type ProblemCode, problems } from "../../src/wire/problem.ts"
import type { Homeserver } from "./homeserver.ts"
import type { Intercepted } from "./interceptor.ts"
import { misshapen } from "./misshapen.ts"
import { Snapshot } from "./snapshot.ts"

/** CBOR's major type of maps, before the count. */
const MAP = 0xa0

/** Bodies by what is wrong with them. */
export type Attacks = Readonly<Record<string, Uint8Array>>

/** Status, headers but Date, and body: all that somebody sees of an answer. */
async function post({ url }: Homeserver, path: string, body: Uint8Array): Promise<string> {
  const response = await fetch(new URL(path, url), {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: body as Uint8Array<ArrayBuffer>,
  })
  const headers = [...response.headers].filter(([name]) => name !== "date").sort()
  return JSON.stringify([response.status, headers, await response.text()])
}

/** No file of the server differs after `work` in a single byte. */
export async function expectUnchanged<T>({ data }: Homeserver, work: () => Promise<T>): Promise<T> {
  const before = await Snapshot.settled(data)
  const result = await work()
  expect((await Snapshot.settled(data)).equals(before)).toBe(true)
  return result
}

/** The status and the code; of what is no refusal, the status. */
function outcomeOf(answer: string): string {
  const [status, , text] = JSON.parse(answer) as [number, unknown, string]
  return status < 400 ? `${status}` : `${status} ${(JSON.parse(text) as { readonly code: string }).code}`
}

/** All of the attacks are refused with this code, in the same bytes. */
export async function expectRefused(
  server: Homeserver,
  path: string,
  code: ProblemCode,
  attacks: Attacks,
): Promise<string> {
  const answers: Record<string, string> = {}
  for (const [name, body] of Object.entries(attacks)) answers[name] = await post(server, path, body)
  const outcome = `${problems[code].status} ${code}`
  const each = <T>(value: T) => Object.fromEntries(Object.keys(attacks).map((name) => [name, value]))
  const outcomes = Object.entries(answers).map(([name, answer]) => [name, outcomeOf(answer)])
  expect(Object.fromEntries(outcomes)).toEqual(each(outcome))
  const [refusal = ""] = Object.values(answers)
  expect(answers).toEqual(each(refusal))
  return refusal
}

/** The request with some parameters changed, and for signed ones, signed again. */
export class Forger {
  readonly #endpoint: Endpoint
  readonly #request: Intercepted
  readonly #signed: SignedParts | undefined
  readonly #params: Readonly<Record<string, unknown>>

  constructor(endpoint: Endpoint, request: Intercepted) {
    this.#endpoint = endpoint
    this.#request = request
    this.#signed = endpoint.sender === "none" ? undefined : parseRequest(request.body.subarray(1))
    const params = this.#signed === undefined ? decodeBody(request.body) : decodeCbor(this.#signed.payload)
    this.#params = params as Readonly<Record<string, unknown>>
  }

  /** The sender id, as it is signed. */
  get kid(): Uint8Array {
    return this.#signed?.kid ?? new Uint8Array(0)
  }

  /** The parameters of the real request. */
  get claimed(): Readonly<Record<string, unknown>> {
    return this.#params
  }

  /** The Ed25519 seed that the real request is signed with. */
  get seed(): Uint8Array {
    return this.#request.seed
  }

  params(changed: Readonly<Record<string, unknown>>): Uint8Array {
    return this.saying({ ...this.#params, ...changed })
  }

  /** With other parameters altogether. */
  saying(params: unknown): Uint8Array {
    return this.payload(encodeCbor(params))
  }

  /** With other bytes in place of the parameters' encoding. */
  payload(payload: Uint8Array): Uint8Array {
    return this.#signed === undefined
      ? concat(Uint8Array.of(FORMAT_VERSION), payload)
      : this.signed({ payload })
  }

  signed(
    changed: Partial<SignedParts>,
    seed = this.#request.seed,
    path = this.#endpoint.path,
    method = "POST",
  ): Uint8Array {
    if (this.#signed === undefined) throw new Error("not a signed operation")
    const { kid, issuedAt, payload } = this.#signed
    const parts = { kid, issuedAt, payload, nonce: nativeCrypto.random(REQUEST_NONCE_BYTES), ...changed }
    const request = signRequest(nativeCrypto, seed, parts, externalAad(method, path))
    return concat(Uint8Array.of(FORMAT_VERSION), request)
  }

  untimely(): Attacks {
    const now = this.#signed?.issuedAt ?? 0
    return {
      "just too old": this.signed({ issuedAt: now - REQUEST_AGE_SECONDS_MAX - 2 }),
      "very old": this.signed({ issuedAt: 1 }),
      "from the future": this.signed({ issuedAt: now + 60 }),
    }
  }

  /** The signed request as it is, with a bit turned in what nobody needs to be able to read. */
  turned(): Attacks {
    if (this.#signed === undefined) throw new Error("not a signed operation")
    const { body } = this.#request
    const turn = (at: number) => body.map((byte, i) => (i === at ? byte ^ 1 : byte))
    const nonce = parseRequest(body.subarray(1)).nonce.byteOffset - body.byteOffset
    return { "another nonce": turn(nonce), "a bit of the signature": turn(body.length - 1) }
  }

  /** The parameters in encodings that say the same, and are not the one that is allowed. */
  uncanonical(): Attacks {
    const entries = Object.entries(this.#params)
    const encoded = encodeCbor(this.#params)
    const content = encoded.subarray(1)
    const pairs = entries.map(([name, value]) => encodeCbor({ [name]: value }).subarray(1))
    const map = (count: number, ...parts: Uint8Array[]) => concat(Uint8Array.of(MAP + count), ...parts)
    const attacks: Attacks = {
      "a longer head": this.payload(concat(Uint8Array.of(MAP + 24, entries.length), content)),
      "no length": this.payload(concat(Uint8Array.of(MAP + 31), content, Uint8Array.of(0xff))),
      "a tag": this.payload(concat(Uint8Array.of(0xc0), encoded)),
      "something after it": this.payload(concat(encoded, Uint8Array.of(0))),
    }
    const [first, ...others] = pairs
    if (first === undefined) return attacks
    const twice = map(pairs.length + 1, first, first, ...others)
    const backwards = map(pairs.length, ...others.reverse(), first)
    return {
      ...attacks,
      "a member twice": this.payload(twice),
      ...(others.length > 0 && { "another order": this.payload(backwards) }),
    }
  }

  /** Parameters that the operation's schema refuses. */
  misshapen(): Attacks {
    const wrong = misshapen(this.#endpoint.params, this.#params)
    return Object.fromEntries(wrong.map(([why, params]) => [why, this.saying(params)]))
  }

  malformed(): Attacks {
    const { body } = this.#request
    const half = Math.floor(body.length / 2)
    return {
      nothing: new Uint8Array(0),
      "version alone": body.subarray(0, 1),
      half: body.subarray(0, half),
      "all but the last byte": body.subarray(0, -1),
      "a byte too much": concat(body, new Uint8Array(1)),
      twice: concat(body, body),
      "another version": concat(Uint8Array.of(FORMAT_VERSION + 1), body.subarray(1)),
      "one parameter too many": this.params({ extra: 1 }),
      "bytes that are no CBOR": concat(Uint8Array.of(FORMAT_VERSION), new Uint8Array(40).fill(0xff)),
    }
  }

  oversized(): Attacks {
    const { body } = this.#request
    const { bodyBytesMax } = this.#endpoint
    return { "a byte larger than the limit": concat(body, new Uint8Array(bodyBytesMax + 1 - body.length)) }
  }
}

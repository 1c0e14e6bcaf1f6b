import { afterAll, beforeAll, expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import {
  FORMAT_VERSION,
  ID_BYTES,
  KEY_BYTES,
  REQUEST_AGE_SECONDS_MAX,
  REQUEST_NONCE_BYTES,
} from "../../src/limits.ts"
import { concat, fromUtf8, utf8 } from "../../src/wire/bytes.ts"
import { decodeBody, decodeCbor, encodeBody, encodeCbor } from "../../src/wire/cbor.ts"
import { externalAad, parseRequest, type SignedParts, signRequest } from "../../src/wire/cose.ts"
import { ds } from "../../src/wire/ds.ts"
import type { Endpoint } from "../../src/wire/endpoint.ts"
import { type ProblemCode, problems } from "../../src/wire/problem.ts"
import { Homeserver } from "./homeserver.ts"
import { type Intercepted, Interceptor } from "./interceptor.ts"
import { befriend, gather, Person } from "./person.ts"
import { Snapshot } from "./snapshot.ts"

/**
 * Every operation of the DS is attacked just before it is carried out, with requests that differ from the real one in a
 * single thing. That the real one succeeds afterwards shows that nothing else was wrong with them.
 */

let server: Homeserver
beforeAll(async () => {
  // The attacks are to be refused for what they are, not for want of a token.
  server = await Homeserver.start("--rate-limit", "off")
})
afterAll(() => server.end())

const { random } = nativeCrypto

type Attacks = Readonly<Record<string, Uint8Array>>

/** Status, headers but Date, and body: all that somebody sees of an answer. */
async function post(path: string, body: Uint8Array): Promise<string> {
  const response = await fetch(new URL(path, server.url), {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: body as Uint8Array<ArrayBuffer>,
  })
  const headers = [...response.headers].filter(([name]) => name !== "date").sort()
  return JSON.stringify([response.status, headers, await response.text()])
}

/** No file of the server differs after `work` in a single byte. */
async function expectUnchanged<T>(work: () => Promise<T>): Promise<T> {
  const before = await Snapshot.settled(server.data)
  const result = await work()
  expect((await Snapshot.settled(server.data)).equals(before)).toBe(true)
  return result
}

/** All of the attacks are refused with this code, in the same bytes. */
async function expectRefused(path: string, code: ProblemCode, attacks: Attacks): Promise<string> {
  const answers: Record<string, string> = {}
  for (const [name, body] of Object.entries(attacks)) answers[name] = await post(path, body)
  const [refusal = ""] = Object.values(answers)
  const [status, , text] = JSON.parse(refusal) as [number, unknown, string]
  expect([status, JSON.parse(text)]).toMatchObject([problems[code].status, { code }])
  expect(answers).toEqual(Object.fromEntries(Object.keys(attacks).map((name) => [name, refusal])))
  return refusal
}

/** The request with some parameters changed, and for signed ones, signed again. */
class Forger {
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

  params(changed: Readonly<Record<string, unknown>>): Uint8Array {
    const params = { ...this.#params, ...changed }
    return this.#signed === undefined ? encodeBody(params) : this.signed({ payload: encodeCbor(params) })
  }

  signed(changed: Partial<SignedParts>, seed = this.#request.seed, path = this.#endpoint.path): Uint8Array {
    if (this.#signed === undefined) throw new Error("not a signed operation")
    const { kid, issuedAt, payload } = this.#signed
    const parts = { kid, issuedAt, payload, nonce: random(REQUEST_NONCE_BYTES), ...changed }
    const request = signRequest(nativeCrypto, seed, parts, externalAad("POST", path))
    return concat(Uint8Array.of(FORMAT_VERSION), request)
  }

  /** What must not be told apart. */
  strangers(): Attacks {
    const unknownGroup = { "unknown group": this.params({ groupId: random(ID_BYTES) }) }
    if (this.#endpoint === ds.createGroup) return { ...unknownGroup, ...this.#otherSenders() }
    const attacks = {
      ...unknownGroup,
      "wrong EAR key": this.params({ earKey: random(KEY_BYTES) }),
      "unknown group and wrong EAR key": this.params({
        groupId: random(ID_BYTES),
        earKey: random(KEY_BYTES),
      }),
    }
    return this.#signed === undefined ? attacks : { ...attacks, ...this.#otherSenders() }
  }

  #otherSenders(): Attacks {
    const kpref = this.#endpoint.sender === "kpref"
    const other = fromUtf8(this.#signed?.kid ?? new Uint8Array(0)) === "leaf:0" ? "leaf:1" : "leaf:0"
    const stranger = utf8(kpref ? `kpref:${"ab".repeat(32)}` : "leaf:7")
    return {
      "wrong signature": this.signed({}, random(KEY_BYTES)),
      "signature for another operation": this.signed({}, undefined, "/ds/delete-group"),
      "sender that is not in the group": this.signed({ kid: stranger }),
      "sender that is not in the group, wrong signature": this.signed({ kid: stranger }, random(KEY_BYTES)),
      ...(kpref ? {} : { "another sender's name": this.signed({ kid: utf8(other) }) }),
    }
  }

  untimely(): Attacks {
    const now = this.#signed?.issuedAt ?? 0
    return {
      "just too old": this.signed({ issuedAt: now - REQUEST_AGE_SECONDS_MAX - 2 }),
      "very old": this.signed({ issuedAt: 1 }),
      "from the future": this.signed({ issuedAt: now + 60 }),
    }
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

/** What a held back request goes through before it is sent; the refusal of strangers. */
async function attack(endpoint: Endpoint, request: Intercepted): Promise<string[]> {
  const forger = new Forger(endpoint, request)
  await expectRefused(endpoint.path, "request.malformed", forger.malformed())
  await expectRefused(endpoint.path, "request.too-large", forger.oversized())
  if (endpoint === ds.requestGroupId) return []
  if (endpoint.sender !== "none") await expectRefused(endpoint.path, "auth.stale", forger.untimely())
  return [await expectRefused(endpoint.path, "auth.refused", forger.strangers())]
}

/** Attacks the next call of each operation by a client, while `act` does what calls them, and repeats them afterwards. */
async function attackAll(
  operations: readonly (readonly [Endpoint, Interceptor])[],
  act: () => Promise<unknown>,
): Promise<string[]> {
  const refusals: string[] = []
  const real: [Endpoint, Uint8Array][] = []
  const attacked = operations.map(([endpoint, client]) =>
    client.beforeNext(endpoint.path, async (request) => {
      real.push([endpoint, request.body])
      refusals.push(...(await expectUnchanged(() => attack(endpoint, request))))
    }),
  )
  await Promise.all([...attacked, act()])
  await expectUnchanged(() => replay(real))
  return refusals
}

async function replay(real: readonly (readonly [Endpoint, Uint8Array])[]): Promise<void> {
  for (const [endpoint, body] of real) {
    if (endpoint.sender === "none") continue
    // Nobody can say any more who made a group that has changed since.
    const code = endpoint === ds.createGroup ? "auth.refused" : "auth.replayed"
    await expectRefused(endpoint.path, code, { "the same again": body, "and again": body })
  }
}

test("every operation of the DS refuses what is not its caller's, in the same bytes for every reason, and changes nothing", async () => {
  const [hosts, guests] = [new Interceptor(), new Interceptor()]
  const join = (by: Interceptor) => Person.register({ url: server.url, crypto: by.crypto, fetch: by.fetch })
  const [host, guest] = [await join(hosts), await join(guests)]
  const steps: (readonly [(readonly [Endpoint, Interceptor])[], () => Promise<unknown>])[] = [
    [
      [
        [ds.requestGroupId, hosts],
        [ds.createGroup, hosts],
        [ds.externalCommitInfo, guests],
        [ds.joinConnectionGroup, guests],
      ],
      () => befriend(host, guest),
    ],
    [
      [
        [ds.addUsers, hosts],
        [ds.welcomeInfo, guests],
      ],
      () => gather(host, [guest]),
    ],
    [[[ds.sendMessage, hosts]], () => host.say("said once")],
    [[[ds.updateClient, guests]], () => guest.group.update()],
    [[[ds.removeUsers, hosts]], () => host.group.remove(guest.user)],
  ]
  const attacked = steps.flatMap(([operations]) => operations.map(([endpoint]) => endpoint.name))
  expect(attacked.sort()).toEqual(
    Object.values(ds)
      .map(({ name }) => name)
      .sort(),
  )

  const refusals: string[] = []
  for (const [operations, act] of steps) refusals.push(...(await attackAll(operations, act)))
  expect(refusals.length).toBe(attacked.length - 1)
  expect(new Set(refusals).size).toBe(1)
  await guest.until(({ events }) => events.some(({ type }) => type === "left"))
  expect(guest.heard().map(({ text }) => text)).toEqual(["said once"])
  for (const person of [host, guest]) await person.stop()
}, 60_000)

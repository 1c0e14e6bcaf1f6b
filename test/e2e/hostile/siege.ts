import { expect } from "bun:test"
import { nativeCrypto } from "../../../src/crypto/native.ts"
import { ID_BYTES, KEY_BYTES } from "../../../src/limits.ts"
import { as } from "../../../src/wire/as.ts"
import { fromUtf8, toHex, utf8 } from "../../../src/wire/bytes.ts"
import type { Endpoint, Sender } from "../../../src/wire/endpoint.ts"
import type { ProblemCode } from "../../../src/wire/problem.ts"
import { qs } from "../../../src/wire/qs.ts"
import { encodeSenderId, type SenderId } from "../../../src/wire/sender.ts"
import { type Attacks, expectRefused, expectUnchanged, Forger } from "../forger.ts"
import type { Homeserver } from "../homeserver.ts"
import type { Intercepted, Interceptor } from "../interceptor.ts"

/** Attacks by the code that refuses them. */
export type AttacksByCode = Partial<Record<ProblemCode, Attacks>>

/** For every operation of a table what it is attacked with, beside what every operation is. */
export type AttackTable<T extends Readonly<Record<string, Endpoint>>> = {
  readonly [K in keyof T]: (forger: Forger) => AttacksByCode
}

/** A name to sign with and its key. */
export interface Identity {
  readonly kid: Uint8Array
  readonly seed: Uint8Array
}

export function identity(sender: SenderId, seed: Uint8Array): Identity {
  return { kid: encodeSenderId(sender), seed }
}

type Signing = Exclude<Sender, "none">

/** The real and registered identity of somebody else, of each kind that signs. */
export type Others = (kind: Sender) => Identity

/** What one go of a client calls, in whatever order; each operation once. */
export interface Step<T extends Readonly<Record<string, Endpoint>>> {
  readonly calls: readonly (keyof T & string)[]
  readonly act: () => Promise<unknown>
  /** What the same signed requests are refused with afterwards. `auth.refused`: their keys are nobody's any more. */
  readonly again?: "auth.replayed" | "auth.refused"
}

const { random } = nativeCrypto

const ids: Readonly<Record<Signing, () => string>> = {
  client: () => toHex(random(2 * ID_BYTES)),
  alias: () => toHex(random(KEY_BYTES)),
  "qs-user": () => toHex(random(ID_BYTES)),
  "qs-client": () => toHex(random(ID_BYTES)),
  kpref: () => toHex(random(KEY_BYTES)),
  leaf: () => "0",
}

/** A well-formed name that nobody has, or a leaf that no group of nobody's has. */
export function unknownName(kind: Signing): Uint8Array {
  return utf8(`${kind}:${ids[kind]()}`)
}

/** These take any name that brings its key along. Whose name may be signed with is up to what else the request says. */
const introductions: readonly Endpoint[] = [as.registerAlias]

function wrongSenders({ sender }: Endpoint, forger: Forger): Attacks {
  const [, id = ""] = fromUtf8(forger.kid).split(":")
  const names = [
    ...Object.entries(ids).flatMap(([kind, make]) => (kind === sender ? [] : [`${kind}:${make()}`])),
    ...["", "0", `${id}0`, id.slice(1), `${id.slice(2)}AB`, `${id.slice(2)}/.`].map(
      (bad) => `${sender}:${bad}`,
    ),
    ...[id, sender, `:${id}`, `root:${id}`, `${sender}:${sender}:${id}`, `${sender}: ${id}`],
  ]
  return Object.fromEntries(names.map((name) => [`signed by ${name}`, forger.signed({ kid: utf8(name) })]))
}

function wrongKeys(endpoint: Endpoint, forger: Forger, other: Identity): Attacks {
  const elsewhere = endpoint.path === as.dequeue.path ? qs.dequeue.path : as.dequeue.path
  return {
    "wrong signature": forger.signed({}, random(KEY_BYTES)),
    "somebody else's signature": forger.signed({}, other.seed),
    "signature for another operation": forger.signed({}, forger.seed, elsewhere),
    "signature for another method": forger.signed({}, forger.seed, endpoint.path, "GET"),
    ...forger.turned(),
  }
}

function wrongNames(sender: Signing, forger: Forger, other: Identity): Attacks {
  const unknown = unknownName(sender)
  return {
    "somebody else's name": forger.signed({ kid: other.kid }),
    "unknown sender": forger.signed({ kid: unknown }),
    "unknown sender, wrong signature": forger.signed({ kid: unknown }, random(KEY_BYTES)),
  }
}

/** What every operation is attacked with. */
function commonAttacks(endpoint: Endpoint, forger: Forger, others: Others): AttacksByCode {
  const unsigned = { ...forger.malformed(), ...forger.uncanonical(), ...forger.misshapen() }
  const tooLarge = forger.oversized()
  if (endpoint.sender === "none") return { "request.malformed": unsigned, "request.too-large": tooLarge }
  const other = others(endpoint.sender)
  const names = introductions.includes(endpoint) ? {} : wrongNames(endpoint.sender, forger, other)
  return {
    "request.malformed": { ...unsigned, ...wrongSenders(endpoint, forger) },
    "request.too-large": tooLarge,
    "auth.stale": forger.untimely(),
    "auth.refused": { ...wrongKeys(endpoint, forger, other), ...names },
  }
}

/**
 * Attacks operations just before they are really carried out, with requests that differ from the real one in a single
 * thing. That the real one succeeds afterwards shows that nothing else was wrong with them.
 */
export class Siege<T extends Readonly<Record<string, Endpoint>>> {
  /** The operations that were attacked, each with the codes that refused something. */
  readonly attacked = new Map<keyof T, Set<ProblemCode>>()
  readonly #endpoints: T
  readonly #table: AttackTable<T>
  readonly #others: Others
  readonly #refusals = new Map<string, string>()

  constructor(endpoints: T, table: AttackTable<T>, others: Others) {
    this.#endpoints = endpoints
    this.#table = table
    this.#others = others
  }

  /** Attacks what a client calls in this step, lets it be, and repeats it. */
  async lay(server: Homeserver, client: Interceptor, { calls, act, again }: Step<T>): Promise<void> {
    const real: [Endpoint, Uint8Array][] = []
    const attacks = calls.map(async (name) => {
      const endpoint = this.#endpoints[name] as Endpoint
      await client.beforeNext(endpoint.path, async (request) => {
        if (endpoint.sender !== "none") real.push([endpoint, request.body])
        await expectUnchanged(server, () => this.#attack(server, name, request))
      })
    })
    await Promise.all([...attacks, act()])
    await expectUnchanged(server, async () => {
      for (const [endpoint, body] of real)
        await this.#refused(server, endpoint, again ?? "auth.replayed", { again: body, "and again": body })
    })
  }

  async #attack(server: Homeserver, name: keyof T, request: Intercepted): Promise<void> {
    const endpoint = this.#endpoints[name] as Endpoint
    const forger = new Forger(endpoint, request)
    const codes = new Set<ProblemCode>()
    for (const attacks of [commonAttacks(endpoint, forger, this.#others), this.#table[name](forger)]) {
      for (const [code, group] of Object.entries(attacks) as [ProblemCode, Attacks][]) {
        await this.#refused(server, endpoint, code, group)
        codes.add(code)
      }
    }
    this.attacked.set(name, codes)
  }

  /**
   * Whatever the operation and the reason, there is one answer for a code: so it says nothing of what was sent, and
   * what must not be told apart cannot be.
   */
  async #refused(server: Homeserver, { path }: Endpoint, code: ProblemCode, attacks: Attacks): Promise<void> {
    const refusal = await expectRefused(server, path, code, attacks)
    expect(refusal).toBe(this.#refusals.get(code) ?? refusal)
    this.#refusals.set(code, refusal)
  }
}

/**
 * Every operation was attacked by one of the sieges, and refused something with every code that it names, but for those
 * that no request brings about.
 */
export function expectComplete<T extends Readonly<Record<string, Endpoint>>>(
  endpoints: T,
  sieges: readonly Siege<T>[],
  unreachable: Partial<Record<keyof T, readonly ProblemCode[]>> = {},
): void {
  const gaps = Object.entries(endpoints).flatMap(([name, { problems }]) => {
    const codes = sieges.flatMap(({ attacked }) => [...(attacked.get(name) ?? [])])
    if (codes.length === 0) return [name]
    const expected = problems.filter((code) => !unreachable[name]?.includes(code))
    return expected.filter((code) => !codes.includes(code)).map((code) => `${name}: ${code}`)
  })
  expect(gaps).toEqual([])
}

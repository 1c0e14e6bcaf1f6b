import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { nativeCrypto } from "../../src/crypto/native.ts"
import type { PaddingConfig } from "../../src/ds/record-padding.ts"
import { createDs, type Ds } from "../../src/ds/service.ts"
import type { Fanout } from "../../src/fanout.ts"
import { deliveryMigrations } from "../../src/migrations.ts"
import { veiledTables } from "../../src/qs/tables.ts"
import { openStore } from "../../src/store/open.ts"
import { toHex } from "../../src/wire/bytes.ts"
import type { SignedCall, Verified } from "../../src/wire/call.ts"
import { decodeCbor, encodeCbor } from "../../src/wire/cbor.ts"
import { externalAad, parseRequest, signRequest } from "../../src/wire/cose.ts"
import { ds } from "../../src/wire/ds.ts"
import type { Endpoint, Params, Result } from "../../src/wire/endpoint.ts"
import { Problem } from "../../src/wire/problem.ts"
import { decodeQueueMessage, type QueueMessage } from "../../src/wire/queue-message.ts"
import { encodeSenderId, type SenderId } from "../../src/wire/sender.ts"
import { OpenedVeil } from "../veil/opened.ts"
import { MemoryFanout } from "./memory-fanout.ts"

/** A delivery service over a real store in a directory of its own, called as the edge calls it. */

export const DOMAIN = "example.org"
export const INACTIVE_MONTHS = 3
export const EXPIRY_MONTHS = 12
export const START = Date.UTC(2026, 10, 10)

export interface Signer {
  readonly sender: SenderId
  readonly seed: Uint8Array
}

type UnsignedOperation = "requestGroupId" | "externalCommitInfo" | "joinConnectionGroup"
export type SignedOperation = Exclude<keyof typeof ds, UnsignedOperation>

/** Where the members' queues are. */
export interface Queues {
  /** Over a store that was just opened: nothing is left in memory. */
  open(store: OpenedVeil): Fanout
  queueConfig(name: string, domain: string): Uint8Array
  take(name: string): Uint8Array[]
}

export class World {
  /** The queues, unless the test brings its own. */
  readonly fanout = new MemoryFanout(DOMAIN)
  /** Milliseconds since 1970. */
  now = START
  /** Whether the server has run for long enough to believe its clock. */
  clockSettled = true
  /** What the operator decided; read when the service starts. */
  padding: PaddingConfig = { kind: "doubling", unitBytes: 4096, percentile: 8 }
  readonly directory = mkdtempSync(join(tmpdir(), "cinder-ds-"))
  readonly #seen = new Set<string>()
  readonly #slotKeys = [nativeCrypto.random(32)]
  #store: OpenedVeil | undefined
  #ds: Ds | undefined

  readonly #queues: Queues

  private constructor(queues: Queues | undefined) {
    this.#queues = queues ?? this.fanout
  }

  static async start(queues?: Queues): Promise<World> {
    const world = new World(queues)
    await world.restart()
    return world
  }

  /** Ends the service and starts another over the same files. */
  async restart(): Promise<void> {
    await this.#store?.close()
    const disk = await openStore({
      file: join(this.directory, "delivery.sqlite"),
      migrations: deliveryMigrations,
    })
    this.#store = new OpenedVeil(disk, this.#slotKeys, veiledTables)
    this.#ds = createDs({
      store: this.#store,
      crypto: nativeCrypto,
      fanout: this.#queues.open(this.#store),
      domain: DOMAIN,
      config: { padding: this.padding, inactiveMonths: INACTIVE_MONTHS, expiryMonths: EXPIRY_MONTHS },
      now: () => this.now,
      clockSettled: () => this.clockSettled,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store?.close()
    rmSync(this.directory, { recursive: true, force: true })
  }

  get store(): OpenedVeil {
    if (this.#store === undefined) throw new Error("not started")
    return this.#store
  }

  get handlers(): Ds["handlers"] {
    if (this.#ds === undefined) throw new Error("not started")
    return this.#ds.handlers
  }

  get lifetime(): { notBefore: bigint; notAfter: bigint } {
    const now = BigInt(Math.floor(this.now / 1000))
    return { notBefore: now - 3600n, notAfter: now + 90n * 86_400n }
  }

  /** What the server does about once a day. */
  async sweep(): Promise<void> {
    await this.#ds?.sweep()
  }

  /** Lets months pass. */
  wait(months: number): void {
    const date = new Date(this.now)
    date.setUTCMonth(date.getUTCMonth() + months)
    this.now = date.getTime()
  }

  /** The queue config of the client with this name. */
  queueConfig(name: string, domain = DOMAIN): Uint8Array {
    return this.#queues.queueConfig(name, domain)
  }

  /** What has arrived in a client's queue since the last call. */
  take(name: string): QueueMessage[] {
    return this.#queues.take(name).map(decodeQueueMessage)
  }

  /** Calls an unsigned operation; the parameters travel through CBOR. */
  async ask<K extends UnsignedOperation>(
    name: K,
    params: Params<(typeof ds)[K]>,
  ): Promise<Result<(typeof ds)[K]>> {
    const handler = this.handlers[name] as (params: unknown) => Promise<Result<(typeof ds)[K]>>
    return handler(decodeCbor(encodeCbor(params)))
  }

  /** Calls a signed operation with a real signature, checked as the edge checks it. */
  async call<K extends SignedOperation>(
    name: K,
    signer: Signer,
    params: Params<(typeof ds)[K]>,
  ): Promise<Result<(typeof ds)[K]>> {
    const handler = this.handlers[name] as (call: SignedCall<unknown>) => Promise<Result<(typeof ds)[K]>>
    return handler(this.#signedCall(ds[name], signer, params))
  }

  #signedCall<P>(endpoint: Endpoint, signer: Signer, params: P): SignedCall<P> {
    const aad = externalAad("POST", endpoint.path)
    const parts = {
      kid: encodeSenderId(signer.sender),
      issuedAt: Math.floor(this.now / 1000),
      nonce: nativeCrypto.random(16),
      payload: encodeCbor(params),
    }
    const request = parseRequest(signRequest(nativeCrypto, signer.seed, parts, aad))
    const claimed = decodeCbor(request.payload) as P
    return {
      sender: signer.sender,
      claimed,
      verify: (publicKey) => {
        if (!request.verify(nativeCrypto, publicKey, aad)) throw new Problem("auth.refused")
        if (this.#seen.has(toHex(request.nonce))) throw new Problem("auth.replayed")
        this.#seen.add(toHex(request.nonce))
        return claimed as Verified<P>
      },
    }
  }
}

/** The refusal that a call ends in; fails if it succeeds. */
export async function refusalOf(call: Promise<unknown>): Promise<Problem> {
  try {
    await call
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error("the call was not refused")
}

/** The id of the rule for which a call is refused as not allowed; another refusal's code. */
export async function brokenRule(call: Promise<unknown>): Promise<string> {
  const { code, rule } = await refusalOf(call)
  return code === "ds.not-allowed" ? `${rule}` : code
}

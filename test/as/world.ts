import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sql from "../../db/as/0001_init.sql" with { type: "text" }
import type { AsKeys, Revoked } from "../../src/as/authority.ts"
import { type As, createAs } from "../../src/as/service.ts"
import { QueueEngine } from "../../src/queue/engine.ts"
import { type Store, StoreFailed, type Unit, type View } from "../../src/store/database.ts"
import { type OpenedStore, openStore } from "../../src/store/open.ts"
import { localWakeups } from "../../src/store/wakeups.ts"
import { as } from "../../src/wire/as.ts"
import type { SignedCall, Verified } from "../../src/wire/call.ts"
import { decodeCbor, encodeCbor } from "../../src/wire/cbor.ts"
import { makeConnectionPackage } from "../../src/wire/connection.ts"
import { externalAad, parseRequest, signRequest } from "../../src/wire/cose.ts"
import { makeClientCsr } from "../../src/wire/credentials.ts"
import type { Endpoint, Params } from "../../src/wire/endpoint.ts"
import { Problem, type ProblemCode } from "../../src/wire/problem.ts"
import { decodeSenderId, encodeSenderId } from "../../src/wire/sender.ts"
import {
  type Authority,
  crypto,
  DOMAIN,
  makeAuthority,
  NOW,
  type TestClient,
  withNextIntermediate,
} from "./fixtures.ts"

/** An AS over a real database in a directory of its own, with a clock that the test moves. */
export class World {
  readonly directory = mkdtempSync(join(tmpdir(), "cinder-as-"))
  authority: Authority = makeAuthority()
  readonly slotKey = crypto.random(32)
  /** Milliseconds. */
  now = NOW * 1000
  readonly wakeups = localWakeups()
  /** The next change fails after its effects were taken, as when the disk is full. */
  failNextChange = false
  store!: OpenedStore
  engine!: QueueEngine
  service!: As

  static async open(options: WorldOptions = {}): Promise<World> {
    const world = new World()
    await world.start(options)
    return world
  }

  async start({ pendingMax = 100, revocations = [] }: WorldOptions = {}): Promise<void> {
    const { slotKey } = this
    this.store = await openStore({
      file: join(this.directory, "as.sqlite"),
      migrations: [{ version: 1, sql }],
    })
    const now = () => this.now
    const wakeups = this.wakeups
    const tables = { queueTable: "as_queue", poolPrefix: "as_pool" }
    this.engine = new QueueEngine({ crypto, store: this.store, ...tables, slotKey, now, wakeups })
    this.service = createAs({
      store: this.failingStore(),
      crypto,
      engine: this.engine,
      keys: this.keys(revocations),
      domain: DOMAIN,
      now,
      pendingLimits: { entriesMax: pendingMax, seconds: 300 },
    })
  }

  private keys(revocations: readonly Revoked[]): AsKeys {
    const { root, intermediate, intermediateSeed, trust } = this.authority
    const { intermediates } = trust
    return {
      asCredentials: [root],
      endorsements: [],
      intermediates,
      intermediate,
      intermediateSeed,
      revocations,
    }
  }

  /** Revokes while the service runs. */
  revoke(...revocations: readonly Revoked[]): void {
    this.service.replaceKeys(this.keys(revocations))
  }

  /** A new intermediate signs while the service runs, and the one before stays published. */
  rotate(): void {
    this.authority = withNextIntermediate(this.authority, this.seconds)
    this.service.replaceKeys(this.keys([]))
  }

  private failingStore(): Store {
    const { store } = this
    const submit = (unit: Unit): Promise<void> => {
      const fails = this.failNextChange
      this.failNextChange = false
      if (!fails) return store.writer.submit(unit)
      const effects = (view: View) => {
        unit.effects(view)
        throw new StoreFailed("disk full")
      }
      const { expects } = unit
      return store.writer.submit({ expects, effects, failed: () => unit.failed?.() })
    }
    return {
      get: (table, key) => store.get(table, key),
      list: (table, prefix, limit, after) => store.list(table, prefix, limit, after),
      count: (table) => store.count(table),
      partitions: (prefix) => store.partitions(prefix),
      writer: { submit, dropTable: (table) => store.writer.dropTable(table) },
    }
  }

  /** Ends the service and starts another over the same files, as a restarted process does. */
  async restart(options: WorldOptions = {}): Promise<void> {
    this.engine.stop()
    await this.store.close()
    await this.start(options)
  }

  get seconds(): number {
    return Math.floor(this.now / 1000)
  }

  /** First step: the client, with the credential that the AS issued. */
  async init(clientId = crypto.random(32), seed = crypto.random(32)): Promise<TestClient> {
    const csr = makeClientCsr(crypto, seed, clientId, DOMAIN)
    const { credential } = await this.service.handlers.initRegistration({ csr })
    return { clientId, seed, credential }
  }

  finish(client: TestClient, params: FinishParams): Promise<object> {
    return this.service.handlers.finishRegistration(signed(as.finishRegistration, client, params))
  }

  async register(packageCount = 3): Promise<Registered> {
    const client = await this.init()
    const queueSecret = crypto.random(32)
    const packages = Array.from({ length: packageCount }, () => this.makePackage(client))
    await this.finish(client, { queueKey: crypto.x25519Public(queueSecret), connectionPackages: packages })
    return { ...client, user: client.clientId.subarray(0, 16), queueSecret, packages }
  }

  makePackage(client: TestClient, secret = crypto.random(32)): Uint8Array {
    const encryptionKey = crypto.x25519Public(secret)
    return makeConnectionPackage(crypto, client.seed, client.credential, encryptionKey, this.seconds)
  }

  /** `answered` is given the request's parameters as soon as there is an answer; the edge overwrites them then. */
  async publish(
    client: TestClient,
    connectionPackages: Uint8Array[],
    answered: (params: Params<typeof as.publishConnectionPackages>) => void = () => undefined,
  ): Promise<object> {
    const call = signed(as.publishConnectionPackages, client, { connectionPackages })
    const answer = await this.service.handlers.publishConnectionPackages(call)
    answered(call.claimed)
    return answer
  }

  async claim(user: Uint8Array): Promise<Uint8Array> {
    return (await this.service.handlers.claimConnectionPackage({ user })).connectionPackage
  }

  /** All bytes of all files of the data directory. */
  files(): Buffer {
    this.store.scrub()
    return Buffer.concat(readdirSync(this.directory).map((name) => readFileSync(join(this.directory, name))))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.engine.stop()
    await this.store.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

export interface WorldOptions {
  readonly pendingMax?: number
  readonly revocations?: readonly Revoked[]
}

export type FinishParams = Params<typeof as.finishRegistration>

export interface Registered extends TestClient {
  readonly user: Uint8Array
  readonly queueSecret: Uint8Array
  readonly packages: readonly Uint8Array[]
}

/** A request as the edge hands it on: really signed, really parsed. `onVerify` sees the key that is tried. */
export function signed<E extends Endpoint>(
  endpoint: E,
  sender: Pick<TestClient, "clientId" | "seed">,
  params: Params<E>,
  onVerify: (publicKey: Uint8Array) => void = () => undefined,
): SignedCall<Params<E>> {
  const aad = externalAad("POST", endpoint.path)
  const kid = encodeSenderId({ kind: "client", id: sender.clientId })
  const parts = { kid, issuedAt: NOW, nonce: crypto.random(16), payload: encodeCbor(params) }
  const request = parseRequest(signRequest(crypto, sender.seed, parts, aad))
  const claimed = decodeCbor(request.payload) as Params<E>
  return {
    sender: decodeSenderId(request.kid),
    claimed,
    verify(publicKey) {
      onVerify(publicKey)
      if (!request.verify(crypto, publicKey, aad)) throw new Problem("auth.refused")
      return claimed as Verified<Params<E>>
    },
  }
}

/** The code that a call is refused with. */
export async function problemOf(call: Promise<unknown>): Promise<ProblemCode | "accepted"> {
  try {
    await call
    return "accepted"
  } catch (error) {
    if (error instanceof Problem) return error.code
    throw error
  }
}

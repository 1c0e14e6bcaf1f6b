import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Allowance, type PeriodKey, type PeriodKeys } from "../../src/as/allowance.ts"
import type { AsKeys, Revoked } from "../../src/as/authority.ts"
import type { Issuance } from "../../src/as/issuance.ts"
import type { LoginLimits } from "../../src/as/logins.ts"
import { type As, createAs } from "../../src/as/service.ts"
import { type AllowanceRow, allowances, queues, veiledTables } from "../../src/as/tables.ts"
import { TokenKeys } from "../../src/as/token-keys.ts"
import { OpaqueClient } from "../../src/crypto/opaque/client.ts"
import { makeOpaqueSetup } from "../../src/crypto/opaque/server.ts"
import { asMigrations } from "../../src/migrations.ts"
import { monthOf } from "../../src/month.ts"
import { challengeDigest } from "../../src/privacypass/challenge.ts"
import { PendingBatch } from "../../src/privacypass/client.ts"
import { LocalEvaluator } from "../../src/privacypass/evaluator.ts"
import { serviceChallenge } from "../../src/privacypass/service-challenge.ts"
import { nobleVoprf } from "../../src/privacypass/voprf.ts"
import { QueueEngine } from "../../src/queue/engine.ts"
import { type Store, StoreFailed, type Unit, type View } from "../../src/store/database.ts"
import { openStore } from "../../src/store/open.ts"
import { localWakeups } from "../../src/store/wakeups.ts"
import { as } from "../../src/wire/as.ts"
import type { SignedCall, Verified } from "../../src/wire/call.ts"
import { decodeCbor, encodeCbor } from "../../src/wire/cbor.ts"
import { makeConnectionPackage } from "../../src/wire/connection.ts"
import { externalAad, parseRequest, signRequest } from "../../src/wire/cose.ts"
import { makeClientCsr } from "../../src/wire/credentials.ts"
import type { Endpoint, Params, Result } from "../../src/wire/endpoint.ts"
import { Problem, type ProblemCode } from "../../src/wire/problem.ts"
import { decodeSenderId, encodeSenderId, type SenderId } from "../../src/wire/sender.ts"
import { OpenedVeil } from "../veil/opened.ts"
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
  readonly opaqueSetup = makeOpaqueSetup()
  readonly invitationKey = crypto.random(32)
  readonly aliasSalt = crypto.random(32)
  /** Milliseconds. */
  now = NOW * 1000
  readonly wakeups = localWakeups()
  /** Survives restarts, as the file does. */
  readonly periodKeys = memoryPeriodKeys()
  readonly tokenAllowance = 250
  /** The next change fails after its effects were taken, as when the disk is full. */
  failNextChange = false
  store!: OpenedVeil
  engine!: QueueEngine
  service!: As
  issuing!: Issuance

  static async open(options: WorldOptions = {}): Promise<World> {
    const world = new World()
    await world.start(options)
    return world
  }

  async start(options: WorldOptions = {}): Promise<void> {
    const { pendingMax = 100, revocations = [], loginLimits, invitationRequired = false } = options
    const { consumingClaimsMax = 100, claimTargetsMax = 100, queueEntriesMax = 100 } = options
    const { slotKey, opaqueSetup, invitationKey } = this
    const disk = await openStore({
      file: join(this.directory, "as.sqlite"),
      migrations: asMigrations,
    })
    this.store = new OpenedVeil(disk, [slotKey], veiledTables)
    const now = () => this.now
    const wakeups = this.wakeups
    const tables = { queues, poolPrefix: "as_pool" }
    const limits = { queueEntriesMax }
    const slotKeys = [slotKey]
    this.engine = new QueueEngine({ crypto, store: this.store, ...tables, slotKeys, now, wakeups, limits })
    this.issuing = await this.issuance()
    this.service = createAs({
      store: this.failingStore(),
      crypto,
      engine: this.engine,
      keys: this.keys(revocations),
      issuance: this.issuing,
      opaqueSetup,
      invitations: { required: invitationRequired, key: invitationKey },
      domain: DOMAIN,
      aliasSalt: this.aliasSalt,
      now,
      pendingLimits: { entriesMax: pendingMax, seconds: 300 },
      ...(loginLimits === undefined ? {} : { loginLimits }),
      claimLimits: { turns: consumingClaimsMax, periodSeconds: 3600, targetsMax: claimTargetsMax },
    })
  }

  private async issuance(): Promise<Issuance> {
    const voprf = nobleVoprf(crypto.random)
    const evaluator = new LocalEvaluator(voprf)
    const keys = await TokenKeys.open(
      { crypto, voprf, store: this.store, evaluators: [evaluator] },
      monthOf(this.now),
    )
    return { keys, evaluator, allowance: new Allowance(crypto, this.periodKeys, this.tokenAllowance) }
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

  /** The first two steps: the client, with the credential that the AS issued and its proof of the first login. */
  async init(
    clientId = crypto.random(32),
    seed = crypto.random(32),
    invitation: Uint8Array | null = null,
  ): Promise<Pending> {
    const { client, record } = await this.requestCredential({ clientId, seed }, invitation)
    const { ke3 } = await this.beginFirstLogin(client, record)
    return { ...client, ke3 }
  }

  /** The first step: the client with its credential, and the record of its password. */
  async requestCredential(
    { clientId, seed }: Pick<TestClient, "clientId" | "seed">,
    invitation: Uint8Array | null = null,
  ): Promise<{ readonly client: TestClient; readonly record: Uint8Array }> {
    const csr = makeClientCsr(crypto, seed, clientId, DOMAIN)
    const { request: opaqueRequest, finish } = opaqueOf(clientId).startRegistration()
    const { credential, opaqueResponse } = await this.service.handlers.initRegistration({
      ...{ csr, opaqueRequest, invitation },
    })
    return { client: { clientId, seed, credential }, record: finish(opaqueResponse) }
  }

  /** The second step, with whatever password; it must be the record's to lead to a proof. */
  async beginFirstLogin(
    client: Pick<TestClient, "clientId" | "seed">,
    record: Uint8Array,
    password = PASSWORD,
  ): Promise<{ readonly ke2: Uint8Array; readonly ke3: Uint8Array }> {
    const { ke1, finish } = opaqueOf(client.clientId, password).startLogin()
    const { ke2 } = await this.service.handlers.startRegistrationLogin(
      signed(as.startRegistrationLogin, client, { record, ke1 }),
    )
    const ke3 = finish(ke2)
    if (ke3 === undefined) throw new Error("the password does not fit")
    return { ke2, ke3 }
  }

  finish({ ke3, ...client }: Pending, params: Omit<FinishParams, "ke3">): Promise<object> {
    return this.service.handlers.finishRegistration(signed(as.finishRegistration, client, { ...params, ke3 }))
  }

  /** First step of a login: OPAQUE's last message, or undefined if the password is wrong. */
  async logIn(client: TestClient, password = PASSWORD): Promise<Uint8Array | undefined> {
    const { ke1, finish } = opaqueOf(client.clientId, password).startLogin()
    const { ke2 } = await this.service.handlers.startLogin(signed(as.startLogin, client, { ke1 }))
    return finish(ke2)
  }

  delete(client: TestClient, ke3: Uint8Array): Promise<object> {
    return this.service.handlers.deleteAccount(signed(as.deleteAccount, client, { ke3 }))
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

  readonly allowanceTable = allowances

  allowanceRows(): AllowanceRow[] {
    return this.store.list(allowances, {}, 100)
  }

  dequeue(
    client: Pick<TestClient, "clientId" | "seed">,
    params: Partial<Params<typeof as.dequeue>> = {},
  ): Promise<Result<typeof as.dequeue>> {
    const all = { acknowledge: [], usedUp: [], read: [], max: 100, ...params }
    return this.service.handlers.dequeue(signed(as.dequeue, client, all))
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

function memoryPeriodKeys(): PeriodKeys {
  let kept: PeriodKey | undefined
  return {
    get kept() {
      return kept === undefined ? undefined : { ...kept, key: kept.key.slice() }
    },
    keep(key) {
      kept = { ...key, key: key.key.slice() }
    },
  }
}

export interface WorldOptions {
  readonly pendingMax?: number
  readonly consumingClaimsMax?: number
  readonly claimTargetsMax?: number
  readonly queueEntriesMax?: number
  readonly revocations?: readonly Revoked[]
  readonly loginLimits?: LoginLimits
  readonly invitationRequired?: boolean
}

/** Everybody's, and with little stretching: what is tested is not Argon2. */
export const PASSWORD = "correct horse battery staple"

export function opaqueOf(clientId: Uint8Array, password = PASSWORD, domain = DOMAIN): OpaqueClient {
  return new OpaqueClient({ user: clientId.subarray(0, 16), domain }, password, "minimal")
}

/** A client before the last step of its registration. */
export interface Pending extends TestClient {
  readonly ke3: Uint8Array
}

export type FinishParams = Params<typeof as.finishRegistration>

export interface Registered extends Pending {
  readonly user: Uint8Array
  readonly queueSecret: Uint8Array
  readonly packages: readonly Uint8Array[]
}

/** A client's request as the edge hands it on. `onVerify` sees the key that is tried. */
export function signed<E extends Endpoint>(
  endpoint: E,
  { clientId, seed }: Pick<TestClient, "clientId" | "seed">,
  params: Params<E>,
  onVerify: (publicKey: Uint8Array) => void = () => undefined,
): SignedCall<Params<E>> {
  return signedBy({ kind: "client", id: clientId }, endpoint, seed, params, onVerify)
}

/** What a client asks for tokens with, for the delivery service. */
export function tokenBatch(world: World, tokens: number): PendingBatch {
  const digest = challengeDigest(crypto, serviceChallenge(crypto, DOMAIN, "delivery"))
  const [{ publicKey }] = world.issuing.keys.accepted
  return PendingBatch.create(crypto, nobleVoprf(crypto.random), {
    publicKey,
    challengeDigest: digest,
    tokens,
  })
}

/** A request as the edge hands it on: really signed, really parsed. */
export function signedBy<E extends Endpoint>(
  sender: SenderId,
  endpoint: E,
  seed: Uint8Array,
  params: Params<E>,
  onVerify: (publicKey: Uint8Array) => void = () => undefined,
): SignedCall<Params<E>> {
  const aad = externalAad("POST", endpoint.path)
  const kid = encodeSenderId(sender)
  const parts = { kid, issuedAt: NOW, nonce: crypto.random(16), payload: encodeCbor(params) }
  const request = parseRequest(signRequest(crypto, seed, parts, aad))
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

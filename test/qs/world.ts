import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { seal } from "../../src/crypto/hpke.ts"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { signLabeled } from "../../src/crypto/signature.ts"
import { CLIENT_RETENTION_MONTHS } from "../../src/limits.ts"
import { deliveryMigrations } from "../../src/migrations.ts"
import type { OutgoingOptions } from "../../src/outgoing/post.ts"
import type { QsSecrets, QsStore } from "../../src/qs/parts.ts"
import type { PushPace } from "../../src/qs/push/scheduler.ts"
import { createQs, type Qs } from "../../src/qs/service.ts"
import { type ClientRow, clients, queues, veiledTables } from "../../src/qs/tables.ts"
import { QueueEngine } from "../../src/queue/engine.ts"
import { type OpenedStore, openStore } from "../../src/store/open.ts"
import { localWakeups } from "../../src/store/wakeups.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import type { SignedCall, Verified } from "../../src/wire/call.ts"
import { decodeCbor, encodeCbor } from "../../src/wire/cbor.ts"
import { externalAad, parseRequest, signRequest } from "../../src/wire/cose.ts"
import { Problem } from "../../src/wire/problem.ts"
import {
  encodeClientQueueConfig,
  encodeQueueConfig,
  LAST_RESORT_EXTENSION_TYPE,
  QUEUE_CONFIG_EXTENSION_TYPE,
  queueConfigTbs,
} from "../../src/wire/queue-config.ts"
import { decodeSenderId, encodeSenderId, type SenderId } from "../../src/wire/sender.ts"
import { OpenedVeil } from "../veil/opened.ts"
import { type KeyPackageChanges, keyPackageWith } from "./key-package.ts"

export { crypto }
export const DOMAIN = "example.org"
export const NOW = Date.UTC(2026, 10, 20)

/** A QS over a real database in a directory of its own. */
export class World {
  readonly directory: string
  readonly disk: OpenedStore
  store!: OpenedVeil
  secrets: QsSecrets & { readonly slotKeys: readonly Uint8Array[] } = {
    configSecretKeys: [crypto.random(32)],
    ticketKey: crypto.random(32),
    signingSeed: crypto.random(32),
    slotKeys: [crypto.random(32)],
    pushSeed: crypto.random(32),
  }
  /** Milliseconds since 1970. */
  now = NOW
  /** For the next service that is started. */
  retentionMonths = CLIENT_RETENTION_MONTHS
  consumingClaimsMax = 100
  outgoing: OutgoingOptions = { allowPrivate: false }
  pushPace: PushPace = { delay: [1, 5], interval: [40, 60] }
  engine!: QueueEngine
  qs!: Qs

  private constructor(directory: string, disk: OpenedStore) {
    this.directory = directory
    this.disk = disk
    this.restart()
  }

  static async open(): Promise<World> {
    const directory = mkdtempSync(join(tmpdir(), "cinder-qs-"))
    const file = join(directory, "delivery.sqlite")
    return new World(directory, await openStore({ file, migrations: deliveryMigrations }))
  }

  /** Forgets everything that is in memory only; some of the secrets may have been rotated. */
  restart(
    rotated: Partial<World["secrets"]> = {},
    wrapped: (store: QsStore) => QsStore = (store) => store,
    provider = crypto,
  ): void {
    this.qs?.stop()
    this.secrets = { ...this.secrets, ...rotated }
    const { secrets } = this
    const now = () => this.now
    const wakeups = localWakeups()
    const tables = { queues, poolPrefix: "qs_pool" }
    this.store = new OpenedVeil(this.disk, secrets.slotKeys, veiledTables)
    const store = wrapped(this.store)
    this.engine = new QueueEngine({ crypto, store, ...tables, slotKeys: secrets.slotKeys, now, wakeups })
    const { engine, retentionMonths, outgoing, pushPace } = this
    const claimLimits = { turns: this.consumingClaimsMax, periodSeconds: 3600, targetsMax: 100 }
    const parts = { crypto: provider, store, engine, secrets, domain: DOMAIN, now }
    this.qs = createQs({ ...parts, retentionMonths, claimLimits, outgoing, pushPace })
  }

  clientRows(): ClientRow[] {
    return this.store.rows(clients)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.qs.stop()
    await this.disk.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

const AAD = externalAad("POST", "/test")

/** A request as it comes from the edge, really signed and really verified. */
export function signed<P>(seed: Uint8Array, sender: SenderId, params: P): SignedCall<P> {
  const kid = encodeSenderId(sender)
  const parts = { kid, issuedAt: NOW / 1000, nonce: crypto.random(16), payload: encodeCbor(params) }
  const request = parseRequest(signRequest(crypto, seed, parts, AAD))
  const claimed = decodeCbor(request.payload) as P
  return {
    sender: decodeSenderId(request.kid),
    claimed,
    verify(publicKey) {
      if (!request.verify(crypto, publicKey, AAD)) throw new Problem("auth.refused")
      return claimed as Verified<P>
    },
  }
}

/** The keys of a QS user with one client, and what the QS answered when it was created. */
export class Member {
  userSeed = crypto.random(32)
  clientSeed = crypto.random(32)
  friendshipToken = crypto.random(32)
  queueSecretKey = crypto.random(32)
  client: Uint8Array = new Uint8Array(16)
  user: Uint8Array = new Uint8Array(16)

  pushTokenKey: Uint8Array | undefined

  /** `sibling`: a client of the same user. */
  constructor(sibling?: Member) {
    if (sibling === undefined) return
    this.userSeed = sibling.userSeed
    this.user = sibling.user
    this.friendshipToken = sibling.friendshipToken
  }

  registration() {
    return {
      userAuthKey: crypto.ed25519Public(this.userSeed),
      friendshipTokenHash: crypto.sha256(this.friendshipToken),
      clientAuthKey: crypto.ed25519Public(this.clientSeed),
      queueKey: crypto.x25519Public(this.queueSecretKey),
    }
  }

  async register(world: World): Promise<void> {
    const { user, client } = await world.qs.handlers.createUser(this.registration())
    this.user = user
    this.client = client
  }

  /** Signed as the client. */
  signed<P>(params: P): SignedCall<P> {
    return signed(this.clientSeed, { kind: "qs-client", id: this.client }, params)
  }

  signedAsUser<P>(params: P): SignedCall<P> {
    return signed(this.userSeed, { kind: "qs-user", id: this.user }, params)
  }

  /** What the record of this client is given, with changes. */
  clientParams() {
    const { clientAuthKey, queueKey } = this.registration()
    return { clientAuthKey, queueKey, pushToken: null as Uint8Array | null }
  }

  /** Another client of the same user, which the QS knows as well. */
  async addClient(world: World): Promise<Member> {
    const other = new Member(this)
    const { client } = await world.qs.handlers.createClient(this.signedAsUser(other.clientParams()))
    other.client = client
    return other
  }

  /** A sealed queue config as this client gives it to others. */
  queueConfig(world: World, domain = DOMAIN, seed = this.clientSeed): Uint8Array {
    const { client, pushTokenKey } = this
    const plaintext = encodeQueueConfig({ client, pushTokenKey })
    const configKey = crypto.x25519Public(world.secrets.configSecretKeys.at(-1) as Uint8Array)
    const sealed = seal(crypto, configKey, labels.queueConfig, utf8(domain), plaintext)
    const tbs = queueConfigTbs({ domain, sealed })
    const signature = signLabeled(crypto, seed, labels.queueConfigSignature, tbs)
    return encodeClientQueueConfig({ domain, sealed, signature })
  }

  addPackage(world: World, lastResort: boolean, changes: KeyPackageChanges = {}) {
    const config = { type: QUEUE_CONFIG_EXTENSION_TYPE, data: this.queueConfig(world) }
    const mark = { type: LAST_RESORT_EXTENSION_TYPE, data: new Uint8Array(0) }
    return {
      keyPackage: keyPackageWith(NOW / 1000, {
        extensions: lastResort ? [config, mark] : [config],
        ...changes,
      }),
      encryptedCredential: crypto.random(500),
    }
  }

  /** `normal` packages that can be used once, and one of last resort. */
  addPackages(world: World, normal: number) {
    return Array.from({ length: normal + 1 }, (_, i) => this.addPackage(world, i === 0))
  }
}

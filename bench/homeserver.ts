import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Config } from "../src/config/config.ts"
import { makeSecrets, type Secrets } from "../src/config/secrets.ts"
import { obtainSecrets } from "../src/config/secrets-file.ts"
import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import { createContext, type DsContext, type DsDependencies } from "../src/ds/context.ts"
import { createDs, type Ds } from "../src/ds/service.ts"
import { type CallGuard, callOpener } from "../src/http/calls.ts"
import { Freshness } from "../src/http/freshness.ts"
import { ReplayCache } from "../src/http/replay.ts"
import { CLIENT_RETENTION_MONTHS, PADDING_UNIT_BYTES_MIN } from "../src/limits.ts"
import { deliveryMigrations } from "../src/migrations.ts"
import { createQs, type Qs } from "../src/qs/service.ts"
import { queues, veiledTables } from "../src/qs/tables.ts"
import { QueueEngine } from "../src/queue/engine.ts"
import { qsSecrets } from "../src/server/services.ts"
import { type OpenedStore, openStore } from "../src/store/open.ts"
import { localWakeups } from "../src/store/wakeups.ts"
import { VeiledStore } from "../src/veil/store.ts"
import { ds } from "../src/wire/ds.ts"
import type { TimedOperation } from "./signed-body.ts"

/** DS and QS over one store on the disk, put together as the server does, called with the bodies that HTTP would bring. */

export const DOMAIN = "bench.example.org"

/** A new directory of the system's place for temporary files, which should be on a disk. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), "cinder-bench-"))
}

type DsParts = Partial<Pick<DsDependencies, "store" | "fanout">>

export class Homeserver {
  readonly disk: OpenedStore
  readonly store: VeiledStore
  readonly qs: Qs
  readonly context: DsContext
  readonly secrets: Pick<
    Secrets,
    "queueConfigKeys" | "ticketKey" | "queueSigningSeed" | "queueSlotKeys" | "pushSeed"
  >
  readonly #ds: Ds
  readonly #openers: { readonly [K in TimedOperation]: ReturnType<typeof openerOf<K>> }
  readonly #directory: string
  readonly #owned: boolean

  private constructor(
    directory: string,
    owned: boolean,
    disk: OpenedStore,
    secrets: Homeserver["secrets"],
    parts: DsParts = {},
  ) {
    this.#directory = directory
    this.#owned = owned
    this.disk = disk
    this.store = new VeiledStore({
      crypto,
      store: disk,
      slotKeys: secrets.queueSlotKeys,
      tables: veiledTables,
    })
    const { store } = this
    this.secrets = secrets
    const now = Date.now
    const engine = new QueueEngine({
      crypto,
      store,
      queues,
      poolPrefix: "qs_pool",
      slotKeys: secrets.queueSlotKeys,
      now,
      wakeups: localWakeups(),
    })
    this.qs = createQs({
      crypto,
      store,
      engine,
      secrets: qsSecrets(secrets),
      outgoing: { allowPrivate: false },
      domain: DOMAIN,
      retentionMonths: CLIENT_RETENTION_MONTHS,
      now,
    })
    const padding = { kind: "doubling", unitBytes: PADDING_UNIT_BYTES_MIN, percentile: 8 } as const
    const config = { padding, inactiveMonths: 3, expiryMonths: 12 }
    const { fanout } = this.qs
    const dependencies = { store, crypto, fanout, domain: DOMAIN, config, now, clockSettled: () => true }
    this.#ds = createDs({ ...dependencies, ...parts })
    this.context = createContext(dependencies)
    const guard = { crypto, freshness: new Freshness(now, 0), replay: new ReplayCache(crypto) }
    this.#openers = {
      sendMessage: openerOf(guard, "sendMessage"),
      addUsers: openerOf(guard, "addUsers"),
      welcomeInfo: openerOf(guard, "welcomeInfo"),
      updateClient: openerOf(guard, "updateClient"),
      removeUsers: openerOf(guard, "removeUsers"),
    }
  }

  /** In a directory that goes with it. */
  static async open(): Promise<Homeserver> {
    const directory = temporaryDirectory()
    const secrets = makeSecrets(crypto, DOMAIN, Math.floor(Date.now() / 1000))
    return new Homeserver(directory, true, await openDelivery(directory), secrets)
  }

  /** In the place where `cinder serve` will look, with the secrets that it will find. */
  static async prepare(directory: string): Promise<Homeserver> {
    const config = { dataDirectory: join(directory, "data"), secretsFile: join(directory, "secrets") }
    const { secrets } = obtainSecrets(
      crypto,
      { ...config, domain: DOMAIN } as Config,
      Math.floor(Date.now() / 1000),
    )
    return new Homeserver(directory, false, await openDelivery(config.dataDirectory), secrets)
  }

  /** What the edge does with a body, and the handler, until the answer would be sent. */
  async call(name: TimedOperation, body: Uint8Array): Promise<void> {
    switch (name) {
      case "sendMessage":
        await this.#ds.handlers.sendMessage(this.#openers.sendMessage(body))
        return
      case "addUsers":
        await this.#ds.handlers.addUsers(this.#openers.addUsers(body))
        return
      case "welcomeInfo":
        await this.#ds.handlers.welcomeInfo(this.#openers.welcomeInfo(body))
        return
      case "updateClient":
        await this.#ds.handlers.updateClient(this.#openers.updateClient(body))
        return
      case "removeUsers":
        await this.#ds.handlers.removeUsers(this.#openers.removeUsers(body))
    }
  }

  /**
   * The services started anew over the same store: what was in memory only is gone. To be used instead of this one. `parts`
   * of the delivery service, if not the usual ones.
   */
  restarted(parts: DsParts = {}): Homeserver {
    return new Homeserver(this.#directory, this.#owned, this.disk, this.secrets, parts)
  }

  async close(): Promise<void> {
    await this.disk.close()
    if (this.#owned) rmSync(this.#directory, { recursive: true, force: true })
  }
}

function openerOf<K extends TimedOperation>(guard: CallGuard, name: K) {
  const { path, params } = ds[name]
  const sender = name === "welcomeInfo" ? "kpref" : "leaf"
  return callOpener<(typeof ds)[K]["params"]>(guard, { method: "POST", path, sender, params })
}

async function openDelivery(directory: string): Promise<OpenedStore> {
  return await openStore({
    file: join(directory, "delivery.sqlite"),
    migrations: deliveryMigrations,
  })
}

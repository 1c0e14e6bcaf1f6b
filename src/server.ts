import { join } from "node:path"
import asInit from "../db/as/0001_init.sql" with { type: "text" }
import deliveryQueues from "../db/delivery/0001_queues.sql" with { type: "text" }
import deliveryGroups from "../db/delivery/0002_groups.sql" with { type: "text" }
import { version } from "../package.json"
import type { AsKeys } from "./as/authority.ts"
import { createAs } from "./as/service.ts"
import { RunningAuthority } from "./config/authority/running.ts"
import type { AuthoritySecrets } from "./config/authority/secrets.ts"
import { type Config, ConfigError } from "./config/config.ts"
import { authorityOf, type Secrets, wipeSecrets } from "./config/secrets.ts"
import { obtainSecrets } from "./config/secrets-file.ts"
import { nativeCrypto as crypto } from "./crypto/native.ts"
import { createDs } from "./ds/service.ts"
import { DISCOVERY_PATH, discoveryDocument } from "./http/discovery.ts"
import { Edge } from "./http/edge.ts"
import type { Report } from "./http/failure.ts"
import { openApiDocument } from "./http/openapi.ts"
import { operationsOf } from "./http/routes.ts"
import { EPOCH_ROWS_MAX, PENDING_UNITS_MAX } from "./limits.ts"
import { createQs } from "./qs/service.ts"
import { QUEUE_TABLE } from "./qs/tables.ts"
import { QueueEngine } from "./queue/engine.ts"
import type { Migration } from "./store/migrations.ts"
import { type OpenedStore, openStore } from "./store/open.ts"
import { localWakeups } from "./store/wakeups.ts"
import { as } from "./wire/as.ts"
import { ds } from "./wire/ds.ts"
import { qs } from "./wire/qs.ts"

/** What the server tells whoever runs it. */
export interface Surroundings {
  /** A defect was met while answering a request; the server goes on. */
  readonly report: Report
  /** The store cannot go on: what was answered is durable, what was not is lost. */
  readonly fault: (error: unknown) => void
  /** The operator should do something before long; one sentence. */
  readonly warn: (sentence: string) => void
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

export interface RunningServer {
  readonly port: number
  /** The secrets were made just now: the first start of this server. */
  readonly created: boolean
  /**
   * Reads the secrets file again and takes over the AS's credentials and revocations; nothing else in it may have changed.
   * It happens by itself about once a day. Throws ConfigError, and then the server goes on as it was.
   */
  reload(): void
  /** Lets requests in flight be answered, ends streams, writes and scrubs everything, closes. Again: the same promise. */
  stop(): Promise<void>
}

const defaults: Surroundings = {
  report: (line) => console.error(line),
  fault(error) {
    queueMicrotask(() => {
      throw error
    })
  },
  warn: (sentence) => console.error(sentence),
  clock: Date.now,
}

const HOUR_MILLISECONDS = 3_600_000

const asMigrations: readonly Migration[] = [{ version: 1, sql: asInit }]
const deliveryMigrations: readonly Migration[] = [
  { version: 1, sql: deliveryQueues },
  { version: 2, sql: deliveryGroups },
]

/**
 * Opens the databases, puts the services together and listens.
 *
 * @throws ConfigError, StoreLocked, StoreIncompatible, StoreFailed: each with a sentence for the operator
 */
export async function startServer(config: Config, given: Partial<Surroundings> = {}): Promise<RunningServer> {
  const surroundings = { ...defaults, ...given }
  const { secrets, created } = obtainSecrets(crypto, config, Math.floor(surroundings.clock() / 1000))
  const stores = await openStores(config, surroundings)
  try {
    // No earlier process has the databases any more: whatever it accepted was signed before this second has ended.
    const boundary = created ? 0 : Math.floor(surroundings.clock() / 1000)
    const services = composeServices(config, secrets, stores, surroundings)
    const { edge, engines } = composeEdge(config, services, boundary, surroundings)
    await Promise.all(engines.map((engine) => engine.dropExpiredPartitions()))
    const port = listen(edge, config)
    const authority = new RunningAuthority({
      crypto,
      config,
      secrets,
      use: (next) => services.asService.replaceKeys(asKeys(next)),
      warn: surroundings.warn,
      now: () => Math.floor(surroundings.clock() / 1000),
    })
    const sweeps = sweepDaily(engines, authority, surroundings)
    let stopped: Promise<void> | undefined
    const stop = async () => {
      sweeps.stop()
      await edge.stop()
      for (const engine of engines) engine.stop()
      await closeStores(stores)
      authority.wipe()
      wipeSecrets(secrets)
    }
    return { port, created, reload: () => authority.reload(), stop: () => (stopped ??= stop()) }
  } catch (error) {
    await closeStores(stores)
    throw error
  }
}

interface Stores {
  readonly as: OpenedStore
  readonly delivery: OpenedStore
}

async function openStores(config: Config, { fault }: Surroundings): Promise<Stores> {
  const open = async (name: string, migrations: readonly Migration[]) =>
    await openStore({
      file: join(config.dataDirectory, name),
      migrations,
      scrubDelayMs: config.scrubDelayMilliseconds,
      pendingMax: PENDING_UNITS_MAX,
      epochRowsMax: EPOCH_ROWS_MAX,
      fault,
    })
  const as = await open("as.sqlite", asMigrations)
  try {
    return { as, delivery: await open("delivery.sqlite", deliveryMigrations) }
  } catch (error) {
    await as.close()
    throw error
  }
}

async function closeStores({ as, delivery }: Stores): Promise<void> {
  await Promise.all([as.close(), delivery.close()])
}

function composeServices(config: Config, secrets: Secrets, stores: Stores, { clock: now }: Surroundings) {
  const { domain, paddingUnitBytes } = config
  const asEngine = new QueueEngine({
    crypto,
    store: stores.as,
    queueTable: "as_queue",
    poolPrefix: "as_pool",
    slotKey: secrets.connectionSlotKey,
    now,
    wakeups: localWakeups(),
  })
  const qsEngine = new QueueEngine({
    crypto,
    store: stores.delivery,
    queueTable: QUEUE_TABLE,
    poolPrefix: "qs_pool",
    slotKey: secrets.queueSlotKey,
    now,
    wakeups: localWakeups(),
  })
  const { queueConfigKey, ticketKey, queueSigningSeed } = secrets
  const qsService = createQs({
    crypto,
    store: stores.delivery,
    engine: qsEngine,
    secrets: { configSecretKey: queueConfigKey, ticketKey, signingSeed: queueSigningSeed },
    domain,
    now,
  })
  const asService = createAs({
    crypto,
    store: stores.as,
    engine: asEngine,
    keys: asKeys(authorityOf(secrets)),
    domain,
    now,
  })
  const dsService = createDs({
    crypto,
    store: stores.delivery,
    fanout: qsService.fanout,
    domain,
    config: { paddingUnitBytes },
    now,
  })
  return { asService, dsService, qsService, engines: [asEngine, qsEngine] }
}

function composeEdge(
  config: Config,
  { asService, dsService, qsService, engines }: ReturnType<typeof composeServices>,
  boundary: number,
  { clock, report }: Surroundings,
) {
  const endpoints = [as, ds, qs].flatMap((table) => Object.values(table))
  const edge = new Edge({
    operations: [
      ...operationsOf(as, asService.handlers),
      ...operationsOf(ds, dsService.handlers),
      ...operationsOf(qs, qsService.handlers),
    ],
    openStream: qsService.openStream,
    documents: {
      "/openapi.json": openApiDocument(endpoints, config.publicUrl, version),
      [DISCOVERY_PATH]: discoveryDocument(config.domain, config.publicUrl),
    },
    crypto,
    clock,
    boundary,
    report,
  })
  return { edge, engines }
}

function listen(edge: Edge, { host, port }: Config): number {
  try {
    return edge.listen(host, port)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? `${error.code}` : "unknown"
    if (code === "EADDRINUSE")
      throw new ConfigError(`port ${port} on ${host} is in use: choose another with --port`)
    throw new ConfigError(`the server cannot listen on port ${port} of ${host} (${code})`)
  }
}

function asKeys({ roots, intermediateSeed, ...authority }: AuthoritySecrets): AsKeys {
  const { endorsements, intermediates, revocations } = authority
  const intermediate = intermediates.at(-1)
  if (intermediate === undefined || intermediateSeed === undefined) throw new Error("no intermediate signs")
  return { asCredentials: roots, endorsements, intermediates, intermediate, intermediateSeed, revocations }
}

/**
 * About once a day, never at the same time: when partitions go says nothing about when the server was started.
 * Intermediates are renewed and warned of as well, in a server that is never restarted.
 */
function sweepDaily(
  engines: readonly QueueEngine[],
  authority: RunningAuthority,
  { report }: Surroundings,
): { stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined
  const schedule = () => {
    timer = setTimeout(sweep, (18 + 12 * Math.random()) * HOUR_MILLISECONDS)
    timer.unref()
  }
  const sweep = async () => {
    try {
      for (const engine of engines) await engine.dropExpiredPartitions()
    } catch {
      report("expired partitions could not be dropped; it is tried again within a day or two")
    }
    try {
      authority.reload()
    } catch {
      report("the secrets file could not be read again; it is tried again within a day or two")
    }
    schedule()
  }
  schedule()
  return { stop: () => clearTimeout(timer) }
}

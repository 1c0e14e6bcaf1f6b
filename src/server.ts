import { join } from "node:path"
import { version } from "../package.json"
import { type Administration, administration } from "./admin/administration.ts"
import { DATABASE_FILES } from "./admin/backup.ts"
import { AdminSocket } from "./admin/socket.ts"
import type { AsKeys } from "./as/authority.ts"
import { createAs } from "./as/service.ts"
import { veiledTables as asTables, queues as connectionQueues } from "./as/tables.ts"
import { RunningAuthority } from "./config/authority/running.ts"
import type { AuthoritySecrets } from "./config/authority/secrets.ts"
import { type Config, ConfigError } from "./config/config.ts"
import { periodKeys } from "./config/period-file.ts"
import { authorityOf, type Secrets, wipeSecrets } from "./config/secrets.ts"
import { obtainSecrets } from "./config/secrets-file.ts"
import { readTlsFiles } from "./config/tls-files.ts"
import { nativeCrypto as crypto } from "./crypto/native.ts"
import { wipe } from "./crypto/wipe.ts"
import { DiskLook } from "./demo-look.ts"
import { demoPages } from "./demo-site/site.ts"
import { createDs } from "./ds/service.ts"
import { fixedDocument, fixedPage } from "./http/answers.ts"
import { DISCOVERY_PATH, discoveryDocument } from "./http/discovery.ts"
import { Edge, type EdgeOptions } from "./http/edge.ts"
import { describeFault, type Report } from "./http/failure.ts"
import { openApiDocument } from "./http/openapi/document.ts"
import { openApiPage } from "./http/openapi/page.ts"
import { operationsOf } from "./http/routes.ts"
import { CONNECTION_QUEUE_ENTRIES_MAX, EPOCH_ROWS_MAX, PENDING_UNITS_MAX } from "./limits.ts"
import type { Sweep } from "./memory/sweep.ts"
import { Wash } from "./memory/wash.ts"
import { Observation, type Sources } from "./metrics/observation.ts"
import { asMigrations, deliveryMigrations } from "./migrations.ts"
import { ISSUER_DIRECTORY_PATH } from "./privacypass/directory.ts"
import type { QsSecrets } from "./qs/parts.ts"
import { createQs } from "./qs/service.ts"
import { queues as clientQueues, veiledTables as qsTables } from "./qs/tables.ts"
import { SteadyClock } from "./queue/clock.ts"
import { QueueEngine } from "./queue/engine.ts"
import { openRateLimits, type RateLimits } from "./rate-limits.ts"
import { repeat } from "./rhythm.ts"
import { StoreFailed } from "./store/database.ts"
import { codeOf } from "./store/error-code.ts"
import { type OpenedStore, openStore } from "./store/open.ts"
import { localWakeups } from "./store/wakeups.ts"
import { VeiledStore } from "./veil/store.ts"
import { as } from "./wire/as.ts"
import { ds } from "./wire/ds.ts"
import type { TokenService } from "./wire/endpoint.ts"
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
  /** What overwrites copies of keys (memory/wash.ts); `rinse` does it in the buffers of sockets. */
  readonly wash: (rinse: () => Promise<void>, sweep?: Sweep) => Pick<Wash, "needed" | "stop">
  /** What looks for copies that are left; only for a process in which there is nothing but the server. */
  readonly sweep: Sweep | undefined
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
  wash: (rinse, sweep) => new Wash(rinse, sweep),
  sweep: undefined,
}

const HOUR_MILLISECONDS = 3_600_000

/**
 * Opens the databases, puts the services together and listens.
 *
 * @throws ConfigError, StoreLocked, StoreIncompatible, StoreFailed: each with a sentence for the operator
 */
export async function startServer(config: Config, given: Partial<Surroundings> = {}): Promise<RunningServer> {
  const observation = config.metrics && observe(config, given.clock ?? defaults.clock)
  const surroundings = observed({ ...defaults, ...given }, observation)
  const tls = config.tls && readTlsFiles(config.tls)
  const opened = await openServices(config, surroundings)
  const { secrets, created, limits, services } = opened
  const { asService } = services
  try {
    // No earlier process has the databases any more: whatever it accepted was signed before this second has ended.
    const boundary = created ? 0 : Math.floor(surroundings.clock() / 1000)
    const wash = surroundings.wash(() => edge.rinse(), surroundings.sweep)
    const looking = config.demo ? new DiskLook(config.dataDirectory) : undefined
    const edge = composeEdge(config, services, limits, boundary, {
      ...surroundings,
      tls,
      served: () => wash.needed(),
      settled: (problem, milliseconds) => observation?.request(problem?.code, milliseconds),
      ...(looking && { pages: demoPages(looking) }),
    })
    const authority = new RunningAuthority({
      crypto,
      config,
      secrets,
      use: (next) => asService.replaceKeys(asKeys(next)),
      warn: surroundings.warn,
      now: () => Math.floor(surroundings.clock() / 1000),
    })
    let ready = false
    beginObservation(config, observation, {
      streams: () => edge.streams,
      intermediateEnd: () => authority.intermediateEnd,
      certificateEnd: () => tls?.end ?? 0,
      ready: () => ready,
    })
    for (const sweep of sweepsAtStart(services, limits)) await sweep()
    const port = listen(edge, config)
    ready = true
    if (tls !== undefined) wipe(tls.key)
    const adminSocket = openAdminSocket(config, opened, surroundings)
    const schedules = schedule(config, services, limits, authority, surroundings)
    let stopped: Promise<void> | undefined
    const stop = async () => {
      ready = false
      for (const one of schedules) one.stop()
      wash.stop()
      await adminSocket?.stop()
      await edge.stop()
      await opened.close()
      looking?.close()
      await observation?.stop()
      authority.wipe()
    }
    return { port, created, reload: () => authority.reload(), stop: () => (stopped ??= stop()) }
  } catch (error) {
    await observation?.stop()
    await opened.close()
    if (tls !== undefined) wipe(tls.key)
    throw error
  }
}

/** A server's databases and what serves them, without anybody to be served. */
export interface OpenedServices {
  readonly secrets: Secrets
  readonly created: boolean
  readonly stores: Stores
  readonly limits: RateLimits
  readonly services: Services
  /** Writes and scrubs everything, and wipes the secrets. */
  close(): Promise<void>
}

/** Throws what {@link startServer} throws. */
export async function openServices(
  config: Config,
  surroundings: Pick<Surroundings, "clock" | "fault"> & Partial<Pick<Surroundings, "sweep">>,
): Promise<OpenedServices> {
  const { secrets, created } = obtainSecrets(crypto, config, Math.floor(surroundings.clock() / 1000))
  const stores = await openStores(config, surroundings)
  try {
    const limits = await openLimits(config, stores, surroundings)
    const services = composeServices(config, secrets, stores, limits, surroundings)
    for (const { store, renewals } of services.veils) await store.start(renewals)
    const close = async () => {
      services.qsService.stop()
      for (const engine of services.engines) engine.stop()
      limits.stop()
      await closeStores(stores)
      wipeSecrets(secrets)
    }
    return { secrets, created, stores, limits, services, close }
  } catch (error) {
    await closeStores(stores)
    throw error
  }
}

/** What the operator's commands may do with them. */
export function administrationOf({ domain }: Config, { stores, services }: OpenedServices): Administration {
  const { asService, dsService } = services
  return administration({
    domain,
    stores,
    users: asService.users,
    deleteUser: asService.deleteUser,
    shapes: dsService.shapes,
  })
}

/** A server goes on without; its operator's commands have to wait until it is stopped. */
function openAdminSocket(
  config: Config,
  opened: OpenedServices,
  { warn, report }: Surroundings,
): AdminSocket | undefined {
  try {
    return new AdminSocket(config.adminSocket, administrationOf(config, opened), (error) =>
      report(describeFault(error)),
    )
  } catch (error) {
    const reason = error instanceof StoreFailed ? error.message : codeOf(error)
    warn(
      `commands cannot ask this server while it runs: there is no socket ${config.adminSocket} (${reason})`,
    )
    return undefined
  }
}

function observe({ dataDirectory }: Config, clock: () => number): Observation {
  return new Observation({ version, dataDirectory, clock, random: (bytes) => crypto.random(bytes) })
}

/** What is reported is a defect. */
function observed(surroundings: Surroundings, observation: Observation | undefined): Surroundings {
  if (observation === undefined) return surroundings
  return {
    ...surroundings,
    report(line) {
      observation.defect()
      surroundings.report(line)
    },
  }
}

function beginObservation({ metrics }: Config, observation: Observation | undefined, sources: Sources): void {
  if (metrics === undefined) return
  try {
    observation?.begin(metrics, sources)
  } catch (error) {
    throw new ConfigError(portMistake(error, metrics, "--metrics-port"))
  }
}

function sweepsAtStart({ engines, asService }: Services, { maintain }: RateLimits): Task[] {
  return [...engines.map((engine) => () => engine.dropExpiredPartitions()), asService.sweep, maintain]
}

/** Gives all veiled rows other names and seals them anew, and so opens every one of them. */
export function resealing({ veils }: Services): Task[] {
  return veils.map(
    ({ store, renewals }) =>
      () =>
        store.pass(renewals),
  )
}

/** What the server does again and again. */
function schedule(
  config: Config,
  services: Services,
  limits: RateLimits,
  authority: RunningAuthority,
  { report }: Surroundings,
): { stop(): void }[] {
  const { dsService, qsService } = services
  const daily = [
    ...sweepsAtStart(services, limits),
    qsService.sweep,
    dsService.sweep,
    // Intermediates are renewed and warned of in a server that is never restarted, too.
    async () => authority.reload(),
  ]
  const schedules = [
    repeat(daily, { firstMs: 6 * HOUR_MILLISECONDS, meanMs: 24 * HOUR_MILLISECONDS }, report),
  ]
  if (config.resealMilliseconds > 0) {
    const meanMs = config.resealMilliseconds
    schedules.push(repeat(resealing(services), { firstMs: meanMs, meanMs }, report))
  }
  return schedules
}

export interface Stores {
  readonly as: OpenedStore
  readonly delivery: OpenedStore
}

export async function openStores(
  { dataDirectory, scrubDelayMilliseconds }: Pick<Config, "dataDirectory" | "scrubDelayMilliseconds">,
  { fault }: Pick<Surroundings, "fault">,
  migrations = { as: asMigrations, delivery: deliveryMigrations },
): Promise<Stores> {
  const open = async (name: keyof Stores) =>
    await openStore({
      file: join(dataDirectory, DATABASE_FILES[name]),
      migrations: migrations[name],
      scrubDelayMs: scrubDelayMilliseconds,
      pendingMax: PENDING_UNITS_MAX,
      epochRowsMax: EPOCH_ROWS_MAX,
      fault,
    })
  const as = await open("as")
  try {
    return { as, delivery: await open("delivery") }
  } catch (error) {
    await as.close()
    throw error
  }
}

export async function closeStores({ as, delivery }: Stores): Promise<void> {
  await Promise.all([as.close(), delivery.close()])
}

function openLimits(
  config: Config,
  stores: Stores,
  { clock }: Pick<Surroundings, "clock">,
): Promise<RateLimits> {
  return openRateLimits({
    crypto,
    stores,
    domain: config.domain,
    allowance: config.tokenAllowance,
    periodKeys: periodKeys(crypto, config),
    clock,
  })
}

function composeServices(
  config: Config,
  secrets: Secrets,
  stores: Stores,
  { issuance }: RateLimits,
  { clock: now, sweep }: Pick<Surroundings, "clock"> & Partial<Pick<Surroundings, "sweep">>,
) {
  const { domain, padding, groupExpiryMonths: expiryMonths, inactiveMemberMonths: inactiveMonths } = config
  const clock = new SteadyClock(now, () => performance.now())
  const asStore = new VeiledStore({
    crypto,
    store: stores.as,
    slotKeys: secrets.connectionSlotKeys,
    tables: asTables,
  })
  const deliveryStore = new VeiledStore({
    crypto,
    store: stores.delivery,
    slotKeys: secrets.queueSlotKeys,
    tables: qsTables,
  })
  const asEngine = new QueueEngine({
    crypto,
    store: asStore,
    queues: connectionQueues,
    poolPrefix: "as_pool",
    slotKeys: secrets.connectionSlotKeys,
    now,
    wakeups: localWakeups(),
    limits: { queueEntriesMax: CONNECTION_QUEUE_ENTRIES_MAX },
  })
  const qsEngine = new QueueEngine({
    crypto,
    store: deliveryStore,
    queues: clientQueues,
    poolPrefix: "qs_pool",
    slotKeys: secrets.queueSlotKeys,
    now,
    wakeups: localWakeups(),
  })
  const qsService = createQs({
    crypto,
    store: deliveryStore,
    engine: qsEngine,
    secrets: qsSecrets(secrets),
    domain,
    retentionMonths: config.clientRetentionMonths,
    outgoing: { allowPrivate: config.pushPrivateAddresses },
    now,
  })
  const asService = createAs({
    crypto,
    store: asStore,
    engine: asEngine,
    keys: asKeys(authorityOf(secrets)),
    issuance,
    opaqueSetup: secrets.opaqueSetup,
    invitations: { required: config.invitationRequired, key: secrets.invitationKey },
    aliasSalt: secrets.aliasSalt,
    domain,
    now,
  })
  const dsService = createDs({
    crypto,
    ...(sweep && { recordCrypto: sweep.watching(crypto) }),
    store: deliveryStore,
    fanout: qsService.fanout,
    domain,
    config: { padding, inactiveMonths, expiryMonths },
    now,
    clockSettled: () => clock.settled(),
  })
  const engines = [asEngine, qsEngine]
  const veils = [
    { store: asStore, renewals: [asEngine.renewal] },
    { store: deliveryStore, renewals: [qsEngine.renewal] },
  ]
  return { asService, dsService, qsService, engines, veils }
}

type Services = ReturnType<typeof composeServices>
type Task = () => Promise<void>

function composeEdge(
  { rateLimit, publicUrl, domain }: Config,
  { asService, dsService, qsService }: Services,
  { gates, directory }: RateLimits,
  boundary: number,
  {
    clock,
    report,
    sweep,
    served,
    settled,
    tls,
    pages,
  }: Surroundings & Required<Pick<EdgeOptions, "served" | "settled" | "tls">> & Pick<EdgeOptions, "pages">,
): Edge {
  const endpoints = [as, ds, qs].flatMap((table) => Object.values(table))
  const description = openApiDocument(endpoints, publicUrl, version)
  const gate = (service: TokenService) => (rateLimit ? gates[service] : undefined)
  return new Edge({
    operations: [
      ...operationsOf(as, asService.handlers, gate("as")),
      ...operationsOf(ds, dsService.handlers, gate("delivery")),
      ...operationsOf(qs, qsService.handlers, gate("delivery")),
    ],
    openStream: qsService.openStream,
    documents: {
      "/openapi.json": fixedDocument(description),
      "/openapi.html": fixedPage(openApiPage(description)),
      [DISCOVERY_PATH]: fixedDocument(discoveryDocument(domain, publicUrl)),
      ...(rateLimit && { [ISSUER_DIRECTORY_PATH]: directory }),
    },
    crypto,
    clock,
    boundary,
    report,
    served,
    settled,
    tls,
    ...(sweep && { watch: () => sweep.request() }),
    ...(pages && { pages }),
  })
}

function listen(edge: Edge, { host, port }: Config): number {
  try {
    return edge.listen(host, port)
  } catch (error) {
    throw new ConfigError(portMistake(error, { host, port }, "--port"))
  }
}

/** Why nothing can listen there, in a sentence. */
function portMistake(error: unknown, { host, port }: { host: string; port: number }, flag: string): string {
  const code = error instanceof Error && "code" in error ? `${error.code}` : "unknown"
  if (code === "EADDRINUSE") return `port ${port} on ${host} is in use: choose another with ${flag}`
  return `the server cannot listen on port ${port} of ${host} (${code})`
}

type SecretsOfQs = Pick<Secrets, "queueConfigKeys" | "ticketKey" | "queueSigningSeed" | "pushSeed">

/** What the QS gets of the server's secrets. */
export function qsSecrets(secrets: SecretsOfQs): QsSecrets {
  return {
    configSecretKeys: secrets.queueConfigKeys,
    ticketKey: secrets.ticketKey,
    signingSeed: secrets.queueSigningSeed,
    pushSeed: secrets.pushSeed,
  }
}

function asKeys({ roots, intermediateSeed, ...authority }: AuthoritySecrets): AsKeys {
  const { endorsements, intermediates, revocations } = authority
  const intermediate = intermediates.at(-1)
  if (intermediate === undefined || intermediateSeed === undefined) throw new Error("no intermediate signs")
  return { asCredentials: roots, endorsements, intermediates, intermediate, intermediateSeed, revocations }
}

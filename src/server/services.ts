import { type Administration, administration } from "../admin/administration.ts"
import type { AsKeys } from "../as/authority.ts"
import { createAs } from "../as/service.ts"
import { veiledTables as asTables, queues as connectionQueues } from "../as/tables.ts"
import type { AuthoritySecrets } from "../config/authority/secrets.ts"
import type { Config } from "../config/config.ts"
import { periodKeys } from "../config/period-file.ts"
import { authorityOf, type Secrets, wipeSecrets } from "../config/secrets.ts"
import { obtainSecrets } from "../config/secrets-file.ts"
import { nativeCrypto as crypto } from "../crypto/native.ts"
import { createDs } from "../ds/service.ts"
import { CONNECTION_QUEUE_ENTRIES_MAX } from "../limits.ts"
import type { QsSecrets } from "../qs/parts.ts"
import { createQs } from "../qs/service.ts"
import { queues as clientQueues, veiledTables as qsTables } from "../qs/tables.ts"
import { SteadyClock } from "../queue/clock.ts"
import { QueueEngine } from "../queue/engine.ts"
import { openRateLimits, type RateLimits } from "../rate-limits.ts"
import { localWakeups } from "../store/wakeups.ts"
import { VeiledStore } from "../veil/store.ts"
import { closeStores, openStores, type Stores } from "./stores.ts"
import type { Surroundings } from "./surroundings.ts"

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

export type Services = ReturnType<typeof composeServices>

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

export function asKeys({ roots, intermediateSeed, ...authority }: AuthoritySecrets): AsKeys {
  const { endorsements, intermediates, revocations } = authority
  const intermediate = intermediates.at(-1)
  if (intermediate === undefined || intermediateSeed === undefined) throw new Error("no intermediate signs")
  return { asCredentials: roots, endorsements, intermediates, intermediate, intermediateSeed, revocations }
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

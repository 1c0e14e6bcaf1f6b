import { AdminSocket } from "./admin/socket.ts"
import { RunningAuthority } from "./config/authority/running.ts"
import type { Config } from "./config/config.ts"
import { readTlsFiles } from "./config/tls-files.ts"
import { nativeCrypto as crypto } from "./crypto/native.ts"
import { wipe } from "./crypto/wipe.ts"
import { DiskLook } from "./demo-look.ts"
import { demoPages } from "./demo-site/site.ts"
import { describeFault } from "./http/failure.ts"
import { composeEdge, listen } from "./server/edge.ts"
import { beginObservation, observe, observed } from "./server/observation.ts"
import { schedule, sweepsAtStart } from "./server/schedule.ts"
import { administrationOf, asKeys, type OpenedServices, openServices } from "./server/services.ts"
import { defaults, type Surroundings } from "./server/surroundings.ts"
import { StoreFailed } from "./store/database.ts"
import { codeOf } from "./store/error-code.ts"

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

import type { RunningAuthority } from "../config/authority/running.ts"
import type { Config } from "../config/config.ts"
import type { RateLimits } from "../rate-limits.ts"
import { repeat } from "../rhythm.ts"
import type { Services } from "./services.ts"
import type { Surroundings } from "./surroundings.ts"

const HOUR_MILLISECONDS = 3_600_000

/** Something that is done again and again. */
type Task = () => Promise<void>

export function sweepsAtStart({ engines, asService }: Services, { maintain }: RateLimits): Task[] {
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
export function schedule(
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

import { version } from "../../package.json"
import { type Config, ConfigError } from "../config/config.ts"
import { nativeCrypto as crypto } from "../crypto/native.ts"
import { Observation, type Sources } from "../metrics/observation.ts"
import { portMistake } from "./edge.ts"
import type { Surroundings } from "./surroundings.ts"

export function observe({ dataDirectory }: Config, clock: () => number): Observation {
  return new Observation({ version, dataDirectory, clock, random: (bytes) => crypto.random(bytes) })
}

/** What is reported is a defect. */
export function observed(surroundings: Surroundings, observation: Observation | undefined): Surroundings {
  if (observation === undefined) return surroundings
  return {
    ...surroundings,
    report(line) {
      observation.defect()
      surroundings.report(line)
    },
  }
}

export function beginObservation(
  { metrics }: Config,
  observation: Observation | undefined,
  sources: Sources,
): void {
  if (metrics === undefined) return
  try {
    observation?.begin(metrics, sources)
  } catch (error) {
    throw new ConfigError(portMistake(error, metrics, "--metrics-port"))
  }
}

import { expect, test } from "bun:test"
import { scheduleOf } from "./schedule.ts"
import { Simulation } from "./simulation.ts"

/**
 * `CINDER_SIMULATION=<seed>` replays one schedule, `CINDER_SIMULATION_RUNS=<number>` goes through so many random ones
 * beside the fixed ones.
 */
const { CINDER_SIMULATION, CINDER_SIMULATION_RUNS } = process.env
const FIXED = [1, 2, 3]
/** Only a run in which somebody waits for ever takes this long. */
const LONGEST_MILLISECONDS = 240_000
/** Runs that share the machine: mostly they wait for the network to come back. */
const TOGETHER_MAX = 4

function seedsOf(): number[] {
  if (CINDER_SIMULATION !== undefined) return [Number(CINDER_SIMULATION)]
  const runs = Number(CINDER_SIMULATION_RUNS ?? 0)
  return [...FIXED, ...Array.from({ length: runs }, () => Math.floor(Math.random() * 2 ** 31))]
}

async function live(seed: number): Promise<void> {
  const simulation = new Simulation(scheduleOf(seed))
  const hurry = AbortSignal.timeout(LONGEST_MILLISECONDS - 10_000)
  const late = new Promise<never>((_, reject) => {
    hurry.addEventListener("abort", () => reject(new Error("endless: somebody waits for ever")))
  })
  try {
    await Promise.race([simulation.run(), late])
    expect(simulation.server.deaths.length).toBeGreaterThan(0)
  } catch (error) {
    console.error(`again: CINDER_SIMULATION=${seed} npx bun test test/simulation/simulation.test.ts`)
    throw error
  } finally {
    await simulation.end()
  }
}

const seeds = seedsOf()
const run = seeds.length > TOGETHER_MAX ? test : test.concurrent
for (const seed of seeds) {
  run(
    `no group forks, nobody misses or doubles a message, everybody converges: seed ${seed}`,
    () => live(seed),
    LONGEST_MILLISECONDS,
  )
}

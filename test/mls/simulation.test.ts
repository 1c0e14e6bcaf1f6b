import { describe, expect, test } from "bun:test"
import { Simulation, type Tally } from "./simulation.ts"

const EPOCHS = 60

function run(seeds: readonly number[], encrypted: boolean): Tally {
  const total: Partial<Record<keyof Tally, number>> = {}
  for (const seed of seeds) {
    const simulation = new Simulation(seed, encrypted)
    try {
      for (let i = 0; i < EPOCHS; i++) simulation.step()
    } catch (error) {
      throw new Error(`seed ${seed}, epoch ${simulation.tally.epochs}`, { cause: error })
    }
    for (const [name, count] of Object.entries(simulation.tally)) {
      total[name as keyof Tally] = (total[name as keyof Tally] ?? 0) + count
    }
  }
  return total as Tally
}

describe("members through random histories", () => {
  test("agree with each other and with an observer after every epoch", () => {
    const tally = run([1, 2, 3, 4], false)
    for (const [what, count] of Object.entries(tally)) expect([what, count > 0]).toEqual([what, true])
  }, 60_000)

  test("agree when handshakes are encrypted", () => {
    const tally = run([5, 6, 7], true)
    for (const [what, count] of Object.entries(tally)) expect([what, count > 0]).toEqual([what, true])
  }, 60_000)
})

import { describe, expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { suite2 } from "../../src/mls/suites/suite2.ts"
import { suite3 } from "../../src/mls/suites/suite3.ts"
import { Simulation, type Tally } from "./simulation.ts"

const EPOCHS = 60
const FEW_EPOCHS = 10

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

  test("agree in suites 2 and 3, over either set of primitives", () => {
    for (const [seed, make] of [suite2, suite3].entries()) {
      for (const crypto of [nativeCrypto, portableCrypto]) {
        const simulation = new Simulation(20 + seed, false, make(crypto))
        for (let i = 0; i < FEW_EPOCHS; i++) simulation.step()
        expect(simulation.tally.epochs).toBe(FEW_EPOCHS)
        expect(simulation.tally.adds).toBeGreaterThan(0)
      }
    }
  }, 60_000)
})

import { describe, expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import type { CryptoProvider } from "../../src/crypto/provider.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { suite2 } from "../../src/mls/suites/suite2.ts"
import { suite3 } from "../../src/mls/suites/suite3.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { seededCrypto } from "./seeded-crypto.ts"
import { Simulation } from "./simulation.ts"
import type { Tally } from "./tally.ts"

const STEPS = 110
const OPERATIONS_PER_STEP_MIN = 4
const MEMBERS = 32
const FEW_STEPS = 10
const FEW_MEMBERS = 14
const PATIENCE_MILLISECONDS = 120_000

/** Each history repeats to the byte; `CINDER_SEED` runs another one instead. */
const { CINDER_SEED } = process.env
const OBSERVED_SEEDS = CINDER_SEED === undefined ? [1, 2, 3, 4] : [Number(CINDER_SEED)]
const ENCRYPTED_SEEDS = CINDER_SEED === undefined ? [5, 6] : [Number(CINDER_SEED)]

interface History {
  readonly seed: number
  readonly steps: number
  readonly members: number
  readonly encrypted?: boolean
  readonly suite?: (crypto: CryptoProvider) => CipherSuite
  readonly crypto?: CryptoProvider
}

/** Lives through a history; a failure says how to see it again. */
function live(history: History): { readonly tally: Tally; readonly end: string } {
  const { seed, steps, members, encrypted = false, suite = suite1, crypto = nativeCrypto } = history
  const simulation = new Simulation({
    seed,
    encrypted,
    suite: suite(seededCrypto(crypto, seed)),
    membersMax: members,
  })
  try {
    for (let i = 0; i < steps; i++) simulation.step()
    return { end: toHex(simulation.finish()), tally: simulation.tally }
  } catch (error) {
    const where = `seed ${seed}, epoch ${simulation.tally.epochs}`
    const again = `CINDER_SEED=${seed} npx bun test test/mls/simulation.test.ts`
    throw new Error(`${where}: ${error instanceof Error ? error.message : "unknown"} (again: ${again})`, {
      cause: error,
    })
  }
}

/** Everything happened, thousands of times in all histories together. */
function expectEventful(tally: Tally): void {
  for (const [what, count] of Object.entries(tally)) expect([what, count > 0]).toEqual([what, true])
  expect(tally.operations).toBeGreaterThan(STEPS * OPERATIONS_PER_STEP_MIN)
  expect(tally.epochs).toBeGreaterThan(STEPS)
  expect(tally.most).toBeGreaterThanOrEqual(MEMBERS)
}

describe("members through random histories", () => {
  for (const seed of OBSERVED_SEEDS) {
    test(
      `agree with each other and with an observer about every epoch, seed ${seed}`,
      () => expectEventful(live({ seed, steps: STEPS, members: MEMBERS }).tally),
      PATIENCE_MILLISECONDS,
    )
  }

  for (const seed of ENCRYPTED_SEEDS) {
    test(
      `agree when handshakes are encrypted, seed ${seed}`,
      () => expectEventful(live({ seed, steps: STEPS, members: MEMBERS, encrypted: true }).tally),
      PATIENCE_MILLISECONDS,
    )
  }

  for (const suite of [suite2, suite3]) {
    for (const crypto of [nativeCrypto, portableCrypto]) {
      const { id } = suite(crypto)
      test(
        `agree in suite ${id} over ${crypto.name} primitives`,
        () => {
          const history = { seed: 20 + id, steps: FEW_STEPS, members: FEW_MEMBERS }
          const { tally } = live({ ...history, suite, crypto })
          expect(tally.epochs).toBeGreaterThan(FEW_STEPS)
          expect(tally.adds).toBeGreaterThan(0)
        },
        PATIENCE_MILLISECONDS,
      )
    }
  }

  test("are the same for the same seed, to the byte, whichever primitives there are", () => {
    const history = { seed: 8, steps: FEW_STEPS, members: FEW_MEMBERS }
    const { end } = live(history)
    expect(live({ ...history, crypto: portableCrypto }).end).toBe(end)
    expect(live({ ...history, seed: 9 }).end).not.toBe(end)
  })
})

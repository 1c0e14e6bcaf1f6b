import { describe, expect, test } from "bun:test"
import { type Guess, type Linking, scoresOf } from "../../src/audit/attacks/linking.ts"
import { judge } from "../../src/audit/relabelling.ts"
import { type Random, randomFrom } from "../e2e/random.ts"

const PEOPLE = 40

/** Ten groups of six. */
function groups(random: Random): Linking {
  const ids = Array.from({ length: PEOPLE }, (_, index) => `${index}`)
  const pairs = new Map<string, readonly [number, number]>()
  for (let group = 0; group < 10; group++) {
    const members = Array.from({ length: 6 }, () => Math.floor(random() * PEOPLE)).sort((a, b) => a - b)
    for (const one of members) {
      for (const other of members) if (one < other) pairs.set(`${one} ${other}`, [one, other])
    }
  }
  return { target: "queues of a group", left: ids, right: ids, pairs: [...pairs.values()] }
}

/** Scores that say a lot about people, and nothing about pairs. */
function lively(linking: Linking, random: Random): Guess {
  const liveliness = linking.left.map(() => random() ** 3)
  const scores = scoresOf(linking, (l, r) => (liveliness[l] as number) * (liveliness[r] as number))
  return { attack: "liveliness", how: "product", scores }
}

function telling(linking: Linking, random: Random, strength: number): Guess {
  const together = new Set(linking.pairs.map(([one, other]) => `${one} ${other}`))
  const scores = scoresOf(linking, (l, r) => random() + (together.has(`${l} ${r}`) ? strength : 0))
  return { attack: "telling", how: "plainly", scores }
}

describe("judging guesses", () => {
  test("takes scores that depend on people alone for chance, as often as it should", () => {
    const chances = Array.from({ length: 60 }, (_, seed) => {
      const random = randomFrom(seed)
      const linking = groups(random)
      return judge(linking, [lively(linking, random)], 400).chance
    })
    expect(chances.filter((chance) => chance < 0.05).length).toBeLessThan(9)
    expect(chances.filter((chance) => chance < 0.5).length).toBeGreaterThan(15)
    expect(chances.filter((chance) => chance < 0.5).length).toBeLessThan(45)
  })

  test("finds a leak, with an interval that is above chance, and says how much is found for sure", () => {
    const random = randomFrom(1)
    const linking = groups(random)
    const { chance, scores } = judge(linking, [telling(linking, random, 0.95)], 2000)
    expect(chance).toBeCloseTo(1 / 2001, 6)
    const [plain] = scores
    expect(plain?.area.value).toBeGreaterThan(0.98)
    expect(plain?.area.low).toBeGreaterThan(0.85)
    expect(plain?.found).toBeGreaterThan(0.9)
  })

  test("finds a small leak among attacks that find none", () => {
    const random = randomFrom(2)
    const linking = groups(random)
    const { chance } = judge(linking, [lively(linking, random), telling(linking, random, 0.2)], 2000)
    expect(chance).toBeLessThan(0.002)
  })

  test("takes the best of many guesses for no better than that", () => {
    const chances = Array.from({ length: 20 }, (_, seed) => {
      const random = randomFrom(seed)
      const linking = groups(random)
      const many = Array.from({ length: 40 }, () => telling(linking, random, 0))
      return judge(linking, many, 400).chance
    })
    expect(chances.filter((chance) => chance < 0.05).length).toBeLessThan(4)
  })

  test("a guess that says the same of all pairs is chance itself", () => {
    const linking = groups(randomFrom(3))
    const nothing = { attack: "nothing", how: "at all", scores: scoresOf(linking, () => 1) }
    const { chance, scores } = judge(linking, [nothing], 400)
    expect(chance).toBe(1)
    expect(scores[0]?.area).toEqual({ value: 0.5, low: 0.5, high: 0.5 })
  })
})

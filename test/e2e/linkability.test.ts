import { beforeAll, describe, expect, test } from "bun:test"
import { Homeserver } from "./homeserver.ts"
import { type Attack, attacks } from "./linkability/attacks.ts"
import { withKeysOfTheirOwn, withoutBlinds } from "./linkability/careless-issuance.ts"
import { honest, leaky, observe } from "./linkability/devices.ts"
import { type Dossier, type Part, parts } from "./linkability/dossier.ts"
import { judge, type Verdict } from "./linkability/verdict.ts"
import { randomFrom } from "./random.ts"

/**
 * Who records everything that the running server sees tries to put together what one client does under its name, under its
 * alias, as a stranger and under its pseudonym, and its tokens' issuance and redemption. That an attack would find what
 * it looks for is shown on clients that do give it away.
 */

const CLIENTS = 20
const LEAKY_CLIENTS = 8
/** How rarely chance does what counts as a link: with so many clients, an AUC of about 0.78. */
const CHANCE = 1e-5
const FOUND_AUC_MIN = 0.85

let real: Dossier[]
let given: Dossier[]

beforeAll(async () => {
  const random = randomFrom(Math.random() * 2 ** 32)
  // Looks into the queues are for all queues of a client: their number is a trait that is not hidden.
  const little = (_: number, part: Part): number => (part === "alias" ? 0 : Math.floor(random() * 4))
  real = await recorded((port) => observe(port, CLIENTS, honest(random), little))
  given = await recorded((port) => observe(port, LEAKY_CLIENTS, leaky, (index) => index))
}, 300_000)

async function recorded(run: (port: number) => Promise<Dossier[]>): Promise<Dossier[]> {
  const server = await Homeserver.start()
  try {
    return await run(server.port)
  } finally {
    await server.end()
  }
}

type Pair = readonly [left: Part, right: Part]

const allPairs: readonly Pair[] = parts.flatMap((left, i) =>
  parts.slice(i + 1).map((right) => [left, right] as const),
)
/** Strangers sign nothing. */
const signing = allPairs.filter((pair) => !pair.includes("stranger"))
/** Who is given tokens, and who spends them unnamed. */
const tokenPairs = allPairs.filter(([left]) => left === "identity")

function attack(name: keyof typeof attacks, dossiers: readonly Dossier[], [left, right]: Pair): Verdict {
  const side = (part: Part) => dossiers.map((dossier) => dossier[part])
  const run: Attack = attacks[name]
  return judge(run(side(left), side(right)), randomFrom(1))
}

/** The pairs in which an attack finds who belongs to whom. */
function links(name: keyof typeof attacks, dossiers: readonly Dossier[], pairs: readonly Pair[]): string[] {
  return pairs.flatMap((pair) => {
    const { p, auc } = attack(name, dossiers, pair)
    return p < CHANCE ? [`${pair.join(" and ")}: AUC ${auc.toFixed(2)}`] : []
  })
}

function givenAway(name: keyof typeof attacks, dossiers: readonly Dossier[], pairs: readonly Pair[]): Pair[] {
  return pairs.filter((pair) => attack(name, dossiers, pair).auc > FOUND_AUC_MIN)
}

describe("what one client does under its name, its alias and its pseudonym, and as a stranger", () => {
  test("is all there: every client has bought tokens, and has spent some in each part", () => {
    for (const { identity, ...unnamed } of real) {
      expect(identity.filter(({ target }) => target === "/as/request-tokens").length).toBeGreaterThan(1)
      expect(identity.filter(({ lag }) => lag !== undefined).length).toBeGreaterThan(5)
      for (const sightings of Object.values(unnamed))
        expect(sightings.filter(({ token }) => token !== undefined).length).toBeGreaterThan(0)
    }
  })

  test("has no eight bytes in common, in requests and answers, that others have not", () => {
    expect(links("bytes", real, allPairs)).toEqual([])
    expect(givenAway("bytes", given, allPairs)).toEqual([...allPairs])
  }, 60_000)

  test("never goes over one connection", () => {
    expect(links("connections", real, allPairs)).toEqual([])
    expect(givenAway("connections", given, allPairs)).toEqual([...allPairs])
  })

  test("has no header that fewer than all have", () => {
    expect(links("headers", real, allPairs)).toEqual([])
    expect(givenAway("headers", given, allPairs)).toEqual([...allPairs])
  })

  test("has requests of no length by which to know a client again", () => {
    expect(links("sizes", real, allPairs)).toEqual([])
    expect(givenAway("sizes", given, allPairs)).toEqual([...allPairs])
  })

  test("is signed with the server's time, however wrong the clock of a device is", () => {
    expect(links("clock", real, signing)).toEqual([])
    expect(givenAway("clock", given, signing)).toEqual([...signing])
  })

  test("is not matched by how much it is, as long as nobody stands out", () => {
    expect(links("volume", real, allPairs)).toEqual([])
    expect(givenAway("volume", given, allPairs)).toEqual([...allPairs])
  })
})

describe("a token that is spent", () => {
  test("fits every issuance equally well, in key, element and authenticator", async () => {
    expect(links("issued", real, tokenPairs)).toEqual([])
    const pair = [["identity", "pseudonym"]] as const
    expect(givenAway("issued", await withKeysOfTheirOwn(LEAKY_CLIENTS), pair)).toEqual([...pair])
    expect(givenAway("issued", await withoutBlinds(LEAKY_CLIENTS), pair)).toEqual([...pair])
  })
})

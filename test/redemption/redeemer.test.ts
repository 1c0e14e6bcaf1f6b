import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { tokenKeys } from "../../src/as/tables.ts"
import { decodeTokenChallenge } from "../../src/privacypass/challenge.ts"
import { formatAuthorization, parseChallenges } from "../../src/privacypass/header.ts"
import { encodeToken } from "../../src/privacypass/token.ts"
import { Overloaded } from "../../src/store/database.ts"
import { Problem } from "../../src/wire/problem.ts"
import { DOMAIN, headerOf, World } from "./world.ts"

/** `ok`, or the code of the refusal. */
async function outcome(world: World, authorization: string | null): Promise<string> {
  try {
    await (await world.gate.redeem(authorization)).durable
    return "ok"
  } catch (error) {
    if (error instanceof Problem) return error.code
    throw error
  }
}

const spent = (world: World) =>
  world.store.partitions("delivery_spent_").map((name) => name.slice("delivery_spent_".length))

describe("a token", () => {
  test("is taken once, and never again", async () => {
    await using world = await World.open()
    const [header = ""] = await world.headers()
    expect(await outcome(world, header)).toBe("ok")
    expect(await outcome(world, header)).toBe("token.spent")
    await world.restart()
    expect(await outcome(world, header)).toBe("token.spent")
  })

  test("of many requests at the same time lets exactly one through", async () => {
    await using world = await World.open()
    const headers = await world.headers(8)
    const outcomes = await Promise.all(
      headers.flatMap((header) => Array.from({ length: 6 }, () => outcome(world, header))),
    )
    expect(outcomes.filter((one) => one === "ok")).toHaveLength(8)
    expect(outcomes.filter((one) => one === "token.spent")).toHaveLength(40)
  })

  test("is missing, malformed or changed in any byte: refused, and then still good", async () => {
    await using world = await World.open()
    const [token] = await world.issue()
    if (token === undefined) throw new Error("a token was issued")
    const bytes = encodeToken(token)
    expect(await outcome(world, null)).toBe("token.required")
    for (const malformed of [
      "",
      "PrivateToken",
      'PrivateToken token=""',
      'Basic token="AAAA"',
      "x".repeat(5000),
    ])
      expect([malformed, await outcome(world, malformed)]).toEqual([malformed, "token.refused"])
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice()
      changed[at]! ^= 1
      expect([at, await outcome(world, formatAuthorization(changed))]).toEqual([at, "token.refused"])
    }
    expect(spent(world)).toEqual([])
    expect(await outcome(world, headerOf(token))).toBe("ok")
  })

  test("of any bytes is refused and no fault", async () => {
    await using world = await World.open()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.string(), async (bytes, text) => {
        expect(await outcome(world, formatAuthorization(bytes))).toBe("token.refused")
        expect(await outcome(world, text)).toBe("token.refused")
      }),
    )
  })

  test("for another service or another domain is refused", async () => {
    await using world = await World.open()
    const [forAs] = await world.issue(1, "as")
    const [elsewhere] = await world.issue(1, "delivery", "other.example")
    for (const token of [forAs, elsewhere])
      expect(await outcome(world, headerOf(token as NonNullable<typeof token>))).toBe("token.refused")
  })

  test("of another issuer is refused", async () => {
    await using world = await World.open()
    await using other = await World.open()
    const [header = ""] = await other.headers()
    expect(await outcome(world, header)).toBe("token.refused")
  })

  test("that a full store cannot note is not taken, and the operation does not begin", async () => {
    await using world = await World.open(1)
    const [first = "", second = ""] = await world.headers(2)
    const taken = await world.gate.redeem(first)
    expect(world.gate.redeem(second)).rejects.toBeInstanceOf(Overloaded)
    await taken.durable
    expect(await outcome(world, second)).toBe("ok")
  })
})

describe("keys", () => {
  test("issue for three months; their tokens are taken for three more, and then forgotten with what was spent", async () => {
    await using world = await World.open()
    const [old = "", unused = "", late = ""] = await world.headers(3)
    expect(await outcome(world, old)).toBe("ok")
    await world.enterMonth(84)
    expect(world.keys.accepted).toHaveLength(1)
    await world.enterMonth(85)
    expect(world.keys.accepted.map(({ month }) => month)).toEqual([85, 82])
    const [fresh = ""] = await world.headers()
    expect([await outcome(world, unused), await outcome(world, fresh)]).toEqual(["ok", "ok"])
    expect(await outcome(world, old)).toBe("token.spent")
    expect(spent(world)).toEqual(["202611", "202702"])
    await world.enterMonth(88)
    expect(world.keys.accepted.map(({ month }) => month)).toEqual([88, 85])
    expect(spent(world)).toEqual(["202702"])
    expect([await outcome(world, old), await outcome(world, late)]).toEqual([
      "token.refused",
      "token.refused",
    ])
  })

  test("leave neither their seed nor a nonce in the files when they go", async () => {
    await using world = await World.open()
    const tokens = await world.issue(5)
    for (const token of tokens) await outcome(world, headerOf(token))
    const seed = world.store.list(tokenKeys, {}, 1)[0]?.seed as Uint8Array
    const kept = seed.slice()
    for (const secret of [kept, ...tokens.map(({ nonce }) => nonce)])
      expect(world.files().includes(Buffer.from(secret))).toBeTrue()
    await world.enterMonth(90)
    for (const secret of [kept, ...tokens.map(({ nonce }) => nonce)])
      expect(world.files().includes(Buffer.from(secret))).toBeFalse()
  })

  test("stay through a restart and a clock that goes back", async () => {
    await using world = await World.open()
    const [header = ""] = await world.headers()
    const [{ keyId }] = world.keys.accepted
    world.month = 60
    await world.restart()
    expect(world.keys.accepted.map((key) => Buffer.from(key.keyId).equals(keyId))).toEqual([true])
    expect(await outcome(world, header)).toBe("ok")
  })
})

test("the challenge names the domain and the key that issues, and is another for each service", async () => {
  await using world = await World.open()
  const [delivery] = parseChallenges(world.gate.challenge())
  const [as] = parseChallenges(world.redeemer("as").challenge())
  expect(delivery?.tokenKey).toEqual(world.keys.accepted[0].publicKey)
  const decoded = [delivery, as].map((challenge) => decodeTokenChallenge(challenge?.challenge as Uint8Array))
  for (const { issuerName, originInfo, tokenType } of decoded)
    expect([issuerName, originInfo, tokenType]).toEqual([DOMAIN, DOMAIN, 5])
  expect(decoded[0]?.redemptionContext).not.toEqual(decoded[1]?.redemptionContext as Uint8Array)
})

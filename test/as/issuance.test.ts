import { describe, expect, test } from "bun:test"
import { encodeBatchRequest } from "../../src/privacypass/batch.ts"
import { truncatedTokenKeyId } from "../../src/privacypass/token.ts"
import { nobleVoprf } from "../../src/privacypass/voprf.ts"
import { as } from "../../src/wire/as.ts"
import { Problem } from "../../src/wire/problem.ts"
import { crypto } from "./fixtures.ts"
import { type Registered, signed, tokenBatch, World } from "./world.ts"

const voprf = nobleVoprf(crypto.random)
const DAY = 86_400_000

async function ask(world: World, client: Registered, request: Uint8Array): Promise<Uint8Array> {
  const call = signed(as.requestTokens, client, { request })
  return (await world.service.handlers.requestTokens(call)).response
}

/** `ok`, or the code of the refusal. */
async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return "ok"
  } catch (error) {
    if (error instanceof Problem) return error.code
    throw error
  }
}

const draw = (world: World, client: Registered, tokens: number) =>
  outcome(ask(world, client, tokenBatch(world, tokens).request))

describe("issuance", () => {
  test("answers a batch with tokens that its key verifies", async () => {
    await using world = await World.open()
    const ada = await world.register()
    const asked = tokenBatch(world, 5)
    const tokens = asked.finalize(voprf, await ask(world, ada, asked.request))
    expect(new Set(tokens.map(({ nonce }) => Buffer.from(nonce).toString("hex"))).size).toBe(5)
  })

  test("stops at the allowance of the period, for each client by itself, also across a restart", async () => {
    await using world = await World.open()
    const [ada, ben] = [await world.register(), await world.register()]
    expect([await draw(world, ada, 100), await draw(world, ada, 100)]).toEqual(["ok", "ok"])
    expect(await draw(world, ada, 51)).toBe("as.allowance-exceeded")
    await world.restart()
    expect(await draw(world, ada, 51)).toBe("as.allowance-exceeded")
    expect([await draw(world, ada, 50), await draw(world, ada, 1)]).toEqual(["ok", "as.allowance-exceeded"])
    expect(await draw(world, ben, 100)).toBe("ok")
    world.now += DAY
    expect(await draw(world, ada, 100)).toBe("ok")
    world.now -= DAY
    for (const expected of ["ok", "as.allowance-exceeded"]) expect(await draw(world, ada, 100)).toBe(expected)
  })

  test("lets no two requests at the same time draw more than the allowance together", async () => {
    await using world = await World.open()
    const ada = await world.register()
    const outcomes = await Promise.all([90, 90, 90, 90].map((tokens) => draw(world, ada, tokens)))
    expect(outcomes.sort()).toEqual(["as.allowance-exceeded", "as.allowance-exceeded", "ok", "ok"])
  })

  test("repeats its answer to the last request for nothing, also across a restart", async () => {
    await using world = await World.open()
    const ada = await world.register()
    const asked = tokenBatch(world, 100)
    const first = asked.finalize(voprf, await ask(world, ada, asked.request))
    await world.restart()
    for (let i = 0; i < 3; i++)
      expect(asked.finalize(voprf, await ask(world, ada, asked.request))).toEqual(first)
    await Promise.all([1, 2, 3].map(() => ask(world, ada, asked.request)))
    expect([await draw(world, ada, 100), await draw(world, ada, 50)]).toEqual(["ok", "ok"])
    expect(await outcome(ask(world, ada, asked.request))).toBe("as.allowance-exceeded")
  })

  test("refuses what is not a batch for its key, and charges nothing for it", async () => {
    await using world = await World.open()
    const ada = await world.register()
    const honest = tokenBatch(world, 2).request
    const [{ keyId }] = world.issuing.keys.accepted
    const named = truncatedTokenKeyId(keyId)
    const element = honest.subarray(-32)
    const hostile: Readonly<Record<string, Uint8Array>> = {
      "another token type": honest.map((byte, at) => (at === 1 ? 1 : byte)),
      "another key": honest.map((byte, at) => (at === 2 ? byte ^ 1 : byte)),
      "no elements": encodeBatchRequest({ truncatedTokenKeyId: named, blinded: [] }),
      "more elements than a batch has": encodeBatchRequest({
        truncatedTokenKeyId: named,
        blinded: Array.from({ length: 101 }, () => element),
      }),
      "the identity": encodeBatchRequest({
        truncatedTokenKeyId: named,
        blinded: [element, new Uint8Array(32)],
      }),
      "no canonical element": encodeBatchRequest({
        truncatedTokenKeyId: named,
        blinded: [new Uint8Array(32).fill(0xff)],
      }),
      "half an element": honest.subarray(0, -16),
      "trailing bytes": Buffer.concat([honest, Uint8Array.of(0)]),
      nothing: new Uint8Array(0),
    }
    for (const [name, request] of Object.entries(hostile))
      expect([name, await outcome(ask(world, ada, request))]).toEqual([name, "as.invalid-token-request"])
    expect([await draw(world, ada, 100), await draw(world, ada, 100), await draw(world, ada, 50)]).toEqual([
      "ok",
      "ok",
      "ok",
    ])
  })

  test("is for registered clients alone", async () => {
    await using world = await World.open()
    const ada = await world.register()
    const { request } = tokenBatch(world, 1)
    const stranger = { ...ada, clientId: crypto.random(32) }
    expect(await outcome(ask(world, stranger, request))).toBe("auth.refused")
    expect(await outcome(ask(world, { ...ada, seed: crypto.random(32) }, request))).toBe("auth.refused")
    const pending = await world.init()
    expect(await outcome(ask(world, { ...ada, ...pending }, request))).toBe("auth.refused")
  })
})

describe("a snapshot", () => {
  test("shows how many drew, but neither who nor how much: rows are alike, and no client id leads to one", async () => {
    await using world = await World.open()
    const clients = [await world.register(), await world.register(), await world.register()]
    for (const [i, client] of clients.entries()) await draw(world, client, 1 + 45 * i)
    const rows = world.allowanceRows()
    expect(rows).toHaveLength(3)
    for (const { pseudonym, draw: sealed } of rows)
      expect([pseudonym.length, sealed.length]).toEqual([32, 65])
    for (const { clientId } of clients) {
      const guesses = [clientId, crypto.sha256(clientId), crypto.hmacSha256(new Uint8Array(32), clientId)]
      for (const guess of guesses)
        expect(world.store.get(world.allowanceTable, { pseudonym: guess })).toBeUndefined()
    }
    await draw(world, clients[0] as Registered, 1)
    const changed = world
      .allowanceRows()
      .filter((row, i) => !Buffer.from(row.draw).equals(rows[i]?.draw ?? row.draw))
    expect(changed).toHaveLength(1)
  })

  test("of the next period has nothing of the one before, and its key is overwritten", async () => {
    await using world = await World.open()
    const ada = await world.register()
    await draw(world, ada, 10)
    const [before] = world.allowanceRows()
    const key = world.periodKeys.kept?.key as Uint8Array
    world.now += DAY
    await draw(world, ada, 10)
    const files = world.files()
    expect(files.includes(Buffer.from(before?.pseudonym as Uint8Array))).toBeFalse()
    expect(files.includes(Buffer.from(before?.draw as Uint8Array))).toBeFalse()
    expect(world.periodKeys.kept?.key).not.toEqual(key)
  })
})

import { describe, expect, test } from "bun:test"
import { packages } from "../../src/as/tables.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { crypto } from "./fixtures.ts"
import { type DequeueParams, visit } from "./visit.ts"
import { problemOf, World } from "./world.ts"

describe("a stranger who claims and claims", () => {
  test("uses up no more of a user's packages than a period allows, and everybody goes on getting one", async () => {
    await using world = await World.open({ consumingClaimsMax: 3 })
    const victim = await world.register(10)
    const claimed = await Promise.all(Array.from({ length: 40 }, () => world.claim(victim.user)))
    expect(world.store.count(packages)).toBe(7)
    const names = claimed.map(toHex)
    expect(names.every((name) => victim.packages.map(toHex).includes(name))).toBe(true)
    const single = new Set(names).size - 1
    expect(single).toBe(3)
    const reused = names.filter((name) => names.indexOf(name) !== names.lastIndexOf(name))
    expect(new Set(reused).size).toBe(1)
    const kept = world.store.list(packages, {}, 20).map(({ body }) => toHex(body))
    expect(kept).toContain(reused[0]!)
  })

  test("takes nothing from other users, and gets new turns when the period is over", async () => {
    await using world = await World.open({ consumingClaimsMax: 3 })
    const [victim, other] = [await world.register(10), await world.register(10)]
    for (let i = 0; i < 6; i++) await world.claim(victim.user)
    for (let i = 0; i < 3; i++) await world.claim(other.user)
    expect(world.store.list(packages, { user: other.user }, 20).length).toBe(7)
    world.now += 3_600_000
    for (let i = 0; i < 6; i++) await world.claim(victim.user)
    expect(world.store.list(packages, { user: victim.user }, 20).length).toBe(4)
  })

  test("makes the server remember no more targets than it may, and none that does not exist", async () => {
    await using world = await World.open({ consumingClaimsMax: 3, claimTargetsMax: 2 })
    for (let i = 0; i < 5; i++) {
      expect(await problemOf(world.claim(crypto.random(16)))).toBe("as.no-connection-package")
    }
    const users = [await world.register(5), await world.register(5), await world.register(5)]
    for (const { user } of users) await world.claim(user)
    const left = users.map(({ user }) => world.store.list(packages, { user }, 20).length)
    expect(left).toEqual([4, 4, 5])
  })
})

describe("a stranger who asks and asks", () => {
  test("fills a connection queue to its bound and not beyond, until its owner has been there", async () => {
    await using world = await World.open({ queueEntriesMax: 5 })
    const [victim, other] = [await world.register(), await world.register()]
    const ask = (client: Uint8Array) =>
      problemOf(world.service.handlers.enqueue({ client, message: crypto.random(833) }))
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(victim.clientId)))
    expect(answers.filter((answer) => answer === "accepted").length).toBe(5)
    expect(answers.filter((answer) => answer === "queue.full").length).toBe(3)
    expect(await ask(other.clientId)).toBe("accepted")
    const queue = {
      queueSecret: victim.queueSecret,
      dequeue: (params: DequeueParams) => world.dequeue(victim, params),
    }
    expect((await visit(queue)).length).toBe(5)
    expect(await ask(victim.clientId)).toBe("accepted")
  })
})

import { expect, test } from "bun:test"
import { addPackages } from "../../src/qs/tables.ts"
import { registered } from "./delivery.ts"
import { rowsOf } from "./files.ts"
import { crypto, type Member, World } from "./world.ts"

const HOUR = 3_600_000

async function publish(world: World, member: Member, normal: number): Promise<string[]> {
  const published = member.addPackages(world, normal)
  await world.qs.handlers.publishAddPackages(member.signed({ addPackages: published }))
  return published.map(({ keyPackage }) => keyPackage.toHex())
}

async function claim(world: World, { friendshipToken }: Member): Promise<string[]> {
  const claimed = await world.qs.handlers.claimAddPackages({ friendshipToken })
  return claimed.addPackages.map(({ keyPackage }) => keyPackage.toHex())
}

test("claims beyond the hour's get every client's last resort, use nothing up, and the next hour goes on", async () => {
  await using world = await World.open()
  world.consumingClaimsMax = 3
  world.restart()
  const [victim, other] = [await registered(world), await registered(world)]
  const sibling = await victim.addClient(world)
  const published = [await publish(world, victim, 9), await publish(world, sibling, 9)]
  const lastResorts = published.map(([last]) => last!).sort()
  await publish(world, other, 9)
  const claims = await Promise.all(Array.from({ length: 10 }, () => claim(world, victim)))
  expect(new Set(claims.slice(0, 3).flat()).size).toBe(6)
  for (const claimed of claims.slice(3)) expect(claimed.sort()).toEqual(lastResorts)
  const left = rowsOf(world, addPackages)
  expect(left).toHaveLength(3 * 10 - 6)
  await claim(world, victim)
  expect(rowsOf(world, addPackages)).toEqual(left)

  expect(await claim(world, other)).toHaveLength(1)
  expect(rowsOf(world, addPackages)).toHaveLength(left.length - 1)
  world.now += HOUR
  expect((await claim(world, victim)).some((claimed) => lastResorts.includes(claimed))).toBe(false)
})

test("guesses at tokens count for nobody", async () => {
  await using world = await World.open()
  world.consumingClaimsMax = 1
  world.restart()
  const member = await registered(world)
  const [lastResort] = await publish(world, member, 3)
  for (let i = 0; i < 300; i++) {
    const guess = world.qs.handlers.claimAddPackages({ friendshipToken: crypto.random(32) })
    await expect(guess).rejects.toThrow("qs.no-add-package")
  }
  expect(await claim(world, member)).not.toEqual([lastResort!])
  expect(await claim(world, member)).toEqual([lastResort!])
})

test("a rotated token has its own count", async () => {
  await using world = await World.open()
  world.consumingClaimsMax = 1
  world.restart()
  const member = await registered(world)
  const [lastResort] = await publish(world, member, 3)
  await claim(world, member)
  expect(await claim(world, member)).toEqual([lastResort!])
  member.friendshipToken = crypto.random(32)
  const { userAuthKey, friendshipTokenHash } = member.registration()
  await world.qs.handlers.updateUser(member.signedAsUser({ userAuthKey, friendshipTokenHash }))
  expect(await claim(world, member)).not.toEqual([lastResort!])
})

import { expect, test } from "bun:test"
import { addPackages, clients, friendships, queues, users } from "../../src/qs/tables.ts"
import { deliverTo, messageOf, receive, registered } from "./delivery.ts"
import { filesHold, goneSince, marksOf, rowsOf } from "./files.ts"
import { crypto, Member, signed, World } from "./world.ts"

function rotation(member: Member, friendshipToken: Uint8Array) {
  return {
    userAuthKey: member.registration().userAuthKey,
    friendshipTokenHash: crypto.sha256(friendshipToken),
  }
}

test("a user gets what its record says", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const other = await member.addClient(world)
  const { userAuthKey, friendshipTokenHash } = member.registration()
  const record = await world.qs.handlers.getUser(member.signedAsUser({}))
  expect(record.clients.map((id) => id.toHex()).sort()).toEqual(
    [member, other].map(({ client }) => client.toHex()).sort(),
  )
  expect(record).toEqual({ userAuthKey, friendshipTokenHash, clients: record.clients })
})

test("a rotated friendship token claims at once, and the old one never again, whatever races", async () => {
  await using world = await World.open()
  const member = await registered(world)
  await world.qs.handlers.publishAddPackages(member.signed({ addPackages: member.addPackages(world, 8) }))
  const old = member.friendshipToken
  const fresh = crypto.random(32)
  const claim = (friendshipToken: Uint8Array) => world.qs.handlers.claimAddPackages({ friendshipToken })
  const racing = [claim(old), claim(fresh)]
  const rotated = world.qs.handlers.updateUser(member.signedAsUser(rotation(member, fresh)))
  racing.push(claim(old), claim(fresh))
  await rotated
  const outcomes = await Promise.allSettled(racing)
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"])
  await expect(claim(old)).rejects.toThrow("qs.no-add-package")
  expect((await claim(fresh)).addPackages).toHaveLength(1)
  expect(world.store.count(friendships)).toBe(1)
  expect(await filesHold(world, crypto.sha256(old))).toBe(false)
})

test("a token that somebody else has is refused, also to one of two who want it, and nothing changes", async () => {
  await using world = await World.open()
  const [one, two, three] = [await registered(world), await registered(world), await registered(world)]
  const taken = rotation(one, three.friendshipToken)
  await expect(world.qs.handlers.updateUser(one.signedAsUser(taken))).rejects.toThrow("qs.token-taken")
  const wanted = crypto.random(32)
  const outcomes = await Promise.allSettled(
    [one, two].map((member) => world.qs.handlers.updateUser(member.signedAsUser(rotation(member, wanted)))),
  )
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"])
  const { friendshipTokenHash } = await world.qs.handlers.getUser(two.signedAsUser({}))
  expect(friendshipTokenHash).toEqual(crypto.sha256(two.friendshipToken))
  await world.qs.handlers.updateUser(one.signedAsUser(rotation(one, wanted)))
  expect(world.store.count(friendships)).toBe(3)
})

test("a new user key takes the place of the old one", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const old = member.userSeed
  member.userSeed = crypto.random(32)
  const call = signed(old, { kind: "qs-user", id: member.user }, rotation(member, member.friendshipToken))
  await world.qs.handlers.updateUser(call)
  const late = signed(old, { kind: "qs-user", id: member.user }, {})
  await expect(world.qs.handlers.getUser(late)).rejects.toThrow("auth.refused")
  expect((await world.qs.handlers.getUser(member.signedAsUser({}))).clients).toHaveLength(1)
})

test("a deleted user leaves no row and no byte, and its clients' streams end", async () => {
  await using world = await World.open()
  const [member, bystander] = [await registered(world), await registered(world)]
  const siblings = [member, await member.addClient(world), await member.addClient(world)]
  const closed: number[] = []
  for (const sibling of siblings) {
    const published = { addPackages: sibling.addPackages(world, 3) }
    await world.qs.handlers.publishAddPackages(sibling.signed(published))
    await deliverTo(world, sibling, messageOf(crypto.random(16)))
    world.qs.openStream(sibling.signed({}), { send: () => true, close: (code) => closed.push(code) })
  }
  const marks = [
    ...siblings.flatMap(({ client, clientSeed, queueSecretKey }) => [
      client,
      crypto.ed25519Public(clientSeed),
      crypto.x25519Public(queueSecretKey),
    ]),
    member.user,
    crypto.ed25519Public(member.userSeed),
    crypto.sha256(member.friendshipToken),
  ]
  for (const mark of marks) expect(await filesHold(world, mark)).toBe(false)
  const before = marksOf(world)

  await world.qs.handlers.deleteUser(member.signedAsUser({}))
  expect(closed).toEqual([4001, 4001, 4001])
  const gone = goneSince(world, before)
  expect(gone).toHaveLength(2 + 3 * (2 + 4))
  for (const mark of gone) expect(await filesHold(world, mark)).toBe(false)
  for (const table of [users, clients, friendships, queues] as const) expect(world.store.count(table)).toBe(1)
  expect(rowsOf(world, addPackages)).toEqual([])
  await expect(world.qs.handlers.deleteUser(member.signedAsUser({}))).rejects.toThrow("auth.refused")
  await expect(receive(world, member)).rejects.toThrow("auth.refused")

  await deliverTo(world, bystander, messageOf(crypto.random(16)))
  expect(await receive(world, bystander)).toHaveLength(1)
})

test("operations on a user are refused to everybody else, with one refusal", async () => {
  await using world = await World.open()
  const [member, other] = [await registered(world), await registered(world)]
  const before = rowsOf(world, users)
  const wrong = [
    { seed: member.clientSeed, sender: { kind: "qs-client", id: member.client } },
    { seed: member.clientSeed, sender: { kind: "qs-user", id: member.user } },
    { seed: member.clientSeed, sender: { kind: "qs-user", id: member.client } },
    { seed: other.userSeed, sender: { kind: "qs-user", id: member.user } },
    { seed: other.userSeed, sender: { kind: "qs-user", id: crypto.random(16) } },
  ] as const
  const { handlers } = world.qs
  for (const { seed, sender } of wrong) {
    const attempts = [
      handlers.getUser(signed(seed, sender, {})),
      handlers.deleteUser(signed(seed, sender, {})),
      handlers.updateUser(signed(seed, sender, rotation(other, crypto.random(32)))),
      handlers.createClient(signed(seed, sender, new Member(member).clientParams())),
      handlers.removeClient(signed(seed, sender, { client: member.client })),
    ]
    for (const attempt of attempts) await expect(attempt).rejects.toThrow("auth.refused")
  }
  expect(rowsOf(world, users)).toEqual(before)
  expect(rowsOf(world, clients)).toHaveLength(2)
})

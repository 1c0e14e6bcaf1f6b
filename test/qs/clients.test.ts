import { expect, test } from "bun:test"
import { CLIENTS_PER_USER_MAX, EARLIER_AUTH_KEYS_MAX } from "../../src/limits.ts"
import { clients, friendships, queues, users } from "../../src/qs/tables.ts"
import { PUSH_TOKEN_BYTES } from "../../src/wire/push-token.ts"
import { deliverTo, messageOf, receive, registered, resolve, send } from "./delivery.ts"
import { filesHold, goneSince, marksOf, rowsOf } from "./files.ts"
import { crypto, Member, signed, World } from "./world.ts"

const group = crypto.random(16)

test("a user has up to ten clients, however many are asked for at the same time", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const wanted = Array.from({ length: 14 }, () => new Member(member))
  const outcomes = await Promise.allSettled(
    wanted.map((other) => world.qs.handlers.createClient(member.signedAsUser(other.clientParams()))),
  )
  const made = outcomes.filter(({ status }) => status === "fulfilled")
  expect(made).toHaveLength(CLIENTS_PER_USER_MAX - 1)
  for (const outcome of outcomes.slice(CLIENTS_PER_USER_MAX - 1))
    expect(`${(outcome as PromiseRejectedResult).reason}`).toContain("qs.too-many-clients")
  expect(rowsOf(world, queues)).toHaveLength(CLIENTS_PER_USER_MAX)
  expect((await world.qs.handlers.getUser(member.signedAsUser({}))).clients).toHaveLength(10)

  const [first] = wanted as [Member]
  first.client = (made[0] as PromiseFulfilledResult<{ client: Uint8Array }>).value.client
  await world.qs.handlers.deleteClient(first.signed({}))
  await member.addClient(world)
  await expect(member.addClient(world)).rejects.toThrow("qs.too-many-clients")
})

test("a creation that is repeated gets the same client, also when there are ten", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const wanted = Array.from({ length: CLIENTS_PER_USER_MAX - 1 }, () => new Member(member))
  const create = (other: Member) => world.qs.handlers.createClient(member.signedAsUser(other.clientParams()))
  const first = await Promise.all(wanted.map(create))
  expect(await Promise.all(wanted.map(create))).toEqual(first)
  expect(rowsOf(world, clients)).toHaveLength(CLIENTS_PER_USER_MAX)
})

test("each client of a user has its own queue and AddPackages, and a claim gets one of each", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const siblings = [member, await member.addClient(world), await member.addClient(world)]
  for (const [i, sibling] of siblings.entries()) {
    const published = { addPackages: sibling.addPackages(world, i) }
    await world.qs.handlers.publishAddPackages(sibling.signed(published))
    const message = messageOf(group)
    await deliverTo(world, sibling, message)
    expect(await receive(world, sibling)).toEqual([message])
    const { clientAuthKey, queueKey } = sibling.clientParams()
    const record = await world.qs.handlers.getClient(sibling.signed({}))
    const nothingElse = { hasPushToken: false, blockedGroups: 0, addPackages: i }
    expect(record).toEqual({ user: member.user, clientAuthKey, queueKey, ...nothingElse })
  }
  const { friendshipToken } = member
  expect((await world.qs.handlers.claimAddPackages({ friendshipToken })).addPackages).toHaveLength(3)
})

test("with a new key a client signs, and queue configs that an older one signed still find its queue", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const configs: Uint8Array[] = []
  const seeds: Uint8Array[] = []
  for (let i = 0; i <= EARLIER_AUTH_KEYS_MAX + 1; i++) {
    configs.push(member.queueConfig(world))
    seeds.push(member.clientSeed)
    const { clientSeed: old } = member
    member.clientSeed = crypto.random(32)
    const sender = { kind: "qs-client", id: member.client } as const
    await world.qs.handlers.updateClient(signed(old, sender, member.clientParams()))
    await expect(world.qs.handlers.getClient(signed(old, sender, {}))).rejects.toThrow("auth.refused")
  }
  const { clientAuthKey } = await world.qs.handlers.getClient(member.signed({}))
  expect(clientAuthKey).toEqual(member.clientParams().clientAuthKey)
  const found = configs.map((config) => resolve(world, { config, ticket: undefined }) !== undefined)
  expect(found).toEqual([false, false, true, true, true, true])
  expect(resolve(world, { config: member.queueConfig(world), ticket: undefined })).toBeDefined()
  const forged = member.queueConfig(world, undefined, crypto.random(32))
  expect(resolve(world, { config: forged, ticket: undefined })).toBeUndefined()
})

test("a new queue key is for what comes from then on, and what is queued stays readable with the old one", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const before = new Member(member)
  Object.assign(before, { client: member.client, clientSeed: member.clientSeed })
  before.queueSecretKey = member.queueSecretKey
  const messages = [messageOf(group), messageOf(group), messageOf(group)] as const
  await deliverTo(world, member, messages[0])
  member.queueSecretKey = crypto.random(32)
  const change = world.qs.handlers.updateClient(member.signed(member.clientParams()))
  await Promise.all([change, deliverTo(world, member, messages[1])])
  world.restart()
  await deliverTo(world, member, messages[2])
  expect(await receive(world, before)).toEqual([messages[0]])
  expect(await receive(world, member)).toEqual([messages[1], messages[2]])

  const unusable = { ...member.clientParams(), queueKey: new Uint8Array(32) }
  await expect(world.qs.handlers.updateClient(member.signed(unusable))).rejects.toThrow("request.malformed")
  await deliverTo(world, member, messages[0])
  expect(await receive(world, member)).toHaveLength(3)
})

test("an update replaces the push token and can take it away", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const has = async () => (await world.qs.handlers.getClient(member.signed({}))).hasPushToken
  const pushToken = crypto.random(PUSH_TOKEN_BYTES)
  await world.qs.handlers.updateClient(member.signed({ ...member.clientParams(), pushToken }))
  expect(await has()).toBe(true)
  await world.qs.handlers.updateClient(member.signed(member.clientParams()))
  expect(await has()).toBe(false)
})

test("a client that is deleted by itself or by its user leaves nothing behind, and its stream ends", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const [own, lost] = [await member.addClient(world), await member.addClient(world)]
  const { handlers } = world.qs
  const remove = [
    () => handlers.deleteClient(own.signed({})),
    () => handlers.removeClient(member.signedAsUser({ client: lost.client })),
  ]
  for (const [i, gone] of [own, lost].entries()) {
    await handlers.publishAddPackages(gone.signed({ addPackages: gone.addPackages(world, 2) }))
    const config = gone.queueConfig(world)
    const { queue, newTicket } = resolve(world, { config, ticket: undefined })!
    const closed: number[] = []
    world.qs.openStream(gone.signed({}), { send: () => true, close: (code) => closed.push(code) })
    const before = marksOf(world)
    const racing = [1, 2, 3].map(() => send(world, [{ queue, message: messageOf(group) }]))
    await Promise.all([...racing, remove[i]!(), send(world, [{ queue, message: messageOf(group) }])])
    expect(closed).toEqual([4001])
    expect(resolve(world, { config, ticket: undefined })).toBeUndefined()
    expect(resolve(world, { config, ticket: newTicket })).toBeUndefined()
    const marks = goneSince(world, before)
    // Its record, its queue's, three packages, and its user's record as it was.
    expect(marks).toHaveLength(6)
    for (const mark of [gone.client, ...marks]) expect(await filesHold(world, mark)).toBe(false)
    await expect(receive(world, gone)).rejects.toThrow("auth.refused")
    await expect(remove[i]!()).rejects.toThrow("auth.refused")
  }
  expect(rowsOf(world, clients)).toHaveLength(1)
  expect(rowsOf(world, users)).toHaveLength(1)
})

test("a user goes with its last client, and its token can be somebody else's then", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const other = await member.addClient(world)
  await Promise.all([member, other].map((client) => world.qs.handlers.deleteClient(client.signed({}))))
  for (const table of [users, friendships, clients, queues] as const) expect(world.store.count(table)).toBe(0)
  await expect(world.qs.handlers.getUser(member.signedAsUser({}))).rejects.toThrow("auth.refused")
  await member.register(world)
})

test("a client that is created while its user is deleted does not outlive it", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const { createClient, deleteUser } = world.qs.handlers
  const create = () => createClient(member.signedAsUser(new Member(member).clientParams()))
  const outcomes = await Promise.allSettled([create(), deleteUser(member.signedAsUser({})), create()])
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"])
  for (const table of [users, clients, queues] as const) expect(world.store.count(table)).toBe(0)
})

test("clients of other users, and requests that the wrong kind of sender signs, are refused alike", async () => {
  await using world = await World.open()
  const [member, other] = [await registered(world), await registered(world)]
  const before = rowsOf(world, clients)
  const { handlers } = world.qs
  for (const client of [other.client, crypto.random(16)]) {
    const remove = handlers.removeClient(member.signedAsUser({ client }))
    await expect(remove).rejects.toThrow("auth.refused")
  }
  const wrong = [
    { seed: member.userSeed, sender: { kind: "qs-user", id: member.user } },
    { seed: member.userSeed, sender: { kind: "qs-client", id: member.user } },
    { seed: other.clientSeed, sender: { kind: "qs-client", id: member.client } },
    { seed: other.clientSeed, sender: { kind: "qs-client", id: crypto.random(16) } },
  ] as const
  for (const { seed, sender } of wrong) {
    const attempts = [
      handlers.getClient(signed(seed, sender, {})),
      handlers.deleteClient(signed(seed, sender, {})),
      handlers.updateClient(signed(seed, sender, other.clientParams())),
      handlers.blockGroup(signed(seed, sender, { groupId: group })),
      handlers.unblockGroup(signed(seed, sender, { groupId: group })),
    ]
    for (const attempt of attempts) await expect(attempt).rejects.toThrow("auth.refused")
  }
  expect(rowsOf(world, clients)).toEqual(before)
})

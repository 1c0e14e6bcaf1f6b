import { expect, test } from "bun:test"
import fc from "fast-check"
import type { Enqueued } from "../../src/fanout.ts"
import { ENCRYPTED_CREDENTIAL_BYTES_MAX, KEY_PACKAGE_BYTES_MAX } from "../../src/limits.ts"
import { decodeAddPackageBody, encodeAddPackageBody } from "../../src/qs/add-package-body.ts"
import { addPackages, clients, queues } from "../../src/qs/tables.ts"
import { remove } from "../../src/store/database.ts"
import { encodeRow } from "../../src/veil/table.ts"
import { receive, registered, resolve, send } from "./delivery.ts"
import { crypto, DOMAIN, Member, World } from "./world.ts"

test("a config finds its queue and brings a ticket, which then finds it without the config", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const config = member.queueConfig(world)
  const first = resolve(world, { config, ticket: undefined })!
  expect(first.newTicket).toBeInstanceOf(Uint8Array)
  const ticket = first.newTicket!
  const second = resolve(world, { config: crypto.random(50), ticket })!
  expect(second.newTicket).toBeUndefined()

  const messages = [crypto.random(100), crypto.random(200)]
  await send(world, [{ queue: first.queue, message: messages[0]! }])
  await send(world, [{ queue: second.queue, message: messages[1]! }])
  expect(await receive(world, member)).toEqual(messages)
})

test("a ticket that does not open falls back to the config, and tickets of one client look unrelated", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const config = member.queueConfig(world)
  const ticket = resolve(world, { config, ticket: undefined })!.newTicket!
  for (const bad of [new Uint8Array(0), crypto.random(ticket.length), ticket.subarray(0, 20)]) {
    const again = resolve(world, { config, ticket: bad })!
    expect(again.newTicket).toBeInstanceOf(Uint8Array)
    expect(again.newTicket!.subarray(1)).not.toEqual(ticket.subarray(1))
  }
  world.secrets.ticketKey.set(crypto.random(32))
  expect(resolve(world, { config, ticket })?.newTicket).toBeInstanceOf(Uint8Array)
})

test("a config that was sealed to an older key of the server finds its queue, until this key is retired", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const config = member.queueConfig(world)
  const { configSecretKeys, ticketKey } = world.secrets
  const fresh = crypto.random(32)
  world.restart({ configSecretKeys: [...configSecretKeys, fresh], ticketKey: crypto.random(32) })
  expect((await world.qs.handlers.publicKeys({})).configKey).toEqual(crypto.x25519Public(fresh))
  const { queue, newTicket } = resolve(world, { config, ticket: undefined })!
  const message = crypto.random(100)
  await send(world, [{ queue, message }])
  expect(await receive(world, member)).toEqual([message])
  expect(resolve(world, { config: member.queueConfig(world), ticket: undefined })).toBeDefined()

  world.restart({ configSecretKeys: [fresh], ticketKey })
  expect(resolve(world, { config, ticket: undefined })).toBeUndefined()
  expect(resolve(world, { config, ticket: newTicket })).toBeUndefined()
  expect(resolve(world, { config: member.queueConfig(world), ticket: undefined })).toBeDefined()
})

test("a config that is hostile in any way is dead, and never an error", async () => {
  await using world = await World.open()
  const [member, other] = [await registered(world), await registered(world)]
  const stranger = new Member()
  stranger.client = crypto.random(16)
  const config = member.queueConfig(world)
  const dead = [
    member.queueConfig(world, "other.example"),
    member.queueConfig(world, DOMAIN, other.clientSeed),
    stranger.queueConfig(world),
    new Uint8Array(0),
    crypto.random(2000),
  ]
  for (const bad of dead) expect(resolve(world, { config: bad, ticket: undefined })).toBeUndefined()
  fc.assert(
    fc.property(
      fc.nat(config.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      (at, flip, cut) => {
        const bad = cut ? config.slice(0, at) : config.slice()
        if (!cut) bad[at]! ^= flip
        expect(resolve(world, { config: bad, ticket: bad })).toBeUndefined()
      },
    ),
    { numRuns: 200 },
  )
})

test("a queue that is gone is dead by config and by ticket, although it was in memory", async () => {
  await using world = await World.open()
  const member = await registered(world)
  const config = member.queueConfig(world)
  const { queue, newTicket: ticket } = resolve(world, { config, ticket: undefined })!
  await send(world, [{ queue, message: crypto.random(10) }])
  let removal: Enqueued | undefined
  await world.store.writer.submit({
    expects: [],
    effects: (view) => {
      removal = world.engine.remove(view, member.client)
      return [...removal.effects, remove(clients, { id: member.client })]
    },
    committed: () => removal?.committed(),
  })
  expect(world.store.get(queues, { id: member.client })).toBeUndefined()
  expect(resolve(world, { config, ticket })).toBeUndefined()
  expect(resolve(world, { config, ticket: undefined })).toBeUndefined()
  await send(world, [{ queue, message: crypto.random(10) }])
})

test("AddPackage bodies come back as they were, and rows are of few lengths", () => {
  const part = (max: number) => fc.uint8Array({ minLength: 1, maxLength: max })
  const lengths = new Set<number>()
  fc.assert(
    fc.property(
      part(KEY_PACKAGE_BYTES_MAX),
      part(ENCRYPTED_CREDENTIAL_BYTES_MAX),
      (keyPackage, credential) => {
        const addPackage = { keyPackage, encryptedCredential: credential }
        const body = encodeAddPackageBody(addPackage)
        lengths.add(encodeRow(addPackages, { id: new Uint8Array(17), body }).length)
        expect(decodeAddPackageBody(body)).toEqual(addPackage)
      },
    ),
    {
      numRuns: 100,
      examples: [[new Uint8Array(KEY_PACKAGE_BYTES_MAX), new Uint8Array(ENCRYPTED_CREDENTIAL_BYTES_MAX)]],
    },
  )
  expect(lengths.size).toBeLessThanOrEqual(3)
})

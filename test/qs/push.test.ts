import { expect, test } from "bun:test"
import type { CryptoProvider } from "../../src/crypto/provider.ts"
import { PUSH_ATTEMPTS_MAX, PUSHES_IN_FLIGHT_MAX } from "../../src/limits.ts"
import { equal, utf8 } from "../../src/wire/bytes.ts"
import { messageOf, receive, registered, resolve, send } from "./delivery.ts"
import {
  hasPushToken,
  pause,
  pushWorld,
  Receiver,
  say,
  subscribe,
  subscribed,
  verifyStatement,
} from "./push-member.ts"
import { crypto, DOMAIN, NOW, World } from "./world.ts"

const SINK = { send: () => true, close: () => undefined }

test("a message for a client that is away brings an empty push, signed as RFC 8292 says", async () => {
  await using receiver = await Receiver.start()
  await using world = await pushWorld()
  const member = await subscribed(world, receiver.url("/send/a?b=c&d=%20~"))
  await say(world, member)
  await receiver.until(1)
  const [push] = receiver.received
  expect([push!.method, push!.path, push!.body.length]).toEqual(["POST", "/send/a?b=c&d=%20~", 0])
  const { authorization, ...headers } = push!.headers
  expect(headers).toEqual({
    host: `localhost:${receiver.port}`,
    "content-length": "0",
    connection: "close",
    ttl: "86400",
    urgency: "normal",
    topic: "queue",
  })
  const { pushKey } = await world.qs.handlers.publicKeys({})
  const { header, claims } = verifyStatement(push!, pushKey)
  expect(authorization).toBeDefined()
  expect(header).toEqual({ typ: "JWT", alg: "ES256" })
  expect(claims.aud).toBe(`https://localhost:${receiver.port}`)
  expect(claims.sub).toBe(`https://${DOMAIN}`)
  expect(claims.exp).toBeGreaterThan(NOW / 1000)
  expect(claims.exp).toBeLessThan(NOW / 1000 + 86_400)
})

test("the same statement goes to a push service for hours, another one to each service, and a new one in time", async () => {
  await using receiver = await Receiver.start()
  await using other = await Receiver.start()
  await using world = await pushWorld()
  const members = [receiver, receiver, other].map((at) => subscribed(world, at.url("/s")))
  for (const member of members) await say(world, await member)
  await receiver.until(2)
  await other.until(1)
  const statements = [...receiver.received, ...other.received].map(({ headers }) => headers["authorization"])
  expect(new Set(statements).size).toBe(2)
  world.now += 7 * 3_600_000
  await say(world, await members[0]!)
  await receiver.until(3)
  const { pushKey } = await world.qs.handlers.publicKeys({})
  const { claims } = verifyStatement(receiver.received[2]!, pushKey)
  expect(claims.exp).toBeGreaterThan(world.now / 1000)
  expect(receiver.received[2]!.headers["authorization"]).not.toBe(statements[0])
})

test("many messages bring one push, later ones another, and none if the client was there since", async () => {
  await using receiver = await Receiver.start()
  await using world = await pushWorld()
  const member = await subscribed(world, receiver.url("/s"))
  for (let i = 0; i < 20; i++) await say(world, member)
  await receiver.until(1)
  await say(world, member)
  await say(world, member)
  await receiver.until(2)
  await say(world, member)
  await receive(world, member)
  await pause()
  expect(receiver.received).toHaveLength(2)
  await say(world, member)
  await receiver.until(3)
})

test("nobody is woken who has a stream open, or opens one before the push is due", async () => {
  await using receiver = await Receiver.start()
  await using world = await pushWorld()
  const member = await subscribed(world, receiver.url("/s"))
  const stream = world.qs.openStream(member.signed({}), SINK)
  await say(world, member)
  await pause()
  stream.onClosed()
  await pause()
  world.pushPace = { delay: [80, 80], interval: [80, 80] }
  world.restart()
  await say(world, member)
  const late = world.qs.openStream(member.signed({}), SINK)
  await pause()
  expect(receiver.received).toEqual([])
  late.onClosed()
  await say(world, member)
  await receiver.until(1)
})

test("there is no push for a message that was not committed, for a blocked group, and for clients without token or key", async () => {
  await using receiver = await Receiver.start()
  await using world = await pushWorld()
  const [member, withoutKey, otherKey] = [
    await subscribed(world, receiver.url("/member")),
    await subscribed(world, receiver.url("/without-key")),
    await subscribed(world, receiver.url("/other-key")),
  ]
  withoutKey.pushTokenKey = undefined
  otherKey.pushTokenKey = crypto.random(32)
  const withoutToken = await registered(world)
  withoutToken.pushTokenKey = crypto.random(32)
  for (const one of [withoutKey, otherKey, withoutToken]) await say(world, one)

  const groupId = crypto.random(16)
  await world.qs.handlers.blockGroup(member.signed({ groupId }))
  const { queue } = resolve(world, { config: member.queueConfig(world), ticket: undefined })!
  await send(world, [{ queue, message: messageOf(groupId) }])
  const refused = world.store.writer.submit({
    expects: [],
    effects(view) {
      world.qs.fanout.enqueue(view, [{ queue, message: messageOf(crypto.random(16)) }])
      throw new Error("refused after enqueuing")
    },
  })
  await expect(refused).rejects.toThrow("refused after enqueuing")
  await pause()
  expect(receiver.received).toEqual([])
  expect(await hasPushToken(world, otherKey)).toBe(true)
  await say(world, member)
  await receiver.until(1)
  expect(receiver.received[0]!.path).toBe("/member")
})

test("a push can be opened with the ticket that the DS kept, after restarts and with the config rotated away", async () => {
  await using receiver = await Receiver.start()
  await using world = await pushWorld()
  const member = await subscribed(world, receiver.url("/s"))
  const config = member.queueConfig(world)
  const ticket = resolve(world, { config, ticket: undefined })!.newTicket!
  world.restart({ configSecretKeys: [crypto.random(32)] })
  const kept = ticket.slice()
  const { queue } = resolve(world, { config, ticket: kept })!
  // The DS overwrites the group's head, and the ticket in it, when the request ends.
  kept.fill(0)
  await send(world, [{ queue, message: messageOf(crypto.random(16)) }])
  await receiver.until(1)
})

test("an endpoint that is gone is forgotten durably, and only that one", async () => {
  for (const status of [404, 410]) {
    await using receiver = await Receiver.start()
    receiver.answer = ({ path }) => (path === "/dead" ? status : 201)
    await using world = await pushWorld()
    const [dead, alive] = [
      await subscribed(world, receiver.url("/dead")),
      await subscribed(world, receiver.url("/alive")),
    ]
    for (const member of [dead, alive]) await say(world, member)
    await receiver.until(2)
    while (await hasPushToken(world, dead)) await Bun.sleep(2)
    expect(await hasPushToken(world, alive)).toBe(true)
    world.restart()
    expect(await hasPushToken(world, dead)).toBe(false)
    await say(world, dead)
    await pause()
    expect(receiver.received).toHaveLength(2)

    await subscribe(world, dead, receiver.url("/dead/2"))
    await say(world, dead)
    await receiver.until(3)
  }
})

test("a token that took the place of a dead one while the push was under way stays", async () => {
  await using receiver = await Receiver.start()
  await using world = await pushWorld()
  let answer = (_status: number) => {}
  receiver.answer = ({ path }) => {
    return path === "/old" ? new Promise<number>((resolve) => (answer = resolve)) : 201
  }
  const member = await subscribed(world, receiver.url("/old"))
  await say(world, member)
  await receiver.until(1)
  await subscribe(world, member, receiver.url("/new"))
  answer(410)
  await pause()
  expect(await hasPushToken(world, member)).toBe(true)
  await say(world, member)
  await receiver.until(2)
  expect(receiver.received[1]!.path).toBe("/new")
})

test("what fails is tried again a few times, what is refused is not, redirects lead nowhere, and no token is lost", async () => {
  await using receiver = await Receiver.start()
  await using world = await pushWorld()
  world.outgoing = { ...world.outgoing, secondsMax: 0.1 }
  world.restart()
  const attempts = {
    503: PUSH_ATTEMPTS_MAX,
    429: PUSH_ATTEMPTS_MAX,
    400: 1,
    403: 1,
    301: 1,
    0: PUSH_ATTEMPTS_MAX,
  }
  receiver.answer = ({ path }) => Number(path.slice(1)) || undefined
  for (const [status, expected] of Object.entries(attempts)) {
    const before = receiver.received.length
    const member = await subscribed(world, receiver.url(`/${status}`))
    await say(world, member)
    await receiver.until(before + expected)
    for (let i = 0; i < 3; i++) await pause()
    const paths = receiver.received.slice(before).map(({ path }) => path)
    expect(paths).toEqual(Array.from({ length: expected }, () => `/${status}`))
    expect(await hasPushToken(world, member)).toBe(true)
    await say(world, member)
    await receiver.until(before + expected + 1)
    await receive(world, member)
    await pause()
  }
})

test("private addresses are not pushed to unless the operator allows it, and what is no push resource is forgotten", async () => {
  await using receiver = await Receiver.start()
  await using world = await World.open()
  const member = await subscribed(world, receiver.url("/s"))
  await say(world, member)
  await pause()
  expect(await hasPushToken(world, member)).toBe(true)
  const hopeless = [
    "http://push.example.net/s",
    `https://127.0.0.1:${receiver.port}/s`,
    "file:///etc/passwd",
    "",
  ]
  for (const url of hopeless) {
    const other = await subscribed(world, url)
    await say(world, other)
    while (await hasPushToken(world, other)) await Bun.sleep(2)
  }
  expect(receiver.received).toEqual([])
})

test("no more pushes are under way at once than the bound, and all are sent in the end", async () => {
  await using receiver = await Receiver.start()
  receiver.answer = async () => {
    await Bun.sleep(20)
    return 201
  }
  await using world = await pushWorld()
  const count = 3 * PUSHES_IN_FLIGHT_MAX
  const members = await Promise.all(
    Array.from({ length: count }, (_, i) => subscribed(world, receiver.url(`/${i}`))),
  )
  await Promise.all(members.map((member) => say(world, member)))
  await receiver.until(count)
  await pause()
  expect(new Set(receiver.received.map(({ path }) => path)).size).toBe(count)
  expect(receiver.mostOpen).toBeGreaterThan(1)
  expect(receiver.mostOpen).toBeLessThanOrEqual(PUSHES_IN_FLIGHT_MAX)
})

test("clients that are deleted while a push waits get none, and stopping ends all", async () => {
  await using receiver = await Receiver.start()
  await using world = await pushWorld()
  world.pushPace = { delay: [40, 60], interval: [40, 60] }
  world.restart()
  const [gone, stopped] = [
    await subscribed(world, receiver.url("/gone")),
    await subscribed(world, receiver.url("/stopped")),
  ]
  await say(world, gone)
  await world.qs.handlers.deleteClient(gone.signed({}))
  await pause()
  await say(world, stopped)
  world.qs.stop()
  await pause()
  expect(receiver.received).toEqual([])
})

test("the token, its key and what they were opened from are overwritten", async () => {
  await using receiver = await Receiver.start()
  await using world = await pushWorld()
  const url = receiver.url("/send/the-name-of-the-device")
  const plaintexts: Uint8Array[] = []
  const keys: Uint8Array[] = []
  const recording: CryptoProvider = {
    ...crypto,
    aesGcmOpen(key, nonce, aad, sealed) {
      const plaintext = crypto.aesGcmOpen(key, nonce, aad, sealed)
      const opensToken = equal(aad, utf8("Cinder 1 push token"))
      if (opensToken) keys.push(key)
      if (opensToken || equal(aad, utf8("Cinder 1 ticket"))) plaintexts.push(plaintext)
      return plaintext
    },
  }
  world.restart({}, undefined, recording)
  const member = await subscribed(world, url)
  const config = member.queueConfig(world)
  const { newTicket: ticket } = resolve(world, { config, ticket: undefined })!
  const { queue } = resolve(world, { config, ticket })!
  await send(world, [{ queue, message: messageOf(crypto.random(16)) }])
  await receiver.until(1)
  await pause()
  expect([plaintexts.length, keys.length]).toEqual([3, 1])
  // Of an opened token its version and length may stay.
  for (const bytes of [...plaintexts.map((plaintext) => plaintext.subarray(3)), ...keys])
    expect(bytes.every((byte) => byte === 0)).toBe(true)
  expect(member.pushTokenKey!.some((byte) => byte !== 0)).toBe(true)
})

import { expect, test } from "bun:test"
import { retireKeys, rotateSecret } from "../../src/config/rotation.ts"
import { makeSecrets, type Secrets } from "../../src/config/secrets.ts"
import { qsSecrets } from "../../src/server/services.ts"
import { SlotsUnreadable } from "../../src/veil/slot-keys.ts"
import { testCertificate } from "../outgoing/certificate.ts"
import { deliverTo, messageOf, receive, registered, resolve, send } from "./delivery.ts"
import { hasPushToken, Receiver, say, subscribe } from "./push-member.ts"
import { crypto, DOMAIN, type Member, NOW, World } from "./world.ts"

/** A QS as the server puts it together from its secrets file. */
async function worldOf(secrets: Secrets): Promise<World> {
  const world = await World.open()
  world.outgoing = { allowPrivate: true, certificates: testCertificate }
  restart(world, secrets)
  await world.store.start()
  return world
}

function restart(world: World, secrets: Secrets): void {
  world.restart({ ...qsSecrets(secrets), slotKeys: secrets.queueSlotKeys })
}

const names = ["queueConfigKeys", "queueSlotKeys", "ticketKey", "queueSigningSeed", "pushSeed"] as const

test("rotating every secret of the QS loses no message, no block and no push token, and old keys can go in the end", async () => {
  await using receiver = await Receiver.start()
  let secrets = makeSecrets(crypto, DOMAIN, NOW / 1000)
  await using world = await worldOf(secrets)
  const [member, bystander] = [await registered(world), await registered(world)]
  member.pushTokenKey = crypto.random(32)
  await subscribe(world, member, receiver.url("/s"))
  const blocked = crypto.random(16)
  await world.qs.handlers.blockGroup(member.signed({ groupId: blocked }))

  // What the DS has of the member from before the first rotation, and never renews.
  const config = member.queueConfig(world)
  let ticket = resolve(world, { config, ticket: undefined })!.newTicket!
  const sent: Uint8Array[] = []
  for (const name of [...names, ...names]) {
    const before = await world.qs.handlers.publicKeys({})
    secrets = rotateSecret(crypto, secrets, name)
    restart(world, secrets)
    const after = await world.qs.handlers.publicKeys({})
    const published = {
      queueConfigKeys: "configKey",
      queueSigningSeed: "signingKey",
      pushSeed: "pushKey",
    } as const
    for (const [rotated, key] of Object.entries(published) as [string, keyof typeof after][])
      expect(Buffer.compare(before[key], after[key]) === 0).toBe(rotated !== name)

    const { queue, newTicket } = resolve(world, { config, ticket })!
    expect(newTicket !== undefined).toBe(name === "ticketKey")
    ticket = newTicket ?? ticket
    const message = messageOf(crypto.random(16))
    await send(world, [{ queue, message: messageOf(blocked) }])
    await send(world, [{ queue, message }])
    sent.push(message)
    await deliverTo(world, bystander, messageOf(blocked))
  }
  await receiver.until(1)
  expect(await receive(world, member)).toEqual(sent)
  expect(await receive(world, bystander)).toHaveLength(sent.length)
  expect(await hasPushToken(world, member)).toBe(true)

  const early = retireKeys(secrets, "queueSlotKeys")
  expect(() => restart(world, early)).toThrow(SlotsUnreadable)
  restart(world, secrets)
  await world.store.pass([world.engine.renewal])
  await world.qs.sweep()
  restart(world, early)
  await send(world, [{ queue: resolve(world, { config, ticket })!.queue, message: messageOf(blocked) }])
  expect(await receive(world, member)).toEqual(sent)
  expect(await hasPushToken(world, member)).toBe(true)
  await say(world, member as Member)
  expect(await receive(world, member)).toHaveLength(sent.length + 1)
})

import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Signer, Transport } from "../../src/client/transport.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { ID_BYTES, KEY_BYTES } from "../../src/limits.ts"
import { qs } from "../../src/wire/qs.ts"
import { Homeserver } from "./homeserver.ts"
import { handMadeAddPackages } from "./hostile/add-packages.ts"
import { handTo, Neighbour, type QueueOwner, queueOwnerOf } from "./hostile/neighbour.ts"
import { hoard, qsAttacks } from "./hostile/qs.ts"
import { expectComplete, Siege, type Step } from "./hostile/siege.ts"
import { Interceptor } from "./interceptor.ts"
import { RememberingStore } from "./loot.ts"
import { Overhearing } from "./overhearing.ts"
import { befriend, gather, Person } from "./person.ts"

const ears = new Overhearing()
let server: Homeserver
beforeAll(async () => {
  // The attacks are to be refused for what they are, not for want of a token.
  server = await Homeserver.startBy(ears.launch, "--rate-limit", "off")
})
afterAll(() => server.end())

const { random } = crypto

/** Nothing was wrong with the hostile AddPackages but what was meant to be. */
function publishByHand(hand: Transport, owner: QueueOwner): Promise<object> {
  const signer = { sender: { kind: "qs-client", id: owner.qs.client }, seed: owner.qsClientSeed } as const
  return hand.call(qs.publishAddPackages, { addPackages: handMadeAddPackages(owner) }, signer)
}

/** What the client library calls. */
function friendship(client: Interceptor, store: RememberingStore): Step<typeof qs>[] {
  let user: Person
  let friend: Person
  const enter = (into = new RememberingStore()) =>
    Person.register({ url: server.url, store: into, crypto: client.crypto, fetch: client.fetch })
  return [
    {
      calls: ["publicKeys", "createUser", "publishAddPackages"],
      act: async () => {
        user = await enter(store)
      },
    },
    {
      calls: ["claimAddPackages"],
      act: async () => {
        friend = await enter()
        await befriend(friend, user)
        await gather(friend, [user])
        for (const person of [user, friend]) await person.stop()
      },
    },
    { calls: [], act: () => publishByHand(handTo(server, client), queueOwnerOf(store)) },
  ]
}

/** What somebody does with a user of the QS, and clients of that, by hand. */
function lifeAtTheQs(client: Interceptor): Step<typeof qs>[] {
  const hand = handTo(server, client)
  const [userSeed, clientSeed] = [random(KEY_BYTES), random(KEY_BYTES)]
  const keys = (seed = random(KEY_BYTES)) => ({
    clientAuthKey: crypto.ed25519Public(seed),
    queueKey: crypto.x25519Public(random(KEY_BYTES)),
    pushToken: null,
  })
  const record = () => ({
    userAuthKey: crypto.ed25519Public(userSeed),
    friendshipTokenHash: random(KEY_BYTES),
  })
  const groupId = random(ID_BYTES)
  let ids: { readonly user: Uint8Array; readonly client: Uint8Array }
  let second: Uint8Array
  const asUser = (): Signer => ({ sender: { kind: "qs-user", id: ids.user }, seed: userSeed })
  const asClient = (id = ids.client, seed = clientSeed): Signer => ({
    sender: { kind: "qs-client", id },
    seed,
  })
  const nothing = { acknowledge: [], usedUp: [], read: [], max: 10 }
  return [
    {
      calls: [],
      act: async () => {
        const { pushToken, ...first } = keys(clientSeed)
        ids = await hand.call(qs.createUser, { ...record(), ...first })
      },
    },
    { calls: ["getUser"], act: () => hand.call(qs.getUser, {}, asUser()) },
    { calls: ["updateUser"], act: () => hand.call(qs.updateUser, record(), asUser()) },
    {
      calls: ["createClient"],
      act: async () => {
        second = (await hand.call(qs.createClient, keys(clientSeed), asUser())).client
      },
    },
    { calls: ["getClient"], act: () => hand.call(qs.getClient, {}, asClient()) },
    { calls: ["updateClient"], act: () => hand.call(qs.updateClient, keys(clientSeed), asClient()) },
    { calls: ["blockGroup"], act: () => hand.call(qs.blockGroup, { groupId }, asClient()) },
    { calls: ["unblockGroup"], act: () => hand.call(qs.unblockGroup, { groupId }, asClient()) },
    { calls: ["dequeue"], act: () => hand.call(qs.dequeue, nothing, asClient()) },
    { calls: ["removeClient"], act: () => hand.call(qs.removeClient, { client: second }, asUser()) },
    {
      calls: ["deleteClient"],
      act: async () => {
        const other = (await hand.call(qs.createClient, keys(clientSeed), asUser())).client
        await hand.call(qs.deleteClient, {}, asClient(other))
      },
      again: "auth.refused",
    },
    { calls: ["deleteUser"], act: () => hand.call(qs.deleteUser, {}, asUser()), again: "auth.refused" },
  ]
}

test("every operation of the QS refuses what is not its caller's or not valid, with one answer for each code, and changes nothing", async () => {
  const [client, store] = [new Interceptor(), new RememberingStore()]
  const neighbour = await Neighbour.settle(server)
  const hoarder = await hoard(handTo(server, new Interceptor()))
  const table = qsAttacks(neighbour, hoarder, () => queueOwnerOf(store))
  const siege = new Siege(qs, table, (kind) => neighbour.identity(kind))
  for (const step of [...friendship(client, store), ...lifeAtTheQs(client)])
    await siege.lay(server, client, step)
  expectComplete(qs, [siege])
  expect(ears.leaks()).toEqual([])
}, 120_000)

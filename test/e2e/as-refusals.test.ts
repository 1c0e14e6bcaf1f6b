import { afterAll, beforeAll, expect, test } from "bun:test"
import { AliasRecord } from "../../src/client/records.ts"
import type { Transport } from "../../src/client/transport.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { makeAliasPackage } from "../../src/wire/alias-package.ts"
import { as } from "../../src/wire/as.ts"
import { makeConnectionPackage } from "../../src/wire/connection.ts"
import { makeClientCsr } from "../../src/wire/credentials.ts"
import { DOMAIN, Homeserver } from "./homeserver.ts"
import { asAttacks } from "./hostile/as.ts"
import { exhaust } from "./hostile/exhaustion.ts"
import { invitationAttacks, inviteTo, unfinishedRegistration } from "./hostile/invitations.ts"
import { handTo, Neighbour } from "./hostile/neighbour.ts"
import { expectComplete, Siege, type Step } from "./hostile/siege.ts"
import { ALLOWANCE } from "./hostile/tokens.ts"
import { Interceptor } from "./interceptor.ts"
import { RememberingStore } from "./loot.ts"
import { Overhearing } from "./overhearing.ts"
import { befriend, Person } from "./person.ts"
import { orderTokens } from "./purchases.ts"

const ears = new Overhearing()
let server: Homeserver
let metered: Homeserver
let invited: Homeserver
beforeAll(async () => {
  // The attacks are to be refused for what they are, not for want of a token.
  server = await Homeserver.startBy(ears.launch, "--rate-limit", "off")
  metered = await Homeserver.startBy(ears.launch, "--token-allowance", `${ALLOWANCE}`)
  invited = await Homeserver.startBy(ears.launch, "--rate-limit", "off", "--registration", "invitation")
})
afterAll(() => Promise.all([server.end(), metered.end(), invited.end()]))

const ALIAS = "somebody.else"

function enter(where: Homeserver, client: Interceptor, store = new RememberingStore()): Promise<Person> {
  return Person.register({ url: where.url, store, crypto: client.crypto, fetch: client.fetch })
}

async function befriendByAlias(asker: Person, owner: Person): Promise<void> {
  await owner.client.pollConnectionRequests()
  await asker.until(({ events }) =>
    events.some((event) => event.type === "connected" && event.alias === ALIAS),
  )
}

async function renew(hand: Transport, store: RememberingStore): Promise<void> {
  const { clientId, clientSeed } = store.account()
  const csr = makeClientCsr(crypto, clientSeed, clientId, DOMAIN)
  await hand.call(as.renewCredential, { csr }, { sender: { kind: "client", id: clientId }, seed: clientSeed })
}

async function publishMore(hand: Transport, store: RememberingStore): Promise<void> {
  const { clientId, clientSeed, credential } = store.account()
  if (credential === null) throw new Error("no credential")
  const key = crypto.x25519Public(crypto.random(32))
  const made = makeConnectionPackage(crypto, clientSeed, credential, key, hand.now())
  const signer = { sender: { kind: "client", id: clientId }, seed: clientSeed } as const
  await hand.call(as.publishConnectionPackages, { connectionPackages: [made] }, signer)
}

async function publishMoreUnderAlias(hand: Transport, store: RememberingStore): Promise<void> {
  const [record] = store.records(AliasRecord, `alias/${ALIAS}`)
  if (record === undefined) throw new Error("no alias")
  const { hash, authSeed } = record
  const key = crypto.x25519Public(crypto.random(32))
  const made = makeAliasPackage(crypto, hash, authSeed, key, hand.now())
  const signer = { sender: { kind: "alias", id: hash }, seed: authSeed } as const
  await hand.call(as.publishAliasConnectionPackages, { connectionPackages: [made] }, signer)
}

/** Everything that a user does at the AS, and what is done with it by another. Nobody else is there. */
function lifeAtTheAs(client: Interceptor): Step<typeof as>[] {
  const hand = handTo(server, client)
  const store = new RememberingStore()
  let user: Person
  let friend: Person
  return [
    {
      calls: ["getCredentials", "initRegistration", "startRegistrationLogin", "finishRegistration"],
      act: async () => {
        user = await enter(server, client, store)
      },
    },
    { calls: ["updateUserProfile"], act: () => user.client.updateProfile({ displayName: "a user" }) },
    {
      calls: ["claimConnectionPackage", "enqueue"],
      act: async () => {
        friend = await enter(server, client)
        await friend.client.connect(user.user)
      },
    },
    { calls: ["dequeue"], act: () => befriend(friend, user) },
    {
      calls: ["fetchUserProfile"],
      act: async () => expect((await friend.client.profile(user.user))?.displayName).toBe("a user"),
    },
    { calls: ["renewCredential"], act: () => renew(hand, store) },
    { calls: ["publishConnectionPackages"], act: () => publishMore(hand, store) },
    { calls: ["registerAlias"], act: () => user.client.registerAlias(ALIAS) },
    {
      calls: ["claimAliasConnectionPackage", "enqueueAlias"],
      act: () => friend.client.connectByAlias(ALIAS),
    },
    { calls: ["dequeueAlias"], act: () => befriendByAlias(friend, user) },
    { calls: ["publishAliasConnectionPackages"], act: () => publishMoreUnderAlias(hand, store) },
    { calls: ["deleteAlias"], act: () => user.client.deleteAlias(ALIAS), again: "auth.refused" },
    {
      calls: ["startLogin", "deleteAccount"],
      act: async () => {
        await user.client.deleteAccount()
        await friend.stop()
      },
      // Nobody can say any more whose key it was.
      again: "auth.refused",
    },
  ]
}

/** Buys by hand, after the client itself has bought and is gone. */
async function purchase(client: Interceptor): Promise<Step<typeof as>> {
  const store = new RememberingStore()
  const person = await enter(metered, client, store)
  for (const service of ["as", "delivery"])
    while (store.names(`token/${service}/`).length === 0) await Bun.sleep(5)
  await person.stop()
  const { clientId, clientSeed } = store.account()
  const { request } = await orderTokens(metered, "as", 2)
  const signer = { sender: { kind: "client", id: clientId }, seed: clientSeed } as const
  return {
    calls: ["requestTokens"],
    act: () => handTo(metered, client).call(as.requestTokens, { request }, signer),
  }
}

async function besiege(): Promise<Siege<typeof as>> {
  const [client, neighbour] = [new Interceptor(), await Neighbour.settle(server)]
  await exhaust(handTo(server, new Interceptor()), neighbour)
  const siege = new Siege(as, asAttacks(neighbour), (kind) => neighbour.identity(kind))
  for (const step of lifeAtTheAs(client)) await siege.lay(server, client, step)
  return siege
}

async function besiegeIssuing(): Promise<Siege<typeof as>> {
  const [client, neighbour] = [new Interceptor(), await Neighbour.settle(metered)]
  const siege = new Siege(as, asAttacks(neighbour), (kind) => neighbour.identity(kind))
  await siege.lay(metered, client, await purchase(client))
  return siege
}

async function besiegeInvitations(): Promise<Siege<typeof as>> {
  const [used = "", invitation = ""] = await inviteTo(invited, 2)
  const late = await unfinishedRegistration(invited, used)
  const [client, neighbour] = [new Interceptor(), await Neighbour.settle(invited, used)]
  const table = { ...asAttacks(neighbour), ...invitationAttacks(used, late) }
  const siege = new Siege(as, table, (kind) => neighbour.identity(kind))
  const { url } = invited
  const act = async () => {
    const options = { url, invitation, crypto: client.crypto, fetch: client.fetch }
    await (await Person.register(options)).stop()
  }
  await siege.lay(invited, client, { calls: ["initRegistration", "finishRegistration"], act })
  return siege
}

test("every operation of the AS refuses what is not its caller's or not valid, with one answer for each code, and changes nothing", async () => {
  // A credential must have ended a year ago to be past renewal: test/as/renewal.test.ts.
  const unreachable = { renewCredential: ["as.credential-expired"] } as const
  expectComplete(as, [await besiege(), await besiegeIssuing(), await besiegeInvitations()], unreachable)
  expect(ears.leaks()).toEqual([])
}, 180_000)

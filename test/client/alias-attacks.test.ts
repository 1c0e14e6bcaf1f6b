import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { Client } from "../../src/client/client.ts"
import type { ClientEvent } from "../../src/client/client-event.ts"
import { load } from "../../src/client/record-store.ts"
import type { RegisteredAccount } from "../../src/client/records.ts"
import { Account, AliasRecord } from "../../src/client/records.ts"
import { type ClientStore, memoryStore } from "../../src/client/store.ts"
import { Transport } from "../../src/client/transport.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { verifyAliasPackage } from "../../src/wire/alias-package.ts"
import { as } from "../../src/wire/as.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { decodeConnectionPackage, sealConnectionRequest } from "../../src/wire/connection.ts"
import { ServerUnderTest } from "./server.ts"

const server = new ServerUnderTest("--rate-limit", "off")
beforeAll(() => server.start())
afterAll(() => server.end())

/** A client whose application only looks on. */
class Onlooker {
  readonly store: ClientStore = memoryStore()
  readonly events: ClientEvent[] = []
  client!: Client

  static async register(): Promise<Onlooker> {
    const person = new Onlooker()
    const options = { url: server.url, store: person.store, crypto, spreadMilliseconds: 0 }
    person.client = await Client.create(options)
    person.client.onEvent((event) => {
      person.events.push(event)
    })
    return person
  }

  async account(): Promise<RegisteredAccount> {
    return (await load(this.store, Account, "account")) as RegisteredAccount
  }

  async aliasHash(alias: string): Promise<Uint8Array> {
    return (await load(this.store, AliasRecord, `alias/${alias}`))!.hash
  }

  requests() {
    return this.events.flatMap((event) =>
      event.type === "connection-request" ? [{ alias: event.alias, request: event.request }] : [],
    )
  }
}

/** Somebody with an account who talks to the server without the library's care. */
class Attacker {
  readonly #account: RegisteredAccount
  readonly #transport: Transport

  private constructor(account: RegisteredAccount, transport: Transport) {
    this.#account = account
    this.#transport = transport
  }

  static async register(): Promise<Attacker> {
    const person = await Onlooker.register()
    const account = await person.account()
    await person.client.close()
    const { signal } = new AbortController()
    const fetching = (url: URL, request: RequestInit) => fetch(url, request)
    const options = { url: server.url, crypto, signal, patienceMilliseconds: 10_000, fetch: fetching }
    return new Attacker(account, new Transport(options))
  }

  async userPackage({ clientId }: RegisteredAccount): Promise<Uint8Array> {
    const { connectionPackage } = await this.#transport.call(as.claimConnectionPackage, {
      user: clientId.slice(0, 16),
    })
    return decodeConnectionPackage(connectionPackage).encryptionKey
  }

  async aliasPackage(alias: Uint8Array): Promise<Uint8Array> {
    const { connectionPackage } = await this.#transport.call(as.claimAliasConnectionPackage, { alias })
    return verifyAliasPackage(crypto, alias, connectionPackage, this.#transport.now()).encryptionKey
  }

  /** A request to join a group, sealed to a package; and the group's name. */
  seal(encryptionKey: Uint8Array): { readonly message: Uint8Array; readonly group: string } {
    const { clientSeed, credential } = this.#account
    const group = { groupId: crypto.random(16), earKey: crypto.random(32), credentialKey: crypto.random(32) }
    const message = sealConnectionRequest(crypto, encryptionKey, clientSeed, credential, group)
    return { message, group: toHex(group.groupId) }
  }

  async askUser({ clientId }: RegisteredAccount, message: Uint8Array): Promise<void> {
    await this.#transport.call(as.enqueue, { client: clientId, message })
  }

  async askAlias(alias: Uint8Array, message: Uint8Array): Promise<void> {
    await this.#transport.call(as.enqueueAlias, { alias, message })
  }
}

describe("who suspects an alias to be somebody's", () => {
  test("gets no answer to a request for the one that is sent through the other", async () => {
    const victim = await Onlooker.register()
    await victim.client.registerAlias("suspected")
    await victim.client.registerAlias("suspected.too")
    const attacker = await Attacker.register()
    const account = await victim.account()
    const [alias, other] = [await victim.aliasHash("suspected"), await victim.aliasHash("suspected.too")]

    await attacker.askAlias(alias, attacker.seal(await attacker.userPackage(account)).message)
    await attacker.askAlias(alias, attacker.seal(await attacker.aliasPackage(other)).message)
    await attacker.askUser(account, attacker.seal(await attacker.aliasPackage(alias)).message)
    const honest = [
      attacker.seal(await attacker.userPackage(account)),
      attacker.seal(await attacker.aliasPackage(alias)),
      attacker.seal(await attacker.aliasPackage(other)),
    ] as const
    await attacker.askUser(account, honest[0].message)
    await attacker.askAlias(alias, honest[1].message)
    await attacker.askAlias(other, honest[2].message)

    await victim.client.pollConnectionRequests()
    while (victim.requests().length < 3) await Bun.sleep(5)
    const byName = (a: { request: string }, b: { request: string }) => (a.request < b.request ? -1 : 1)
    expect(victim.requests().sort(byName)).toEqual(
      [
        { alias: null, request: honest[0].group },
        { alias: "suspected", request: honest[1].group },
        { alias: "suspected.too", request: honest[2].group },
      ].sort(byName),
    )
    await victim.client.pollConnectionRequests()
    expect(victim.requests()).toHaveLength(3)
    await victim.client.close()
  }, 60_000)
})

test("connection packages that were used are replaced, each inbox's by its own", async () => {
  const victim = await Onlooker.register()
  await victim.client.registerAlias("popular")
  const attacker = await Attacker.register()
  const alias = await victim.aliasHash("popular")
  const packages = () => victim.store.list("connection-package/")
  const before = await packages()
  expect(before).toHaveLength(32)
  for (let i = 0; i < 9; i++) {
    await attacker.askAlias(alias, attacker.seal(await attacker.aliasPackage(alias)).message)
  }
  await victim.client.pollConnectionRequests()
  while ((await packages()).length < 48) await Bun.sleep(5)
  await victim.client.pollConnectionRequests()
  await victim.client.close()
  expect(await packages()).toHaveLength(48)
}, 60_000)

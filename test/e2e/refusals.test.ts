import { afterAll, beforeAll, expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { ID_BYTES, KEY_BYTES } from "../../src/limits.ts"
import { fromUtf8, utf8 } from "../../src/wire/bytes.ts"
import { ds } from "../../src/wire/ds.ts"
import type { Endpoint } from "../../src/wire/endpoint.ts"
import { type Attacks, expectRefused, expectUnchanged, Forger } from "./forger.ts"
import { Homeserver } from "./homeserver.ts"
import { type Intercepted, Interceptor } from "./interceptor.ts"
import { Overhearing } from "./overhearing.ts"
import { befriend, gather, Person } from "./person.ts"

/**
 * Every operation of the DS is attacked just before it is carried out, with requests that differ from the real one in a
 * single thing. That the real one succeeds afterwards shows that nothing else was wrong with them.
 */

const ears = new Overhearing()
let server: Homeserver
beforeAll(async () => {
  // The attacks are to be refused for what they are, not for want of a token.
  server = await Homeserver.startBy(ears.launch, "--rate-limit", "off")
})
afterAll(() => server.end())

const { random } = nativeCrypto

/** What must not be told apart. */
function strangers(endpoint: Endpoint, forger: Forger): Attacks {
  const unknownGroup = { "unknown group": forger.params({ groupId: random(ID_BYTES) }) }
  if (endpoint === ds.createGroup) return { ...unknownGroup, ...otherSenders(endpoint, forger) }
  const attacks = {
    ...unknownGroup,
    "wrong EAR key": forger.params({ earKey: random(KEY_BYTES) }),
    "unknown group and wrong EAR key": forger.params({
      groupId: random(ID_BYTES),
      earKey: random(KEY_BYTES),
    }),
  }
  return endpoint.sender === "none" ? attacks : { ...attacks, ...otherSenders(endpoint, forger) }
}

function otherSenders(endpoint: Endpoint, forger: Forger): Attacks {
  const kpref = endpoint.sender === "kpref"
  const other = fromUtf8(forger.kid) === "leaf:0" ? "leaf:1" : "leaf:0"
  const stranger = utf8(kpref ? `kpref:${"ab".repeat(32)}` : "leaf:7")
  return {
    "wrong signature": forger.signed({}, random(KEY_BYTES)),
    "signature for another operation": forger.signed({}, undefined, "/ds/another-operation"),
    "sender that is not in the group": forger.signed({ kid: stranger }),
    "sender that is not in the group, wrong signature": forger.signed({ kid: stranger }, random(KEY_BYTES)),
    ...(kpref ? {} : { "another sender's name": forger.signed({ kid: utf8(other) }) }),
  }
}

/** What a held back request goes through before it is sent; the refusal of strangers. */
async function attack(endpoint: Endpoint, request: Intercepted): Promise<string[]> {
  const forger = new Forger(endpoint, request)
  await expectRefused(server, endpoint.path, "request.malformed", forger.malformed())
  await expectRefused(server, endpoint.path, "request.too-large", forger.oversized())
  if (endpoint === ds.requestGroupId) return []
  if (endpoint.sender !== "none") await expectRefused(server, endpoint.path, "auth.stale", forger.untimely())
  return [await expectRefused(server, endpoint.path, "auth.refused", strangers(endpoint, forger))]
}

/** Attacks the next call of each operation by a client, while `act` does what calls them, and repeats them afterwards. */
async function attackAll(
  operations: readonly (readonly [Endpoint, Interceptor])[],
  act: () => Promise<unknown>,
): Promise<string[]> {
  const refusals: string[] = []
  const real: [Endpoint, Uint8Array][] = []
  const attacked = operations.map(([endpoint, client]) =>
    client.beforeNext(endpoint.path, async (request) => {
      real.push([endpoint, request.body])
      refusals.push(...(await expectUnchanged(server, () => attack(endpoint, request))))
    }),
  )
  await Promise.all([...attacked, act()])
  await expectUnchanged(server, () => replay(real))
  return refusals
}

/** Nobody can say any more who made a group that has changed since, nor who deleted one. */
const unprovable: readonly Endpoint[] = [ds.createGroup, ds.deleteGroup]

async function replay(real: readonly (readonly [Endpoint, Uint8Array])[]): Promise<void> {
  for (const [endpoint, body] of real) {
    if (endpoint.sender === "none") continue
    const code = unprovable.includes(endpoint) ? "auth.refused" : "auth.replayed"
    await expectRefused(server, endpoint.path, code, { "the same again": body, "and again": body })
  }
}

test("every operation of the DS refuses what is not its caller's, in the same bytes for every reason, and changes nothing", async () => {
  const [hosts, guests] = [new Interceptor(), new Interceptor()]
  const join = (by: Interceptor) => Person.register({ url: server.url, crypto: by.crypto, fetch: by.fetch })
  const [host, guest] = [await join(hosts), await join(guests)]
  const steps: (readonly [(readonly [Endpoint, Interceptor])[], () => Promise<unknown>])[] = [
    [
      [
        [ds.requestGroupId, hosts],
        [ds.createGroup, hosts],
        [ds.externalCommitInfo, guests],
        [ds.joinConnectionGroup, guests],
      ],
      () => befriend(host, guest),
    ],
    [
      [
        [ds.addUsers, hosts],
        [ds.welcomeInfo, guests],
      ],
      () => gather(host, [guest]),
    ],
    [[[ds.sendMessage, hosts]], () => host.say("said once")],
    [[[ds.updateClient, guests]], () => guest.group.update()],
    [[[ds.resync, guests]], () => guest.group.resync()],
    [[[ds.updateQueueConfig, guests]], () => guest.group.renewQueueConfig()],
    [[[ds.changeRoles, hosts]], () => host.group.changeRoles([host.user, guest.user])],
    [[[ds.removeUsers, hosts]], () => host.group.remove(guest.user)],
    [
      [[ds.selfRemove, guests]],
      async () => {
        await host.group.add(guest.user)
        await guest.until(({ events }) => events.filter(({ type }) => type === "joined").length === 2)
        // Whoever is there commits by itself that somebody leaves.
        await host.stop()
        await guest.group.leave()
      },
    ],
    [
      [],
      async () => {
        await host.start()
        await host.group.update()
      },
    ],
    [[[ds.deleteGroup, hosts]], () => host.group.delete()],
  ]
  const attacked = steps.flatMap(([operations]) => operations.map(([endpoint]) => endpoint.name))
  expect(attacked.sort()).toEqual(
    Object.values(ds)
      .map(({ name }) => name)
      .sort(),
  )

  const refusals: string[] = []
  for (const [operations, act] of steps) refusals.push(...(await attackAll(operations, act)))
  expect(refusals.length).toBe(attacked.length - 1)
  expect(new Set(refusals).size).toBe(1)
  await guest.until(({ events }) => events.filter(({ type }) => type === "left").length === 2)
  expect(guest.heard().map(({ text }) => text)).toEqual(["said once"])
  for (const person of [host, guest]) await person.stop()
  expect(ears.leaks()).toEqual([])
}, 60_000)

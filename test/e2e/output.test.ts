import { describe, expect, test } from "bun:test"
import { readdirSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import type { Fetch } from "../../src/client/transport.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { as } from "../../src/wire/as.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { encodeBody } from "../../src/wire/cbor.ts"
import { ds } from "../../src/wire/ds.ts"
import type { ProblemCode } from "../../src/wire/problem.ts"
import { qs } from "../../src/wire/qs.ts"
import { flipBit } from "../as/fixtures.ts"
import { Homeserver } from "./homeserver.ts"
import { RememberingStore } from "./loot.ts"
import { Overhearing } from "./overhearing.ts"
import { Person, type PersonOptions, party } from "./person.ts"
import { readingsOf } from "./readings.ts"
import { Haystack } from "./search.ts"
import { Snapshot } from "./snapshot.ts"

/**
 * Nothing of what is sent is in anything that the server prints, says of itself in headers, or refuses with; whatever is done,
 * goes wrong or kills it. The attacks of the *refusals.test.ts beside this file are overheard in the same way.
 */

const ALIAS = "a.rather.secret.alias"
const NAME = "somebody with a name"
const TEXT = "what only friends should read"

interface Sent {
  readonly url: URL
  readonly headers: Headers
  readonly body: Uint8Array<ArrayBuffer>
}

/** What the client library does; resolves with two who are still there. */
async function live(options: readonly PersonOptions[]): Promise<[Person, Person]> {
  const people = await party(options)
  const [first, second, third] = people as [Person, Person, Person]
  const left = (person: Person) => person.until(({ events }) => events.some(({ type }) => type === "left"))
  for (const person of people) await person.say(TEXT)
  await second.group.update()
  await second.group.renewQueueConfig()
  await first.client.updateProfile({ displayName: NAME })
  await second.client.profile(first.user)
  await first.client.rotateFriendship()
  await first.client.subscribeToPush({ endpoint: "https://push.example.org/a-device-of-somebody" })
  await second.client.blockGroup(first.group.id)
  await second.client.unblockGroup(first.group.id)
  await first.client.registerAlias(ALIAS)
  await second.client.connectByAlias(ALIAS)
  await first.client.pollConnectionRequests()
  await second.until(({ events }) =>
    events.some((event) => event.type === "connected" && event.alias === ALIAS),
  )
  await first.client.deleteAlias(ALIAS)
  await first.group.changeRoles([first.user, second.user])
  await second.group.resync()
  await first.group.remove(third.user)
  await left(third)
  await second.group.leave()
  await first.group.update()
  await left(second)
  await first.group.delete()
  await third.client.deleteAccount()
  return [first, second]
}

function secret(): Uint8Array<ArrayBuffer> {
  return crypto.random(48) as Uint8Array<ArrayBuffer>
}

const CBOR = { "content-type": "application/cbor" }

/** Requests that nobody may make, to every operation. */
async function provoke(url: string): Promise<void> {
  for (const { path } of [as, ds, qs].flatMap((table) => Object.values(table))) {
    const to = (headers: Readonly<Record<string, string>>, body = secret(), method = "POST") =>
      fetch(`${url}${path}`, { method, headers, body })
    await to(CBOR)
    await to(CBOR, encodeBody({ [secret().toHex()]: secret(), groupId: "a name that is no id" }) as never)
    await to(CBOR, new Uint8Array(256 * 1024).fill(7))
    await to({ "content-type": "application/json" })
    await to(CBOR, secret(), "PUT")
    await to({ ...CBOR, host: `${secret().toHex()}/..` })
  }
  await fetch(`${url}/nowhere`, { method: "POST", headers: CBOR, body: secret() })
}

/** Real requests once more: as they were, without their tokens, with others, and changed. */
async function repeat(sent: readonly Sent[]): Promise<void> {
  for (const { url, headers, body } of sent) {
    const again = (changed: Readonly<Record<string, string>>, bytes = body) =>
      fetch(url, { method: "POST", headers: { ...CBOR, ...changed }, body: bytes })
    const authorization = headers.get("authorization")
    await again({})
    if (authorization !== null) {
      await again({ authorization })
      await again({ authorization: `${authorization.slice(0, 30)}AAAA${authorization.slice(34)}` })
    }
    await again({}, flipBit(body, 8 * body.length - 1) as Uint8Array<ArrayBuffer>)
  }
}

/** Those of the services are overheard with the attacks on these. */
const provoked: readonly ProblemCode[] = [
  "auth.refused",
  "auth.replayed",
  "request.bad-host",
  "request.malformed",
  "request.not-found",
  "request.too-large",
  "request.wrong-media-type",
  "request.wrong-method",
  "server.internal",
  "token.refused",
  "token.required",
  "token.spent",
]

/** Ways to end. */
const ends: readonly ((ears: Overhearing, server: Homeserver) => unknown)[] = [
  (ears) => ears.signal("SIGWINCH"),
  async (ears, { data }) => {
    // Or scrubbing fails before anything is written.
    await Snapshot.settled(data)
    ears.takeDisk()
  },
  (ears) => ears.signal("SIGABRT"),
  (ears) => ears.signal("SIGSEGV"),
  (_, { data }) => {
    for (const file of readdirSync(data)) truncateSync(join(data, file), 0)
  },
]

test("nothing that was sent or is kept is printed or said, whatever is refused, fails or ends the server", async () => {
  const ears = new Overhearing(join(import.meta.dir, "faults.ts"))
  const server = await Homeserver.startBy(ears.launch)
  const stores = [1, 2, 3].map(() => new RememberingStore())
  const sent: Sent[] = []
  const record: Fetch = (url, request) => {
    const { headers, body } = request
    if (body instanceof Uint8Array)
      sent.push({ url, headers: new Headers(headers), body: Uint8Array.from(body) })
    return fetch(url, request)
  }
  const options = { url: server.url, displayName: NAME, patienceMilliseconds: 2000, fetch: record }
  try {
    const [first, second] = await live(stores.map((store) => ({ ...options, store })))
    const act = () => first.client.updateProfile({ displayName: NAME }).catch(() => undefined)
    await provoke(server.url)
    await repeat(sent.slice())
    ears.signal("SIGUSR2")
    await act()
    ears.signal("SIGPIPE")
    for (const end of ends) {
      await act()
      await end(ears, server)
      await act()
      await server.kill()
      await server.start().catch(() => undefined)
    }
    for (const person of [first, second]) await person.stop()
  } finally {
    await server.end()
  }
  const keys = stores.flatMap((store) => store.keys())
  ears.alsoKnown(...[ALIAS, NAME, TEXT].map((text) => utf8(text)), ...keys.map(({ key }) => key))
  expect(ears.leaks()).toEqual([])
  expect([...ears.codes]).toEqual(expect.arrayContaining([...provoked]))
  for (const said of ["fault: StoreFailed", "fault: DatabaseFault", "abort() called", "Segmentation fault"])
    expect(ears.output).toContain(said)
}, 120_000)

describe("it would be found", () => {
  test("in the output of a server that prints what it is asked", async () => {
    const ears = new Overhearing(join(import.meta.dir, "careless.ts"))
    const server = await Homeserver.startBy(ears.launch)
    try {
      const person = await Person.register({ url: server.url })
      await person.stop()
    } finally {
      await server.end()
    }
    expect(ears.leaks().length).toBeGreaterThan(10)
  })

  const key = crypto.random(16)
  const list = [...key]
  test.each<[string, string | Uint8Array]>([
    ["as it is", key],
    ["in hexadecimal", key.toHex()],
    ["as a UUID", key.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")],
    ["in hexadecimal, byte by byte", inspect(Buffer.from(key))],
    ["in base64", key.toBase64()],
    ["in base64 for URLs", key.toBase64({ alphabet: "base64url", omitPadding: true })],
    [
      "inside of something in base64",
      Buffer.concat([crypto.random(4), key, crypto.random(3)]).toString("base64"),
    ],
    ["as a list of numbers", `[ ${list.join(", ")} ]`],
    ["as JSON of an array of bytes", JSON.stringify({ key })],
  ])("%s", (_, form) => {
    const said = Buffer.concat([
      utf8("fault: the key is "),
      typeof form === "string" ? utf8(form) : form,
      utf8(" and no other"),
    ])
    const found = readingsOf(said).flatMap((reading) => new Haystack([key]).sharedWith(reading))
    expect(found.length).toBeGreaterThan(0)
  })
})

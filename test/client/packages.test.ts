import { expect, test } from "bun:test"
import { at, load } from "../../src/client/record-store.ts"
import { PublishedAddPackages } from "../../src/client/records.ts"
import type { Fetch } from "../../src/client/transport.ts"
import { as } from "../../src/wire/as.ts"
import { decodeBody, encodeBody } from "../../src/wire/cbor.ts"
import { parseUserId } from "../../src/wire/user-id.ts"
import { ClockedServer, eventually, register } from "./clocked-server.ts"
import { befriend } from "./people.ts"
import { credentialEnd } from "./stored.ts"

/** Takes a connection package, as anybody can. */
async function claim(server: ClockedServer, user: string): Promise<string> {
  const response = await fetch(server.url + as.claimConnectionPackage.path, {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: encodeBody({ user: parseUserId(user).user }) as Uint8Array<ArrayBuffer>,
  })
  const { connectionPackage } = decodeBody(new Uint8Array(await response.arrayBuffer())) as {
    connectionPackage: Uint8Array
  }
  return Buffer.from(connectionPackage).toString("hex")
}

test("connection packages that strangers claimed are replaced, each one handed out once", async () => {
  await using server = await ClockedServer.start("off")
  const person = await register(server, "person")
  const claimed = new Set<string>()
  // Twice as many as are published at registration; the last one of a user is handed out again and again, and so it is when
  // an hour's claims are used up.
  await eventually(async () => {
    const before = claimed.size
    claimed.add(await claim(server, person.user))
    if (claimed.size === before) {
      server.passDays(1 / 24)
      await Bun.sleep(200)
    }
    return claimed.size === 32
  })
  const friend = await register(server, "friend")
  await befriend(friend, person)
  await Promise.all([person, friend].map((p) => p.stop()))
}, 60_000)

test("AddPackages are replaced when most have been used", async () => {
  await using server = await ClockedServer.start()
  const [person, friend] = [await register(server, "person"), await register(server, "friend")]
  await befriend(friend, person)
  const first = await load(person.store, PublishedAddPackages, at.addPackages)
  expect(first?.refs).toHaveLength(16)
  for (let i = 0; i < 12; i++) {
    const group = await friend.client.createGroup()
    await group.add(person.user)
    await person.until((p) => p.has("joined", i + 1))
    server.passDays(1 / 24)
  }
  await eventually(async () => {
    const now = await load(person.store, PublishedAddPackages, at.addPackages)
    return now?.refs.every((ref) => !first?.refs.includes(ref)) === true
  })
  await Promise.all([person, friend].map((p) => p.stop()))
}, 60_000)

test("secrets of packages go when nothing that was sealed to them can come any more", async () => {
  await using server = await ClockedServer.start()
  const person = await register(server, "person")
  const keys = async () => [
    ...(await person.store.list("key-package/")),
    ...(await person.store.list("connection-package/")),
  ]
  const before = await keys()
  expect(before).toHaveLength(17 + 16)
  const first = await credentialEnd(person.store)
  server.passDays((first - server.seconds) / 86_400 - 14)
  // More than that if the friendship is rotated in these days as well.
  await eventually(async () => (await keys()).length >= 2 * before.length)
  const renewed = (await keys()).length
  server.passDays(14 + 90)
  await eventually(async () => (await keys()).length > renewed)
  expect(await keys()).toEqual(expect.arrayContaining(before))
  server.passDays(90)
  await eventually(async () => {
    await person.client.pollConnectionRequests()
    return (await keys()).every((key) => !before.includes(key))
  })
  await person.stop()
}, 60_000)

test("secrets of packages do not go because the server says another time", async () => {
  await using server = await ClockedServer.start("off")
  let lag = 0
  const recording: Fetch = async (url, request) => {
    const answer = await fetch(url, request)
    lag = Date.parse(answer.headers.get("date") ?? "") - Date.now()
    return answer
  }
  const person = await register(server, "person", { now: Date.now, fetch: recording })
  const keys = () => person.store.list("connection-package/")
  const before = await keys()
  expect(before).toHaveLength(16)
  server.passDays(400)
  for (let i = 0; i < 3; i++) await person.client.pollConnectionRequests()
  expect(lag).toBeGreaterThan(399 * 86_400_000)
  expect(await keys()).toEqual(expect.arrayContaining(before))
  await person.stop()
}, 60_000)

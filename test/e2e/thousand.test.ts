import { afterAll, beforeAll, expect, test } from "bun:test"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { Crowd } from "./crowd.ts"
import { type CrowdMember, type EnteredEpoch, transportTo } from "./crowd-member.ts"
import { Homeserver } from "./homeserver.ts"

const MEMBERS = 1000
const ADDED_AT_ONCE = 111
/** Batches between which everybody reads. */
const BATCHES_UNREAD = 3
/** Every ninth follows: it processes everything. */
const FOLLOWERS_STRIDE = 9
const READERS_AT_ONCE = 25
const SPEAKERS = 30
const ROTATIONS = 8
const REMOVED = 100
const LEAVERS = 5

const MEBIBYTE = 1024 * 1024
/**
 * What one request sends to everybody is one transaction, whose pages are in memory until it is written. The largest is an
 * Add of 111, 53 KB for each member that is there already: it comes to some 700 MB here, and a tenth more where the machine
 * is so busy that the collector is late. A mebibyte for each is allowed.
 */
const SERVER_BYTES_MAX = MEMBERS * MEBIBYTE
/** A hundred trees of half a megabyte, the secrets of some epochs for each, and queues that are read. */
const GROWTH_HERE_BYTES_MAX = 768 * MEBIBYTE

let server: Homeserver
let before: number
beforeAll(async () => {
  before = process.memoryUsage().rss
  server = await Homeserver.start("--rate-limit", "off")
})
afterAll(() => server.end())

/** After each step, with the highest point that the server's memory had within it. */
function checkMemory(step: string): void {
  expect(server.residentBytesPeak(), step).toBeLessThan(SERVER_BYTES_MAX)
  expect(process.memoryUsage().rss - before, step).toBeLessThan(GROWTH_HERE_BYTES_MAX)
}

async function readAll(people: readonly CrowdMember[]): Promise<void> {
  for (let at = 0; at < people.length; at += READERS_AT_ONCE)
    await Promise.all(people.slice(at, at + READERS_AT_ONCE).map((person) => person.read()))
}

/** They come in batches, and of each batch the first one that follows renews its keys. */
async function everybodyJoins(crowd: Crowd, arrivals: readonly CrowdMember[]): Promise<void> {
  const entered = new Map<CrowdMember, EnteredEpoch>()
  for (let batch = 0; batch * ADDED_AT_ONCE < arrivals.length; batch++) {
    const newcomers = arrivals.slice(batch * ADDED_AT_ONCE, (batch + 1) * ADDED_AT_ONCE)
    const entry = await crowd.add(newcomers)
    for (const newcomer of newcomers) entered.set(newcomer, entry)
    const first = newcomers.find(({ follows }) => follows) as CrowdMember
    await first.read()
    await crowd.rotate(first)
    const all = (batch + 1) % BATCHES_UNREAD === 0 || crowd.members.length === MEMBERS
    await readAll(all ? crowd.members : [crowd.creator])
    checkMemory(`${crowd.members.length} members`)
  }
  for (const newcomer of arrivals) expect(newcomer.entry).toMatchObject({ ...entered.get(newcomer) })
}

async function someTalk(crowd: Crowd, followers: readonly CrowdMember[]): Promise<void> {
  const speakers = followers.slice(0, SPEAKERS)
  for (const speaker of speakers) await crowd.say(speaker, `hello from ${speaker.name}`)
  await readAll(crowd.members)
  for (const follower of followers) {
    const others = speakers.filter((speaker) => speaker !== follower)
    expect(follower.heard).toEqual(others.map(({ name }) => `hello from ${name}`))
  }
  checkMemory("talk")
}

async function someRotate(crowd: Crowd, followers: readonly CrowdMember[]): Promise<void> {
  for (const follower of followers.slice(-ROTATIONS)) {
    await follower.read()
    await crowd.rotate(follower)
  }
  checkMemory("rotation")
}

/** Returns who was removed, and what those of them who follow knew in the epoch before. */
async function someAreRemoved(crowd: Crowd) {
  const removed = crowd.members.slice(-REMOVED)
  await readAll([crowd.creator, ...removed])
  const known = removed.filter(({ follows }) => follows).map(({ member }) => member)
  await crowd.remove(removed)
  checkMemory("removal")
  return { removed, known }
}

/** Returns who left, and what was said when they had gone. */
async function someLeave(crowd: Crowd, followers: readonly CrowdMember[]) {
  const leavers = followers.slice(0, LEAVERS)
  const closer = followers[LEAVERS] as CrowdMember
  for (const leaver of leavers) {
    await leaver.read()
    await crowd.leave(leaver)
  }
  await closer.read()
  await crowd.rotate(closer, leavers)
  const last = await crowd.say(closer, "among ourselves")
  checkMemory("leaving")
  return { leavers, last }
}

test("1 000 members of one group: all derive the epoch that they enter and get everything in order, 111 of them follow every epoch and agree, those who go cannot read on, and memory is bounded", async () => {
  const transport = transportTo(server)
  const crowd = await Crowd.create(transport)
  const arrivals = await crowd.arrivals(MEMBERS - 1, FOLLOWERS_STRIDE)
  const followers = arrivals.filter(({ follows }) => follows)
  await everybodyJoins(crowd, arrivals)
  await someTalk(crowd, followers)
  await someRotate(crowd, followers)
  const { removed, known } = await someAreRemoved(crowd)
  const { leavers, last } = await someLeave(crowd, followers)

  await readAll([crowd.creator, ...arrivals])
  checkMemory("end")
  for (const member of [crowd.creator, ...arrivals]) expect(member.received).toEqual(crowd.expected(member))
  const staying = crowd.members.filter(({ follows }) => follows)
  const secrets = staying.map(({ member }) => toHex(member.exporter("agreement", utf8("context"), 32)))
  expect(new Set(secrets).size).toBe(1)
  expect(staying.length).toBeGreaterThan(90)

  const gone = [...removed, ...leavers]
  for (const { member } of gone.filter(({ follows }) => follows)) expect(member.isMember).toBeFalse()
  for (const member of known) expect(() => member.decrypt(last)).toThrow()
  for (const one of gone) await expect(one.treeOfEntry()).rejects.toMatchObject({ code: "auth.refused" })
}, 900_000)

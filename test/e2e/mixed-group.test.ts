import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { OurCandidate } from "../mls/our-member.ts"
import type { MakeCandidate } from "../mls/participant.ts"
import { TsCandidate } from "../mls/ts-member.ts"
import { Guest } from "./guest.ts"
import { Homeserver } from "./homeserver.ts"

/**
 * Members of two MLS implementations in one group of a real server: it validates every handshake of either, and all of
 * them end in the epoch that it knows. Neither side is our client library. What ts-mls gets wrong is in ts-member.ts.
 */

type Kind = "ours" | "theirs"

const makers: Readonly<Record<Kind, MakeCandidate>> = { ours: OurCandidate.make, theirs: TsCandidate.make }
const OTHER: Readonly<Record<Kind, Kind>> = { ours: "theirs", theirs: "ours" }

let server: Homeserver
beforeAll(async () => {
  server = await Homeserver.start("--rate-limit", "off")
})
afterAll(() => server.end())

function arrive(kind: Kind, name: string): Promise<Guest> {
  return Guest.arrive(server, makers[kind], `${name} (${kind})`)
}

async function readAll(people: readonly Guest[]): Promise<void> {
  for (const person of people) await person.read()
}

/** Everybody has read everything, and is in the epoch and sees the tree that the server has. */
async function everybodyAgrees(people: readonly Guest[]): Promise<void> {
  await readAll(people)
  const agreements = await Promise.all(people.map(({ member }) => member.agreement()))
  expect(new Set(agreements).size).toBe(1)
  const { epoch, context, tree } = await (people[0] as Guest).serverView()
  expect(people.map(({ member }) => member.epoch)).toEqual(people.map(() => epoch))
  expect(agreements[0]?.startsWith(`${context}${tree}`)).toBe(true)
}

/** Everybody says something, which all others hear. */
async function everybodyTalks(people: readonly Guest[]): Promise<void> {
  for (const speaker of people) await speaker.say(`hello from ${speaker.name}`)
  await readAll(people)
  for (const { name, heard } of people) {
    const others = people.filter((other) => other.name !== name)
    expect(heard.splice(0)).toEqual(others.map((other) => `hello from ${other.name}`))
  }
}

/**
 * The first, who is the admin, adds another, who commits at once: that is how clients join, and what ts-mls needs of those
 * who come after.
 */
async function add(people: Guest[], who: Guest): Promise<void> {
  await (people[0] as Guest).add(who)
  people.push(who)
  await everybodyAgrees(people)
  await who.update()
  await everybodyAgrees(people)
}

/** Both commit for one epoch; the server takes one, and the other one's next. */
async function race(people: readonly Guest[], contenders: readonly [Guest, Guest]): Promise<void> {
  const attempts = await Promise.allSettled(contenders.map((contender) => contender.update()))
  expect(attempts.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
  const loser = contenders[attempts.findIndex(({ status }) => status === "rejected")] as Guest
  const refusal = attempts.find(({ status }) => status === "rejected") as PromiseRejectedResult
  expect(refusal.reason).toMatchObject({ code: "ds.wrong-epoch" })
  await everybodyAgrees(people)
  await loser.update()
  await everybodyAgrees(people)
}

/** Whoever is removed can send nothing from then on, and reads of its removal and nothing more. */
async function remove(people: Guest[], who: Guest): Promise<void> {
  await (people[0] as Guest).remove(who)
  people.splice(people.indexOf(who), 1)
  await expect(who.say("too late")).rejects.toMatchObject({ code: "auth.refused" })
  await who.read()
  expect(who.member.isMember).toBe(false)
  await everybodyAgrees(people)
  await everybodyTalks(people)
  await who.read()
  expect(who.heard).toEqual([])
}

describe("a group of two implementations on one server", () => {
  for (const kind of ["ours", "theirs"] as const) {
    test(`created by ${kind}: both kinds are added, talk, commit, race and are removed`, async () => {
      const other = OTHER[kind]
      const host = await arrive(kind, "host")
      await host.createGroup()
      const people = [host]
      const b = await arrive(other, "b")
      await add(people, b)
      const [c, d, e, f] = await Promise.all([
        arrive(kind, "c"),
        arrive(other, "d"),
        arrive(kind, "e"),
        arrive(other, "f"),
      ])
      for (const who of [c, d, e, f]) await add(people, who)
      await everybodyTalks(people)

      for (const person of people) {
        await person.update()
        await everybodyAgrees(people)
      }
      await race(people, [host, b])
      await race(people, [f, c])
      await everybodyTalks(people)

      await server.kill()
      await server.start()
      await everybodyTalks(people)

      for (const who of [d, f, e, c]) await remove(people, who)
      expect(people).toEqual([host, b])
      for (const person of people) {
        await person.update()
        await everybodyAgrees(people)
      }
      await everybodyTalks(people)
    }, 60_000)

    test(`a group of one of ${kind} is joined from outside by the other kind`, async () => {
      const host = await arrive(kind, "host")
      await host.createGroup()
      const outsider = await arrive(OTHER[kind], "outsider")
      await outsider.joinFromOutside(host.group)
      const people = [host, outsider]
      await everybodyAgrees(people)
      await everybodyTalks(people)
      for (const person of people) {
        await person.update()
        await everybodyAgrees(people)
      }
      await everybodyTalks(people)
    }, 30_000)
  }
})

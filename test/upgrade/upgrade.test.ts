import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { DurableStore } from "../../src/client/store.ts"
import type { Fetch } from "../../src/client/transport.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { cinder, type ServerProcess, serveWith } from "../cli/process.ts"
import { befriend, Person } from "../client/people.ts"
import {
  ARCHIVES,
  flagsIn,
  type Name,
  PEOPLE,
  placesIn,
  type Story,
  surroundings,
  unpack,
} from "./archive.ts"
import { type Clock, clockAt } from "./clock.ts"

/** This version over what the versions that were tagged have left behind: the server's files and its users' (make.ts). */

/** Before tokens are counted anew, and after it. */
const LATER = { "an hour": 3_600_000, "a day": 86_400_000 } as const
/** Clocks of two processes of one machine differ by less. */
const NEAR_MILLISECONDS = 60_000
/** More than a client keeps of a kind. */
const TOKENS_SPENT = 40

const archives = readdirSync(ARCHIVES).filter((name) => name.endsWith(".tar.gz"))

test("there is what the first version left behind", () => expect(archives).toContain("v0.1.0.tar.gz"))

const cases = archives.flatMap((archive) =>
  Object.entries(LATER).map(([when, milliseconds]) => ({ archive, when, milliseconds })),
)

for (const { archive, when, milliseconds } of cases) {
  describe(`what ${archive.replace(".tar.gz", "")} left behind, ${when} later`, () => {
    const directory = mkdtempSync(join(tmpdir(), "cinder-upgrade-"))
    const stores: DurableStore[] = []
    const orders: number[] = []
    let story: Story
    let clock: Clock
    let server: ServerProcess
    let ada: Person
    let ben: Person
    let cleo: Person

    /** Counts the batches of tokens that the server gave. */
    const watching: Fetch = async (url, request) => {
      const answer = await fetch(url, request)
      if (url.pathname === "/as/request-tokens") orders.push(answer.status)
      return answer
    }

    async function open(name: Name): Promise<Person> {
      const options = await surroundings(directory, name, clock)
      stores.push(options.store)
      return await Person.register(server, name, { ...options, fetch: watching })
    }

    async function say(from: Person, text: string, listeners: readonly Person[]): Promise<void> {
      await from.client.group(story.group).send(utf8(text))
      for (const listener of listeners)
        await listener.until((person) => person.heard().at(-1) === `${from.user}: ${text}`)
    }

    async function inStep(people: readonly Person[]): Promise<void> {
      const epochs = () => new Set(people.map((person) => person.client.group(story.group).epoch))
      while (epochs().size > 1) await Bun.sleep(5)
    }

    async function succeeds(...words: readonly string[]): Promise<void> {
      const { code, stderr } = await cinder(words, clock.environment)
      expect([code, stderr]).toEqual([0, ""])
    }

    async function backUpAndRestore(from: string): Promise<void> {
      const [copy, restored] = [join(from, "copy"), join(from, "restored")]
      await succeeds("backup", copy, ...flagsIn(from))
      const { secrets } = placesIn(from)
      const where = ["--data", restored, "--secrets", secrets, "--domain", story.domain]
      await succeeds("restore", copy, "--verify", ...where)
    }

    beforeAll(async () => {
      story = await unpack(join(ARCHIVES, archive), directory)
      clock = clockAt(story.moment + milliseconds)
      server = await serveWith([...flagsIn(directory), "--port", "0"], clock.environment)
      ;[ada, ben, cleo] = [await open("ada"), await open("ben"), await open("cleo")]
    })
    afterAll(async () => {
      await server.end("SIGKILL")
      rmSync(directory, { recursive: true })
    })

    test("the server is at its time, and everybody is who they were", async () => {
      const date = Date.parse((await fetch(`${server.url}/health`)).headers.get("date") as string)
      expect(Math.abs(date - clock.now())).toBeLessThan(NEAR_MILLISECONDS)
      const users = Object.fromEntries([ada, ben, cleo].map((person) => [person.name, person.user]))
      expect(users).toEqual({ ...story.users })
    })

    test("what waited is heard once and in its order, and nothing again that was heard before", async () => {
      await cleo.until((person) => person.heard().length >= story.waiting.length)
      await cleo.client.caughtUp()
      await say(ada, "good morning", [ben, cleo])
      const said = story.waiting.map(({ from, text }) => `${story.users[from]}: ${text}`)
      const greeting = `${ada.user}: good morning`
      expect(cleo.heard()).toEqual([...said, greeting])
      expect([ada.heard(), ben.heard()]).toEqual([[], [greeting]])
      await say(cleo, "good morning, Ada", [ada, ben])
      await say(ben, "and to both of you", [ada, cleo])
    })

    test("requests that nobody had read become contacts", async () => {
      const asker = { ada, ben, cleo }[story.requests.from]
      await cleo.client.pollConnectionRequests()
      await cleo.until((person) => person.has("connection-request", story.requests.count))
      await cleo.until((person) => person.has("connected"))
      await asker.until((person) => person.has("connected"))
      while ((await asker.store.list("outgoing/")).length > 0) await Bun.sleep(5)
      expect(await cleo.client.contacts()).toEqual([ada.user, ben.user].sort())
      expect(await asker.client.contacts()).toContain(cleo.user)
    })

    test("a profile that was set is read", async () => {
      for (const person of [ada, ben, cleo])
        expect((await person.client.profile(ada.user))?.displayName).toBe(story.displayName)
      await ben.client.updateProfile({ displayName: "Ben" })
      expect((await ada.client.profile(ben.user))?.displayName).toBe("Ben")
    })

    test("a group that was blocked stays so, and comes again when it is not any more", async () => {
      expect(cleo.client.blockedGroups()).toEqual([story.blockedGroup])
      const group = ada.client.group(story.blockedGroup)
      await group.send(utf8("still not wanted"))
      await say(ada, "wanted", [ben, cleo])
      expect(cleo.heard()).not.toContain(`${ada.user}: still not wanted`)
      await cleo.client.unblockGroup(story.blockedGroup)
      await group.send(utf8("wanted again"))
      await cleo.until((person) => person.heard().at(-1) === `${ada.user}: wanted again`)
    })

    test("roles are as they were, and commits of those who were there are accepted", async () => {
      const members = cleo.client.group(story.group).members()
      const admins = members.filter(({ admin }) => admin).map(({ user }) => user)
      expect(admins.sort()).toEqual(story.admins.map((name) => story.users[name]).sort())
      for (const person of [ada, ben, cleo]) {
        await person.client.group(story.group).update()
        await inStep([ada, ben, cleo])
      }
      await say(cleo, "with new keys", [ada, ben])
    })

    test("somebody new finds the alias and joins the group", async () => {
      const dora = await Person.register(server, "dora", { now: clock.now })
      await dora.client.connectByAlias(story.alias)
      await ada.client.pollConnectionRequests()
      await dora.until((person) => person.has("connected"))
      await ada.until(() => ada.events.some((one) => one.type === "connected" && one.user === dora.user))
      await befriend(dora, ben)
      await ben.client.group(story.group).add(dora.user)
      await dora.until((person) => person.has("joined"))
      await inStep([ada, ben, cleo, dora])
      await say(dora, "glad to be here", [ada, ben, cleo])
      await say(ada, "welcome", [ben, cleo, dora])
      await dora.stop()
    })

    test("tokens are spent, and others bought", async () => {
      for (let i = 0; i < TOKENS_SPENT; i++) await ada.client.group(story.group).send(utf8(`${i}`))
      await say(ada, "that was it", [ben, cleo])
      expect(orders).toContain(200)
      expect(orders.filter((status) => status !== 200)).toEqual([])
    })

    test("the files tell the audit nothing, and a backup of them is whole", async () => {
      for (const person of [ada, ben, cleo]) await person.stop()
      for (const store of stores) await store.close()
      expect(await server.end("SIGTERM")).toMatchObject({ code: 0, stderr: "" })
      await succeeds("audit", placesIn(directory).data)
      await backUpAndRestore(directory)
    })

    test("a backup of them as they were is brought up to date and whole", async () => {
      const untouched = join(directory, "untouched")
      mkdirSync(untouched)
      await unpack(join(ARCHIVES, archive), untouched)
      await backUpAndRestore(untouched)
    })

    test("the stores can be opened again, and hold nothing to be heard", async () => {
      server = await serveWith([...flagsIn(directory), "--port", `${server.port}`], clock.environment)
      for (const name of PEOPLE) {
        const person = await open(name)
        await person.client.caughtUp()
        expect(person.client.group(story.group).members()).toHaveLength(PEOPLE.length + 1)
        await person.stop()
        expect(person.heard()).toEqual([])
      }
    })
  })
}

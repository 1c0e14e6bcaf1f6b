import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { version } from "../../package.json"
import type { DurableStore } from "../../src/client/store.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { cinder, serveWith } from "../cli/process.ts"
import { befriend, Person } from "../client/people.ts"
import {
  ARCHIVES,
  DOMAIN,
  flagsIn,
  type Name,
  PEOPLE,
  pack,
  placesIn,
  STORY_FILE,
  type Story,
  surroundings,
} from "./archive.ts"
import { type Clock, clockAt } from "./clock.ts"

/**
 * `bun test/upgrade/make.ts` keeps what this version leaves behind, for the versions to come: a server's files and three
 * clients' stores, in `v<version>.tar.gz` beside this file. It is run once, when the version is tagged.
 */

/** In the middle of a month, so that no month ends in between. */
const MOMENT = Date.UTC(2026, 10, 16, 12)
const ALIAS = "countess.lovelace"
const CLEOS_ALIAS = "sea.star"
const DISPLAY_NAME = "Ada, Countess of Lovelace"

type People = Readonly<Record<Name, Person>>

/** Everybody's client, registered; what is stopped lets go of its store. */
async function register(url: string, directory: string, clock: Clock) {
  const stores = {} as Record<Name, DurableStore>
  const people = {} as Record<Name, Person>
  for (const name of PEOPLE) {
    const options = await surroundings(directory, name, clock)
    stores[name] = options.store
    people[name] = await Person.register({ url }, name, options)
  }
  return { people, stores }
}

async function getAcquainted({ ada, ben, cleo }: People): Promise<void> {
  await ada.client.updateProfile({ displayName: DISPLAY_NAME })
  await ada.client.registerAlias(ALIAS)
  await cleo.client.registerAlias(CLEOS_ALIAS)
  await ben.client.connectByAlias(ALIAS)
  await ada.client.pollConnectionRequests()
  await ada.until((person) => person.has("connected"))
  await ben.until((person) => person.has("connected"))
  await befriend(cleo, ada)
}

/** The group of all three, with Ada and Ben as admins; everybody has said something and heard everybody. */
async function gather({ ada, ben, cleo }: People): Promise<string> {
  const group = await ada.client.createGroup()
  await group.add([ben.user, cleo.user])
  for (const person of [ben, cleo]) await person.until((one) => one.has("joined"))
  await group.changeRoles([ada.user, ben.user])
  for (const person of [ada, ben, cleo]) await person.until((one) => one.has("roles"))
  for (const person of [ada, ben, cleo])
    await person.client.group(group.id).send(utf8(`${person.name} is here`))
  for (const person of [ada, ben, cleo]) await person.until((one) => one.heard().length === 2)
  return group.id
}

async function blockAnother({ ada, cleo }: People): Promise<string> {
  const group = await ada.client.createGroup()
  await group.add(cleo.user)
  await cleo.until((person) => person.has("joined", 2))
  await cleo.client.blockGroup(group.id)
  await group.send(utf8("Cleo does not want this"))
  return group.id
}

/** What waits for Cleo, who is away: messages of several epochs, and requests under her user id and her alias. */
async function leaveWaiting({ ada, ben, cleo }: People, group: string): Promise<Story["waiting"]> {
  const waiting: Story["waiting"] = [
    { from: "ada", text: "You are away" },
    { from: "ben", text: "We go on" },
    { from: "ada", text: "With other keys" },
    { from: "ben", text: `And at length: ${"more ".repeat(600)}` },
  ]
  const say = async ({ from, text }: Story["waiting"][number]) => {
    const [speaker, listener] = from === "ada" ? [ada, ben] : [ben, ada]
    const before = listener.heard().length
    await speaker.client.group(group).send(utf8(text))
    await listener.until((person) => person.heard().length > before)
  }
  for (const message of waiting.slice(0, 2)) await say(message)
  await ben.client.group(group).update()
  const { epoch } = ben.client.group(group)
  while (ada.client.group(group).epoch < epoch) await Bun.sleep(5)
  for (const message of waiting.slice(2)) await say(message)
  await ben.client.connect(cleo.user)
  await ben.client.connectByAlias(CLEOS_ALIAS)
  return waiting
}

async function tell(url: string, directory: string, clock: Clock): Promise<Story> {
  const { people, stores } = await register(url, directory, clock)
  await getAcquainted(people)
  const group = await gather(people)
  const blockedGroup = await blockAnother(people)
  await people.cleo.stop()
  const waiting = await leaveWaiting(people, group)
  await Promise.all([people.ada.stop(), people.ben.stop()])
  for (const name of PEOPLE) await stores[name].close()
  const { ada, ben, cleo } = people
  return {
    ...{ version, domain: DOMAIN, moment: clock.now() },
    users: { ada: ada.user, ben: ben.user, cleo: cleo.user },
    ...{ alias: ALIAS, displayName: DISPLAY_NAME, group, admins: ["ada", "ben"], blockedGroup, waiting },
    requests: { from: "ben", count: 2 },
  }
}

/** The configuration says where things were here, which is nobody's business. */
function anonymize(config: string, directory: string): void {
  writeFileSync(config, readFileSync(config, "utf8").replaceAll(directory, "/var/lib/cinder"))
}

async function make(archive: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "cinder-upgrade-"))
  try {
    const clock = clockAt(MOMENT)
    const { config, data } = placesIn(directory)
    const words = ["init", "--yes", "--config", config, "--data", data, "--domain", DOMAIN]
    const { code, stderr } = await cinder(words, clock.environment)
    if (code !== 0) throw new Error(stderr)
    const server = await serveWith([...flagsIn(directory), "--port", "0"], clock.environment)
    const story = await tell(server.url, directory, clock)
    const ended = await server.end("SIGTERM")
    if (ended.code !== 0 || ended.stderr !== "") throw new Error(`the server ended badly: ${ended.stderr}`)
    anonymize(config, directory)
    writeFileSync(join(directory, STORY_FILE), `${JSON.stringify(story, undefined, 2)}\n`)
    await pack(directory, archive)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const archive = join(ARCHIVES, `v${version}.tar.gz`)
if (existsSync(archive)) {
  console.error(`${archive} is there already: what a tagged version has left behind is not made anew`)
  process.exit(1)
}
await make(archive)
console.log(`${archive}: ${statSync(archive).size} bytes`)
process.exit(0)

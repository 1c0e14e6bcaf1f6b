import { afterAll, beforeAll, expect, test } from "bun:test"
import { ClientError } from "../../src/client/errors.ts"
import { type MemberLog, type Received, tally } from "../../src/demo/tally.ts"
import { Homeserver } from "./homeserver.ts"
import { type Person, party } from "./person.ts"
import { type Random, seeded } from "./random.ts"

let server: Homeserver
beforeAll(async () => {
  server = await Homeserver.start()
})
afterAll(() => server.end())

const KILLS = 5
const MESSAGES = 30
/** Shorter than some of the times that the server is away: then nobody knows what became of an operation. */
const PATIENCE_MILLISECONDS = 500

/** One of those who talk while the server dies again and again, with what became of everything it did. */
class Talker {
  readonly person: Person
  readonly name: string
  readonly answered: Received[] = []
  readonly unanswered: Received[] = []
  readonly commits = { answered: 0, unanswered: 0 }
  #number = 0

  constructor(person: Person, name: string) {
    this.person = person
    this.name = name
  }

  /** Whether the server said yes. No answer is fine; a refusal is not. */
  async say(): Promise<boolean> {
    const message = { from: this.name, number: ++this.#number }
    const answered = await attempt(this.person.say(JSON.stringify(message)))
    const book = answered ? this.answered : this.unanswered
    book.push(message)
    return answered
  }

  async update(): Promise<boolean> {
    const answered = await attempt(this.person.group.update())
    this.commits[answered ? "answered" : "unanswered"] += 1
    return answered
  }

  async sayAtLast(): Promise<Received> {
    while (!(await this.say()));
    return this.answered.at(-1) as Received
  }

  received(): Received[] {
    return this.person.heard().map(({ text }) => JSON.parse(text) as Received)
  }
}

async function attempt(operation: Promise<void>): Promise<boolean> {
  try {
    await operation
    return true
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    expect(["client.unreachable", "client.contended"]).toContain(error.code)
    return false
  }
}

async function talk(talker: Talker, random: Random): Promise<void> {
  for (let i = 0; i < MESSAGES; i++) {
    if (random() < 0.15) await Promise.all([talker.say(), talker.update()])
    else await talker.say()
  }
}

async function killAgainAndAgain(random: Random): Promise<void> {
  for (let kill = 0; kill < KILLS; kill++) {
    await Bun.sleep(100 + random() * 500)
    await server.kill()
    await Bun.sleep(random() * 2 * PATIENCE_MILLISECONDS)
    await server.start()
  }
}

/** Everybody says something last, which ends the history of everybody else. */
async function finish(talkers: readonly Talker[]): Promise<void> {
  const last = await Promise.all(talkers.map((talker) => talker.sayAtLast()))
  for (const { person } of talkers) {
    for (const [i, message] of last.entries()) {
      if (talkers[i]?.person !== person) await person.untilHeard(JSON.stringify(message))
    }
  }
}

/** Whatever anybody received, everybody had to receive. */
function books(talkers: readonly Talker[]) {
  const key = ({ from, number }: Received) => `${from}/${number}`
  const arrived = new Set(talkers.flatMap((talker) => talker.received().map(key)))
  const logs = talkers.map((talker): MemberLog => {
    const others = talkers.filter((other) => other !== talker)
    const expected = others.flatMap(({ answered, unanswered }) => [
      ...answered,
      ...unanswered.filter((message) => arrived.has(key(message))),
    ])
    return { name: talker.name, received: talker.received(), expected }
  })
  const { lost, duplicated, out_of_order, unexpected } = tally(logs)
  return { lost, duplicated, out_of_order, unexpected }
}

test(
  "a server killed again and again keeps every message and commit that it said yes to, once and in one order",
  () =>
    seeded(async (random) => {
      const names = ["a", "b", "c", "d"]
      const options = { url: server.url, patienceMilliseconds: PATIENCE_MILLISECONDS }
      const people = await party(names.map(() => options))
      const talkers = people.map((person, i) => new Talker(person, names[i] as string))
      const began = people[0].group.epoch

      await Promise.all([...talkers.map((talker) => talk(talker, random)), killAgainAndAgain(random)])
      await finish(talkers)

      expect(books(talkers)).toEqual({ lost: 0, duplicated: 0, out_of_order: 0, unexpected: 0 })
      // On the slowest machine too most talk goes on between the kills: the books are not about nothing.
      expect(talkers.flatMap(({ answered }) => answered).length).toBeGreaterThan(MESSAGES)
      const epochs = people.map(({ group }) => group.epoch)
      expect(new Set(epochs).size).toBe(1)
      const commits = Number((epochs[0] as bigint) - began)
      const answered = talkers.reduce((sum, talker) => sum + talker.commits.answered, 0)
      const unanswered = talkers.reduce((sum, talker) => sum + talker.commits.unanswered, 0)
      expect(commits).toBeGreaterThanOrEqual(answered)
      expect(commits).toBeLessThanOrEqual(answered + unanswered)

      // The state of the group opens after an orderly stop as well, and everybody can go on in it.
      expect(await server.stop()).toBe(0)
      await server.start()
      for (const talker of talkers) while (!(await talker.update()));
      await finish(talkers)
      expect(books(talkers)).toEqual({ lost: 0, duplicated: 0, out_of_order: 0, unexpected: 0 })
      expect(new Set(people.map(({ group }) => group.epoch)).size).toBe(1)
      await Promise.all(people.map((person) => person.stop()))
    }),
  60_000,
)

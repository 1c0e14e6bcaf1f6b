import type { People } from "./people.ts"
import type { Person } from "./person.ts"

/** What the page leads through. Each step can be taken again where it was broken off. */
export interface Step {
  /** In the list of steps. */
  readonly title: string
  /** On the button. */
  readonly action: string
  /** What is about to happen. */
  readonly about: string
  /** What happened. */
  readonly done: string
  /** What the files do not say of it. */
  readonly absent: readonly string[]
  run(people: People, tell: (text: string) => void): Promise<void>
}

const LINES = [
  ["Ada", "Dinner on Friday?"],
  ["Ben", "Yes! At my place?"],
  ["Cleo", "I’ll bring dessert."],
] as const

export const atFirst: readonly string[] = [
  "Anybody’s name",
  "Who knows whom",
  "Who is in a group, and how many are",
  "Who wrote, to whom, and what",
  "The day or the hour of anything",
  "How many messages wait for whom",
]

export const steps: readonly Step[] = [
  {
    title: "Register",
    action: "Register Ada and Ben",
    about: "Each makes keys that never leave this browser, and registers with the server.",
    done: "Ada and Ben are registered.",
    absent: [
      "Their names: to the server they are two random numbers",
      "Which queue of messages is whose: they belong to pseudonyms, and nothing leads from a user to one",
      "The day they came: a credential tells the month",
    ],
    async run(people, tell) {
      tell("Ada makes her keys.")
      await people.arrive("Ada")
      tell("Ben makes his keys.")
      await people.arrive("Ben")
    },
  },
  {
    title: "Find",
    action: "Let Ada find Ben",
    about: "Ben takes an alias. Ada looks for it, he accepts, and each checks the other’s keys.",
    done: "Ada and Ben are contacts.",
    absent: [
      "The alias: there is only a hash, and it was slow to make",
      "That it is Ben’s",
      "That Ada looked for it, or that the two know each other now",
    ],
    async run(people, tell) {
      const [ada, ben] = [people.get("Ada"), people.get("Ben")]
      tell("Ben takes an alias.")
      if ((await ben.client.aliases()).length === 0) await ben.client.registerAlias(freeAlias())
      const [alias = ""] = await ben.client.aliases()
      tell(`Ada looks for ${alias}.`)
      if (!(await areContacts(ada, ben))) await ada.client.connectByAlias(alias)
      await meet(ada, ben)
    },
  },
  {
    title: "Group",
    action: "Make a group with Cleo",
    about: "Cleo registers, Ada asks her by user id, and adds both to a new group.",
    done: "Ada, Ben and Cleo are in a group.",
    absent: [
      "Who is in the group, or how many are: its records are sealed, and only members have the key",
      "Who made it, and who may add others",
      "Which groups anybody is in",
    ],
    async run(people, tell) {
      const [ada, ben] = [people.get("Ada"), people.get("Ben")]
      tell("Cleo makes her keys.")
      const cleo = await people.arrive("Cleo")
      tell("Ada asks Cleo.")
      if (!(await areContacts(ada, cleo))) await ada.client.connect(cleo.client.userId)
      await meet(ada, cleo)
      tell("Ada adds both to a group.")
      const group = ada.group ?? (await ada.client.createGroup())
      const inside = group.members().map(({ user }) => user)
      const others = [ben, cleo].map(({ client }) => client.userId)
      await group.add(others.filter((user) => !inside.includes(user)))
      for (const person of [ben, cleo]) await person.until(() => person.group !== undefined)
    },
  },
  {
    title: "Talk",
    action: "Say something",
    about: "Each says something. Type your own as well, on anybody’s device.",
    done: "Everybody has read everything.",
    absent: [
      "What was said, who said it, and to whom",
      "When: a group tells the month in which something last happened",
      "What was read: it is overwritten, and not only deleted",
      "How many messages wait for whom: those of everybody lie in one pool, in blocks of one size",
    ],
    async run(people, tell) {
      for (const [name, text] of LINES) {
        tell(`${name} writes.`)
        const speaker = people.get(name)
        await speaker.say(text)
        const others = LINES.map(([other]) => people.get(other)).filter((other) => other !== speaker)
        for (const other of others) await other.until(() => hasHeard(other, speaker, text))
      }
    },
  },
  {
    title: "Reload",
    action: "Reload this page",
    about: "All three clients stop. What they need to go on lies in this browser, in IndexedDB.",
    done: "All three went on where they were.",
    absent: [
      "Sessions or logins: there are none",
      "Who is there at the moment, or was",
      "A copy of the conversation: it is in this browser alone",
    ],
    async run() {
      location.reload()
      await new Promise(() => undefined)
    },
  },
  {
    title: "Leave",
    action: "Let Ben leave",
    about:
      "Ben asks to leave, and one of the others’ clients makes it so. He can read nothing that is said afterwards.",
    done: "Ben has left the group.",
    absent: [
      "That anybody left: a sealed record is another one, at most of another padded length",
      "Who it was, and who stayed",
      "What the record was before: it is overwritten",
    ],
    async run(people, tell) {
      const [ada, ben, cleo] = [people.get("Ada"), people.get("Ben"), people.get("Cleo")]
      tell("Ben asks to leave.")
      await ben.group?.leave()
      await ben.until(() => ben.group === undefined)
      for (const person of [ada, cleo]) await person.until(() => !isIn(person, ben))
    },
  },
]

/** Aliases are the server's, and others may be taking some at the same moment. */
function freeAlias(): string {
  const digits = crypto.getRandomValues(new Uint16Array(2)).reduce((sum, value) => sum * 65_536 + value, 0)
  return `ben.${digits.toString(36)}`
}

async function areContacts(one: Person, other: Person): Promise<boolean> {
  return (await one.client.contacts()).includes(other.client.userId)
}

/** Whoever was asked accepts, and both know. */
async function meet(asks: Person, asked: Person): Promise<void> {
  if (!(await areContacts(asked, asks))) await asked.client.pollConnectionRequests()
  await asks.until(() => areContacts(asks, asked))
  await asked.until(() => areContacts(asked, asks))
}

function hasHeard({ lines }: Person, speaker: Person, text: string): boolean {
  return lines.some((line) => line.user === speaker.client.userId && line.text === text)
}

function isIn({ group }: Person, other: Person): boolean {
  return group?.members().some(({ user }) => user === other.client.userId) ?? false
}

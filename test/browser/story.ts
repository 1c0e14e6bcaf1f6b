import { expect } from "bun:test"
import type { Person } from "../client/people.ts"
import type { Tab, Visitor } from "./visitor.ts"

const PASSWORD = "correct horse"
/** What each says at least before and after the reload. */
const TEXTS_MIN = 3

/** Two visitors and somebody with Bun: they become contacts, make a group and talk, and Ben reloads his page meanwhile. */
export async function converse(url: string, ada: Visitor, ben: Visitor, cleo: Person): Promise<void> {
  const [adasTab, bensTab] = [await ada.open(), await ben.open()]
  ada.user = await adasTab.call("start", url, "Ada")
  ben.user = await bensTab.call("start", url, "Ben", PASSWORD)

  await adasTab.call("connect", ben.user)
  await bensTab.call("poll")
  await adasTab.call("connect", cleo.user)
  await cleo.client.pollConnectionRequests()
  await ada.until(() => ada.has("connected", ben.user) && ada.has("connected", cleo.user))
  await adasTab.call("createGroup")
  for (const user of [ben.user, cleo.user]) await adasTab.call("add", user)
  await ben.until(() => ben.has("joined"))
  await cleo.until(() => cleo.has("joined"))

  const said = await talkOverReload(url, { ada, adasTab, ben, bensTab, cleo })
  expect(ada.heard(cleo.user)).toEqual(said.byCleo)
  expect(heardBy(cleo, ada.user)).toEqual(said.byAda)
  await ben.until(() => [ada, cleo].every(({ user }) => ben.heard(user).includes("last")))
  expect(ben.heard(ada.user)).toEqual(said.byAda)
  expect(ben.heard(cleo.user)).toEqual(said.byCleo)
  await ada.until(() => ada.heard(ben.user).includes("last"))
  await cleo.until(() => heardBy(cleo, ben.user).includes("last"))
  for (const heard of [ada.heard(ben.user), heardBy(cleo, ben.user)]) {
    // What he was sending when the page went may have been stored, and then comes, or not.
    expect(heard.filter((text) => text !== said.underWay)).toEqual(said.byBen)
    expect(new Set(heard).size).toBe(heard.length)
  }
  const everybody = [ada.user, ben.user, cleo.user].sort()
  for (const tab of [adasTab, bensTab]) expect(await tab.call("members")).toEqual(everybody)

  await bensTab.call("deleteAccount", PASSWORD)
  for (const [visitor, tab] of [
    [ada, adasTab],
    [ben, bensTab],
  ] as const) {
    expect(await tab.call("elsewhere")).toEqual([])
    expect(await visitor.cookies()).toEqual([])
    expect(visitor.complaints).toEqual([])
  }
}

interface Parties {
  readonly ada: Visitor
  readonly adasTab: Tab
  readonly ben: Visitor
  readonly bensTab: Tab
  readonly cleo: Person
}

interface Said {
  readonly byAda: string[]
  readonly byCleo: string[]
  readonly byBen: string[]
  /** What Ben began to send and was not told of. */
  readonly underWay: string
}

/** Ada and Cleo answer each other before, during and after the reload, so that it is surely in the middle. */
async function talkOverReload(url: string, { ada, adasTab, ben, bensTab, cleo }: Parties): Promise<Said> {
  let isBack = false
  const [byAda, byCleo]: [string[], string[]] = [[], []]
  const talk = async (): Promise<void> => {
    for (let left = TEXTS_MIN; left > 0; left -= isBack ? 1 : 0) {
      const text = left === 1 ? "last" : `text ${byAda.length}`
      byAda.push(text)
      await adasTab.call("send", text)
      await cleo.until(() => heardBy(cleo, ada.user).length === byAda.length)
      byCleo.push(text)
      await cleo.say(text)
      await ada.until(() => ada.heard(cleo.user).length === byCleo.length)
    }
  }
  const talking = talk()
  const chatter = talkUntilGone(bensTab)
  await ben.until(() => ben.heard(ada.user).length >= TEXTS_MIN && ben.heard(cleo.user).length >= TEXTS_MIN)
  await ada.until(() => ada.heard(ben.user).length >= TEXTS_MIN)
  await bensTab.reload()
  const { accepted, underWay } = await chatter
  expect(await bensTab.call("start", url, "Ben")).toBe(ben.user)
  await bensTab.call("send", "last")
  isBack = true
  await talking
  return { byAda, byCleo, byBen: [...accepted, "last"], underWay }
}

/** Sends one text after the other until the page is reloaded. */
async function talkUntilGone(tab: Tab): Promise<{ accepted: string[]; underWay: string }> {
  const accepted: string[] = []
  for (;;) {
    const text = `text ${accepted.length}`
    try {
      await tab.call("send", text)
      accepted.push(text)
    } catch {
      return { accepted, underWay: text }
    }
  }
}

function heardBy(person: Person, sender: string): string[] {
  const start = `${sender}: `
  return person.heard().flatMap((line) => (line.startsWith(start) ? [line.slice(start.length)] : []))
}

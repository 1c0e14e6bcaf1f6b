import { nativeCrypto } from "../../../src/crypto/native.ts"
import { befriend, gather, Person, type PersonOptions } from "../person.ts"
import { LoopbackProxy } from "../proxy.ts"
import type { Random } from "../random.ts"
import { type Dossier, dossierOf, type Part } from "./dossier.ts"
import { sightingsOf } from "./sighting.ts"

/** How a client is set up, by its number; the same in everything else. */
export type Traits = (index: number) => Partial<PersonOptions>

/** How often a client does something of its own accord in one of its parts; `alias`: in that and under its name. */
export type Activity = (index: number, part: Part) => number

const aliasOf = (index: number): string => `somebody.${index}`

/**
 * Clients that do real things, all of them the same, on devices of their own: every one speaks to the server through a
 * proxy that nobody else uses, so that it is known whose a request is, and not by anything in it. Each asks the next one
 * and is asked by the one before, has an alias that somebody asks for, and has a group with both.
 */
export async function observe(
  serverPort: number,
  count: number,
  traits: Traits,
  often: Activity,
): Promise<Dossier[]> {
  const indices = Array.from({ length: count }, (_, index) => index)
  const proxies = await Promise.all(
    indices.map(() => LoopbackProxy.start(() => serverPort, { keepAnswers: true })),
  )
  const people = await Promise.all(
    proxies.map(({ url, webSocket }, index) => Person.register({ url, webSocket, ...traits(index) })),
  )
  const person = (index: number) => people[(index + count) % count] as Person
  for (const index of indices) await befriend(person(index), person(index + 1))
  for (const index of indices) {
    await person(index).client.registerAlias(aliasOf(index))
    await person(index + 2).client.connectByAlias(aliasOf(index))
    await person(index).client.pollConnectionRequests()
  }
  for (const index of indices) {
    const group = await gather(person(index), [person(index - 1), person(index + 1)])
    await person(index).say(`of ${index}`, group)
    await group.update()
  }
  for (const index of indices.filter((index) => index % 2 === 0)) {
    await person(index).stop()
    await person(index).start()
  }
  for (const index of indices) {
    const { client } = person(index)
    const times = (what: Part, work: () => Promise<unknown>) => repeat(often(index, what), work)
    await times("identity", () => client.updateProfile({ displayName: "somebody" }))
    await times("alias", () => client.pollConnectionRequests())
    await times("stranger", () => client.profile(person(index + 1).user))
    await times("pseudonym", () => person(index).say("a message", client.groups()[0]))
  }
  for (const each of people) await each.stop()
  for (const proxy of proxies) await proxy.stop()
  let connections = 0
  return proxies.map(({ passages }) => {
    const first = connections
    connections += passages.length
    const used = passages.filter(({ sent }) => sent.length > 0)
    return dossierOf(sightingsOf(used, first))
  })
}

async function repeat(times: number, work: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) await work()
}

/** Devices as there are: clocks are wrong by up to two minutes, each by its own. */
export function honest(random: Random): Traits {
  return () => {
    const wrong = (random() - 0.5) * 240_000
    return { now: () => Date.now() + wrong }
  }
}

/** Everything that the library does not do: each of these devices can be told by all that an attack looks at. */
export const leaky: Traits = (index) => {
  const end = nativeCrypto.random(10)
  return {
    // Its random numbers end alike.
    crypto: {
      ...nativeCrypto,
      random: (length) => {
        const bytes = nativeCrypto.random(length)
        if (length >= 16) bytes.set(end, length - end.length)
        return bytes
      },
    },
    // It reuses connections, names itself, and takes no notice of the server's time.
    async fetch(url, request) {
      const headers = { ...(request.headers as Record<string, string>), "x-device": "*".repeat(1 + index) }
      const answer = await fetch(url, { ...request, headers, keepalive: true })
      const others = new Headers(answer.headers)
      others.delete("date")
      return new Response(answer.body, { status: answer.status, headers: others })
    },
    now: () => Date.now() - index * 5_000,
  }
}

import type { ClientEvent } from "../../src/client/client-event.ts"
import { fromUtf8 } from "../../src/wire/bytes.ts"
import type { Accepted } from "./answers.ts"
import { diedJoining, type Entry, tries } from "./book.ts"
import { type Chronicle, chronicleOf, pastText } from "./chronicle.ts"
import { messageViolations } from "./message-oracles.ts"
import type { Witness } from "./witness.ts"

/** One person, as far as a judge sees it. */
export interface Suspect {
  readonly user: string
  /** What the application was told, in order. */
  readonly events: readonly ClientEvent[]
  readonly witness: Witness
}

/** Everything that happened until people and server were done with everything. */
export interface History {
  readonly people: readonly Suspect[]
  /** Names, without connection groups. */
  readonly groups: readonly string[]
  readonly book: readonly Entry[]
  readonly accepted: readonly Accepted[]
}

/** What one group's messages looked like to one person. */
export function heard({ events }: Suspect, group: string): string[] {
  return events.flatMap((event) =>
    event.type === "message" && event.group === group ? [fromUtf8(event.bytes)] : [],
  )
}

/** What must never be; each begins with one word for its kind. */
export function violations(history: History): string[] {
  const every = new Set(history.people.flatMap(({ witness }) => [...witness.pasts.keys()]))
  const chronicles = new Map([...every].map((group) => [group, chronicleOf(history.people, group)]))
  return [
    ...[...chronicles.values()].flatMap(({ forks }) => forks),
    ...doubleAnswers(history),
    ...history.groups.flatMap((group) => {
      const chronicle = chronicles.get(group) as Chronicle
      return [
        ...lostAnswers(history, chronicle),
        ...changes(history, chronicle),
        ...present(history, chronicle),
        ...messageViolations(history, chronicle),
      ]
    }),
  ]
}

/** The server says yes to one commit of an epoch, and to no other, whatever it went through. */
function doubleAnswers({ accepted }: History): string[] {
  const first = new Map<string, string>()
  const found: string[] = []
  for (const { group, epoch, hash } of accepted) {
    const epochName = `${group} ${epoch}`
    const known = first.get(epochName) ?? hash
    first.set(epochName, known)
    if (known !== hash) found.push(`forked: two commits of epoch ${epoch} were accepted in ${group}`)
  }
  return found
}

/** An epoch that was ended by a yes stays ended. */
function lostAnswers({ accepted }: History, { group, last, over }: Chronicle): string[] {
  return accepted
    .filter((commit) => commit.group === group && !commit.deletes)
    .filter(({ epoch }) => epoch >= last && !over)
    .map(({ epoch }) => `forgotten: the accepted commit of epoch ${epoch} in ${group}`)
}

/** Everybody comes and goes by what somebody did, and what was acknowledged happened. */
function changes({ book }: History, { group, transitions }: Chronicle): string[] {
  const found: string[] = []
  const tried = (deed: string, whom: string) =>
    book.filter((entry) => entry.group === group && entry.deed === deed && entry.whom === whom)
  const done = (entries: readonly Entry[]) => entries.filter(({ outcome }) => outcome === "done").length
  const possible = (entries: readonly Entry[]) =>
    entries.filter(({ outcome }) => outcome !== "refused").length
  const users = new Set([...transitions.keys(), ...book.flatMap(({ whom }) => whom ?? [])])
  for (const user of users) {
    const { came, went } = transitions.get(user) ?? { came: 0, went: 0 }
    const adds = tried("add", user)
    const removes = tried("remove", user)
    const leaves = tries(book, "leave", group, user)
    if (came < done(adds)) found.push(`undone: ${user} was added to ${group} and did not come`)
    if (came > possible(adds)) found.push(`strange: ${user} came to ${group} and nobody added them`)
    if (went < done(removes)) found.push(`undone: ${user} was removed from ${group} and did not go`)
    if (went > possible(removes) + possible(leaves)) {
      found.push(`strange: ${user} went from ${group} and nobody removed them`)
    }
  }
  return found
}

/** Who is in the group is in its last epoch, and sees the same members; who is not has nothing of it. */
function present({ people, book }: History, { group, last, members, over }: Chronicle): string[] {
  const deleted = book.some((entry) => {
    return entry.group === group && entry.deed === "delete" && entry.outcome === "done"
  })
  return people.flatMap((person) => {
    const { user } = person
    const now = person.witness.pastOf(group).at(-1)
    const isMember = members.has(user) && !over && !deleted
    const tell = (what: string) => [`apart: ${user} ${what} ${group}, and held ${pastText(person, group)}`]
    if (isMember && now === undefined) return tell("is a member and does not know it of")
    if (isMember && now?.epoch !== last) return tell(`is not in epoch ${last} of`)
    if (!isMember && now !== undefined && !diedJoining(book, group, user))
      return tell("is no member and does not know it of")
    return []
  })
}

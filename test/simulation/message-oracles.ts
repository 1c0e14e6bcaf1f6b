import { diedJoining, type Entry, mayHaveDeleted } from "./book.ts"
import { type Chronicle, pastText } from "./chronicle.ts"
import { type History, heard, type Suspect } from "./oracles.ts"

/** A message that was said, and the epochs in which it may have been accepted. */
interface Said {
  readonly text: string
  readonly by: string
  readonly acknowledged: boolean
  readonly epochs: readonly number[]
}

/** Each message once to everybody whom it was for, and to nobody else, in one order. */
export function messageViolations({ people, book }: History, chronicle: Chronicle): string[] {
  const said = book.flatMap(({ deed, group, text, by, outcome }): Said[] => {
    if (deed !== "say" || group !== chronicle.group || text === undefined) return []
    const sender = people.find(({ user }) => user === by) as Suspect
    const epochs = [...(sender.witness.epochs.get(text) ?? [])]
    return [{ text, by, acknowledged: outcome === "done", epochs }]
  })
  const follows = (person: Suspect, epoch: number) => followed(person, chronicle, epoch, book)
  const sequences = people.map((person) => heard(person, chronicle.group))
  return [
    ...people.flatMap((person, index) => [
      ...ofOne(person, sequences[index] ?? [], said, chronicle, follows),
      ...ofSenders(person, sequences[index] ?? [], chronicle),
    ]),
    ...orderViolations(sameCopies(people, sequences, said, chronicle, follows), chronicle),
  ]
}

function ofOne(
  person: Suspect,
  sequence: readonly string[],
  said: readonly Said[],
  chronicle: Chronicle,
  follows: Follows,
): string[] {
  const { group, epochs } = chronicle
  const found: string[] = []
  const { user } = person
  const isIn = (epoch: number) => epochs.get(epoch)?.has(user) === true
  const counted = new Map<string, number>()
  for (const text of sequence) counted.set(text, (counted.get(text) ?? 0) + 1)
  for (const message of said) {
    const { text, by, acknowledged } = message
    const times = counted.get(text) ?? 0
    counted.delete(text)
    const stays = new Set(message.epochs.filter(isIn).map((epoch) => arrivalOf(chronicle, user, epoch)))
    if (times > Math.max(1, stays.size)) {
      found.push(
        `doubled: "${text}" of epochs ${message.epochs} in ${group} for ${user}, who held ${pastText(person, group)}`,
      )
    }
    if (times > 0 && (by === user || !message.epochs.some(isIn))) {
      found.push(`overheard: "${text}" in ${group} by ${user}`)
    }
    const due =
      acknowledged && by !== user && message.epochs.every((epoch) => isIn(epoch) && follows(person, epoch))
    if (due && times === 0) {
      found.push(
        `missed: "${text}" of epochs ${message.epochs} in ${group} by ${user}, who held ${pastText(person, group)}`,
      )
    }
  }
  for (const text of counted.keys()) found.push(`strange: "${text}" in ${group}, which nobody said`)
  return found
}

/**
 * Whether this client was still to take what came in an epoch that it was in: it may have joined again before that, or
 * died while it did, or deleted the group, or never have arrived.
 */
type Follows = (person: Suspect, epoch: number) => boolean

function followed(
  { user, witness }: Suspect,
  chronicle: Chronicle,
  epoch: number,
  book: readonly Entry[],
): boolean {
  const { group } = chronicle
  const past = witness.pastOf(group)
  const first = arrivalOf(chronicle, user, epoch)
  const stay = past.findLastIndex((held) => held !== undefined && held.epoch >= first && held.epoch <= epoch)
  if (stay < 0) return false
  const after = past.slice(stay + 1)
  const isBefore = past[stay]?.epoch !== epoch
  if (isBefore && after[0] === undefined && diedJoining(book, group, user)) return false
  const next = after.findIndex((held) => held?.by !== "commit")
  if (next < 0) return true
  return after[next] === undefined ? !mayHaveDeleted(book, group, user) : after[next].by !== "resync"
}

/** The first epoch of the time that somebody was in the group for, around one of them. */
function arrivalOf({ epochs }: Chronicle, user: string, epoch: number): number {
  const out = [...epochs.keys()].filter((number) => number < epoch && epochs.get(number)?.has(user) === false)
  return (out.at(-1) ?? -1) + 1
}

/** What one says comes in the order of saying. */
function ofSenders({ user }: Suspect, sequence: readonly string[], { group }: Chronicle): string[] {
  const last = new Map<string, number>()
  return [...new Set(sequence)].flatMap((text) => {
    const [sender, number] = text.split(" ") as [string, string]
    const before = last.get(sender) ?? -1
    last.set(sender, Number(number))
    return before < Number(number) ? [] : [`disordered: "${text}" in ${group} for ${user}`]
  })
}

/**
 * Who lost the answer to a message says it again in the next epoch, and both may have been accepted: who was there
 * for one of them only may have heard the other copy than the rest, in another place.
 */
function sameCopies(
  people: readonly Suspect[],
  sequences: readonly (readonly string[])[],
  said: readonly Said[],
  chronicle: Chronicle,
  follows: Follows,
): string[][] {
  return sequences.map((sequence, index) => {
    const person = people[index] as Suspect
    const isThere = (epoch: number) =>
      chronicle.epochs.get(epoch)?.has(person.user) === true && follows(person, epoch)
    const whole = said.filter((message) => message.epochs.every(isThere))
    const texts = new Set(whole.map(({ text }) => text))
    return sequence.filter((text) => texts.has(text))
  })
}

/** There is one order that contains what everybody heard: what comes next after what has no circle. */
function orderViolations(sequences: readonly (readonly string[])[], { group }: Chronicle): string[] {
  const waiting = sequences.map((sequence) => [...new Set(sequence)])
  for (;;) {
    const open = waiting.filter((sequence) => sequence.length > 0)
    if (open.length === 0) return []
    const isFirst = (text: string) => open.every((sequence) => sequence.indexOf(text) <= 0)
    const next = open.map(([text]) => text as string).find(isFirst)
    if (next === undefined) return [`disordered: two saw the messages of ${group} in different orders`]
    for (const sequence of open) if (sequence[0] === next) sequence.shift()
  }
}

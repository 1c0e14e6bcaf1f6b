import type { Suspect } from "./oracles.ts"
import type { Held } from "./witness.ts"

/** What one group went through, put together from what everybody held at any time. */
export interface Chronicle {
  readonly group: string
  /** Epochs in which two held different things. */
  readonly forks: readonly string[]
  /** Who was in it, by epoch; an epoch that nobody stopped at is missing. */
  readonly epochs: ReadonlyMap<number, ReadonlySet<string>>
  readonly last: number
  /** Those of the last epoch. */
  readonly members: ReadonlySet<string>
  /** How often each person came after the first epoch, and went. */
  readonly transitions: ReadonlyMap<string, { readonly came: number; readonly went: number }>
  /** Nobody holds anything of it any more. */
  readonly over: boolean
}

export function chronicleOf(people: readonly Suspect[], group: string): Chronicle {
  const all = people.flatMap(({ witness }) => witness.pastOf(group)).filter((one) => one !== undefined)
  const first = new Map<number, Held>()
  const forks: string[] = []
  for (const held of all) {
    const { epoch } = held
    const known = first.get(epoch) ?? held
    first.set(epoch, known)
    if (!same(held, known)) forks.push(`forked: epoch ${epoch} of ${group} is not the same for everybody`)
  }
  const numbers = [...first.keys()].sort((a, b) => a - b)
  const epochs = new Map(numbers.map((epoch) => [epoch, usersOf(first.get(epoch) as Held)]))
  const last = numbers.at(-1) ?? 0
  return {
    group,
    forks,
    epochs,
    last,
    members: epochs.get(last) ?? new Set(),
    transitions: transitionsOf([...epochs.values()]),
    over: people.every(({ witness }) => witness.pastOf(group).at(-1) === undefined),
  }
}

function same(a: Held, b: Held): boolean {
  return a.secret === b.secret && `${a.members}` === `${b.members}` && namesAll(a)
}

/** A client that could verify everybody names every leaf of its tree. */
function namesAll({ members, leaves }: Held): boolean {
  return `${members.map((member) => Number(member.split(" ")[0]))}` === `${leaves}`
}

function usersOf({ members }: Held): ReadonlySet<string> {
  return new Set(members.map((member) => member.split(" ")[1] as string))
}

function transitionsOf(epochs: readonly ReadonlySet<string>[]) {
  const transitions = new Map<string, { came: number; went: number }>()
  const of = (user: string) => {
    const known = transitions.get(user) ?? { came: 0, went: 0 }
    transitions.set(user, known)
    return known
  }
  for (const [index, members] of epochs.entries()) {
    const before = epochs[index - 1] ?? members
    for (const user of members) if (!before.has(user)) of(user).came += 1
    for (const user of before) if (!members.has(user)) of(user).went += 1
  }
  return transitions
}

/** The epochs that somebody held and how each came, `-` for the time outside. */
export function pastText({ witness }: Suspect, group: string): string {
  return witness
    .pastOf(group)
    .map((held) => (held === undefined ? "-" : `${held.epoch} ${held.by}`))
    .join(", ")
}

import type { StoredEvent } from "./event-records.ts"
import type { GroupState } from "./group-session.ts"

/** What the application is told when a group changes; of connection groups it hears nothing. */

/**
 * Who came, who went and who is an admin now, after a commit of the user `by`. Whoever comes back, or takes new keys, neither
 * came nor went.
 */
export function changeEvents(
  group: string,
  before: GroupState,
  after: GroupState,
  by: string,
): StoredEvent[] {
  if (before.facts.connection !== null) return []
  const had = usersOf(before)
  const has = usersOf(after)
  const added = [...has].filter((user) => !had.has(user))
  const removed = [...had].filter((user) => !has.has(user))
  const admins = adminsOf(after)
  const sameAdmins = admins.join() === adminsOf(before).join()
  return [
    ...removed.map((user) => ({ type: "removed" as const, group, user, by: whoRemoved(before, user, by) })),
    ...added.map((user) => ({ type: "added" as const, group, user, by })),
    ...(sameAdmins ? [] : [{ type: "roles" as const, group, admins, by }]),
  ]
}

/**
 * Whose doing it is that a user goes with a commit of `by`: its own if it wanted to leave, nobody's (null) if the server had
 * proposed it.
 */
export function whoRemoved({ member, facts }: GroupState, user: string, by: string): string | null {
  const leaves = facts.members.filter((one) => one.user === user).map(({ leaf }) => leaf)
  const proposed = member.proposedRemovals().filter(({ leaf }) => leaves.includes(leaf))
  if (proposed.some(({ byItself }) => byItself)) return user
  return proposed.length > 0 ? null : by
}

/** Users who are admins, each once, in ascending order. */
export function adminsOf({ member, facts }: GroupState): string[] {
  const leaves = new Set(member.admins())
  const admins = facts.members.filter(({ leaf }) => leaves.has(leaf))
  return [...new Set(admins.map(({ user }) => user))].sort()
}

function usersOf({ facts }: GroupState): Set<string> {
  return new Set(facts.members.map(({ user }) => user))
}

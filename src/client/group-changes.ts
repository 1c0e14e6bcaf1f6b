import { ClientError } from "./errors.ts"
import { commitChange, stagedParts } from "./group-operations.ts"
import type { GroupSession } from "./group-session.ts"
import { hasRemovals, renewLeaf } from "./leaf-renewal.ts"

/** Carries a change out; an update goes before it if somebody is proposed to be removed. Throws ClientError. */
export async function changeGroup(
  session: GroupSession,
  make: Parameters<typeof commitChange>[1],
): Promise<void> {
  try {
    await commitChange(session, make)
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== "ds.proposals-pending") throw error
    await renewLeaf(session)
    await commitChange(session, make)
  }
}

/** Removes everybody else and has the DS forget the group. Throws ClientError `ds.not-allowed` unless an admin. */
export function endGroup(session: GroupSession): Promise<void> {
  return changeGroup(session, async ({ member, facts }) => {
    const removes = member
      .members()
      .map(({ leaf }) => leaf)
      .filter((leaf) => leaf !== member.leaf)
    const staged = await member.commit({ removes, authenticatedData: new Uint8Array(0) })
    return { operation: "deleteGroup" as const, ...stagedParts(staged, facts.members, facts.ownLeaf) }
  })
}

/** Commits that others leave, if nobody has yet. A connection group that only this client is left in is over. Throws ClientError. */
export async function commitRemovals(session: GroupSession): Promise<void> {
  if (session.current === undefined || !hasRemovals(session.current)) return
  await renewLeaf(session, hasRemovals)
  const { facts, member } = session.state
  if (facts.connection !== null && member.members().length === 1) await endGroup(session)
}

import type { Unit } from "../store/database.ts"
import { Problem } from "../wire/problem.ts"
import type { Caller } from "./authentication.ts"
import { type DsContext, submitPrepared } from "./context.ts"
import { type HeadLeaf, memberAt } from "./members.ts"
import type { GroupKey, OpenedGroup } from "./records.ts"

/** A request that a member signed, with the group's head open. */
export interface MemberRequest<P> {
  readonly group: OpenedGroup
  readonly params: P
  readonly member: HeadLeaf
}

/**
 * Submits what `prepare` makes of a member's request, as {@link submitPrepared} does, and overwrites the head afterwards.
 *
 * @throws Problem `auth.refused`, `server.overloaded`
 */
export async function submitForMember<P extends GroupKey>(
  context: DsContext,
  caller: Caller<P>,
  prepare: (request: MemberRequest<P>, attempt: number) => Unit | undefined,
): Promise<void> {
  await submitPrepared(context, (attempt) => {
    const group = context.records.openHead(caller.claimed)
    try {
      const member =
        group && caller.leaf !== undefined ? memberAt(group.value.leaves, caller.leaf) : undefined
      const params = caller.verify(member?.signatureKey)
      if (group === undefined || member === undefined) throw new Problem("auth.refused")
      return prepare({ group, params, member }, attempt)
    } finally {
      group?.wipe()
    }
  })
}

import type { Delivery } from "../fanout.ts"
import type { Effect } from "../store/database.ts"
import type { DsContext } from "./context.ts"
import type { Addressed } from "./fan-out.ts"
import type { Head } from "./head.ts"
import type { MemberRequest } from "./member-request.ts"
import { type HeadLeaf, withTickets } from "./members.ts"
import type { GroupKey } from "./records.ts"
import { proposeRemovals, removalsDue, type Sighting } from "./removals.ts"
import { noReports, reportedLeaves, reportsOf } from "./reports.ts"
import { changeRows, type GroupRow, readReports, writeReports } from "./store.ts"

/** What a request changes of a group besides what it is about. */
export interface Upkeep {
  readonly rows: readonly Effect[]
  readonly deliveries: readonly Delivery[]
}

/**
 * For requests that write the head: proposes to remove whoever has to go, those reported before among them, and begins
 * with fresh reports. The head is the caller's to write.
 */
export function keepHouse(
  context: DsContext,
  stored: GroupRow,
  head: Head,
  { active, dead }: Sighting,
): Upkeep & { readonly head: Head } {
  const { crypto, store } = context
  const { groupId } = head.state.context
  const reported = reportedLeaves(crypto, head, readReports(store, stored))
  const due = removalsDue(context, head, { active, dead: new Set([...dead, ...reported]) })
  const rows = [writeReports(stored.group_id, noReports(crypto, head.secret, groupId))]
  return { ...proposeRemovals(context, head, due), rows }
}

/**
 * For messages, which write the head only if recipients got new tickets or somebody is to be removed. A queue that is
 * found gone for the first time is reported; whoever finds a reported one gone again proposes to remove its member.
 */
export function afterMessage(
  context: DsContext,
  { group, params, member }: MemberRequest<GroupKey>,
  { tickets, dead }: Addressed,
  month: number,
): Upkeep {
  const { stored, value: head } = group
  const active = member.leaf
  const gone = unproposed(head, dead)
  const known =
    gone.length === 0 ? NOBODY : reportedLeaves(context.crypto, head, readReports(context.store, stored))
  const again = new Set([...known].filter((leaf) => dead.has(leaf)))
  const next = { ...head, leaves: withTickets(head.leaves, tickets) }
  if (tickets.size > 0 || removalsDue(context, next, { active, dead: again }).length > 0) {
    const kept = keepHouse(context, stored, next, { active, dead })
    const rows = changeRows(stored, { month, head: context.records.sealHead(params, kept.head) })
    return { rows: [...rows, ...kept.rows], deliveries: kept.deliveries }
  }
  const { rows, deliveries } = monthAlone(stored, month)
  return { rows: gone.length === 0 ? rows : [...rows, report(context, stored, gone)], deliveries }
}

const NOBODY: ReadonlySet<number> = new Set()

/** Those whose queue is gone and who are not proposed to be removed yet. */
function unproposed({ leaves, proposals }: Head, dead: ReadonlySet<number>): HeadLeaf[] {
  if (dead.size === 0) return []
  const pending = new Set(proposals.map(({ leaf }) => leaf))
  return leaves.filter(({ leaf }) => dead.has(leaf) && !pending.has(leaf))
}

function report({ crypto, store }: DsContext, stored: GroupRow, gone: readonly HeadLeaf[]): Effect {
  const { group_id } = stored
  return writeReports(group_id, reportsOf(crypto, readReports(store, stored), group_id, gone))
}

/** The month of last activity, if it is another one. */
export function monthAlone(stored: GroupRow, month: number): Upkeep {
  return { rows: month === stored.month ? [] : changeRows(stored, { month }), deliveries: [] }
}

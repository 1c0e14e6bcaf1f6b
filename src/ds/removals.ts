import { wipe } from "../crypto/wipe.ts"
import type { Delivery } from "../fanout.ts"
import { REMOVALS_PROPOSED_MAX } from "../limits.ts"
import { proposeFromOutside } from "../mls/index.ts"
import { suite1 } from "../mls/suites/suite1.ts"
import { monthOf } from "../month.ts"
import { encodeQueueMessage } from "../wire/queue-message.ts"
import type { DsContext } from "./context.ts"
import { address, toOthers } from "./fan-out.ts"
import { removalSeed } from "./group-secret.ts"
import type { Head } from "./head.ts"
import type { HeadLeaf } from "./members.ts"
import type { StoredProposal } from "./proposal-store.ts"

/**
 * Whom the DS proposes to remove (docs/protocol.md section 5.3): members who have not committed for too long, and those whose
 * queue is gone. It does so whenever a request opens a group to send or to change something, in the unit of that
 * request, after it: a commit that has come is never refused because of what the DS finds at the same time.
 */

/** What is known at the end of a request. */
export interface Sighting {
  /** The leaf that made the request: whoever it is, it is there. */
  readonly active: number | undefined
  /** Leaves whose queue is gone. */
  readonly dead: ReadonlySet<number>
}

/** Leaves that have to go and whose removal is not proposed yet, as many as an epoch takes. */
export function removalsDue(context: DsContext, head: Head, { active, dead }: Sighting): number[] {
  const pending = new Set(head.proposals.map(({ leaf }) => leaf))
  const own = head.proposals.filter(({ byServer }) => byServer)
  const isInactive = inactivity(context)
  return head.leaves
    .filter((member) => !pending.has(member.leaf) && member.leaf !== active)
    .filter((member) => dead.has(member.leaf) || isInactive(member))
    .map(({ leaf }) => leaf)
    .slice(0, REMOVALS_PROPOSED_MAX - own.length)
}

/** Months are believed to have passed only by a clock that nobody has set for a while. */
function inactivity({ clockSettled, config, now }: DsContext): (member: HeadLeaf) => boolean {
  if (!clockSettled()) return () => false
  const oldest = monthOf(now()) - config.inactiveMonths
  return ({ activityMonth }) => activityMonth < oldest
}

/** The head with these removals proposed, and the messages that tell all members whose queue is there. */
export function proposeRemovals(
  context: DsContext,
  head: Head,
  leaves: readonly number[],
): { readonly head: Head; readonly deliveries: readonly Delivery[] } {
  if (leaves.length === 0) return { head, deliveries: [] }
  const { crypto, fanout } = context
  const group = head.state.context
  const signatureSecret = removalSeed(crypto, head.secret)
  const added = leaves.map((removed): StoredProposal => {
    const sender = { senderIndex: 0, signatureSecret }
    const proposal = { kind: "remove", removed } as const
    return {
      leaf: removed,
      byServer: true,
      message: proposeFromOutside(suite1(crypto), group, sender, proposal),
    }
  })
  wipe(signatureSecret)
  const proposals = added.map(({ message }) => message)
  const message = encodeQueueMessage({ type: "proposals", groupId: group.groupId, proposals })
  const { deliveries } = address(fanout, toOthers(head, undefined, message))
  return { head: { ...head, proposals: [...head.proposals, ...added] }, deliveries }
}

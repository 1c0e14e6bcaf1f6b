import { SELF_REMOVES_STORED_MAX } from "../limits.ts"
import { observeProposal } from "../mls/index.ts"
import { suite1 } from "../mls/suites/suite1.ts"
import { monthOf } from "../month.ts"
import type { Unit } from "../store/database.ts"
import { Problem } from "../wire/problem.ts"
import { encodeQueueMessage } from "../wire/queue-message.ts"
import type { Caller } from "./authentication.ts"
import { type DsContext, policyOf } from "./context.ts"
import { address, deliveringUnit, toOthers } from "./fan-out.ts"
import type { Head } from "./head.ts"
import { keepHouse } from "./housekeeping.ts"
import { type MemberRequest, submitForMember } from "./member-request.ts"
import { withTickets } from "./members.ts"
import { operationRules as rules } from "./operation-rules.ts"
import type { GroupKey } from "./records.ts"
import { allow, validating } from "./refusal.ts"
import { changeRows, groupUnchanged } from "./store.ts"

interface SelfRemoveParams extends GroupKey {
  readonly proposal: Uint8Array
}

/**
 * Stores a member's proposal to leave and sends it to all others, one of whom commits it. Whose removal is proposed
 * already, by itself or by the DS, gets the same answer, and nothing changes.
 *
 * @throws Problem `auth.refused`, `ds.wrong-epoch`, `ds.invalid-message`, `ds.not-allowed`, `ds.proposals-pending`,
 *   `queue.full`, `server.overloaded`
 */
export async function selfRemove(context: DsContext, caller: Caller<SelfRemoveParams>): Promise<void> {
  await submitForMember(context, caller, (request) => {
    const { proposals } = request.group.value
    if (proposals.some(({ leaf }) => leaf === request.member.leaf)) return undefined
    checkProposal(context, request)
    checkStore(request.group.value)
    return prepare(context, request)
  })
}

/** A SelfRemove of the caller's, and somebody else to commit it. */
function checkProposal(context: DsContext, { group, params, member }: MemberRequest<SelfRemoveParams>): void {
  const head = group.value
  const tree = context.records.openTree(group, params)
  try {
    const suite = suite1(context.crypto)
    const { proposal, sender, authenticatedData } = validating(() =>
      observeProposal(suite, head.state, tree.value.tree, params.proposal, policyOf(context)),
    )
    const own = sender.kind === "member" && sender.leafIndex === member.leaf
    allow(own && proposal.kind === "selfRemove", rules.ownSelfRemove)
    allow(authenticatedData.length === 0, rules.noData)
  } finally {
    tree.wipe()
  }
}

function checkStore({ leaves, proposals }: Head): void {
  const leaving = proposals.filter(({ byServer }) => !byServer).length
  allow(leaving + 1 < leaves.length, rules.somebodyStays)
  if (leaving >= SELF_REMOVES_STORED_MAX) throw new Problem("ds.proposals-pending")
}

function prepare(context: DsContext, { group, params, member }: MemberRequest<SelfRemoveParams>): Unit {
  const { fanout, records } = context
  const { value: head, stored } = group
  const { groupId, proposal } = params
  const message = encodeQueueMessage({ type: "mls", groupId, message: proposal })
  const { deliveries, tickets, dead } = address(fanout, toOthers(head, member.leaf, message))
  const leaving = { leaf: member.leaf, byServer: false, message: proposal }
  const next = {
    ...head,
    leaves: withTickets(head.leaves, tickets),
    proposals: [...head.proposals, leaving],
  }
  const kept = keepHouse(context, stored, next, { active: member.leaf, dead })
  const rows = changeRows(stored, {
    month: monthOf(context.now()),
    head: records.sealHead(params, kept.head),
  })
  const all = [...deliveries, ...kept.deliveries]
  return deliveringUnit(fanout, [groupUnchanged(stored)], [...rows, ...kept.rows], all)
}

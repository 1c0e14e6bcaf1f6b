import { encodeExtensions, type FlatTree, observeCreation, type PublicGroupState } from "../mls/index.ts"
import { suite1 } from "../mls/suites/suite1.ts"
import { monthOf } from "../month.ts"
import type { Unit } from "../store/database.ts"
import { equal } from "../wire/bytes.ts"
import type { Caller } from "./authentication.ts"
import { type DsContext, policyOf, submitPrepared } from "./context.ts"
import { changeCredentials } from "./credentials.ts"
import { Addressee, address, deliveringUnit } from "./fan-out.ts"
import { removalKey } from "./group-secret.ts"
import { type GroupInfoRest, groupInfoOf, type Head } from "./head.ts"
import { memberAt } from "./members.ts"
import { ownQueueConfig } from "./newcomer.ts"
import { operationRules as rules } from "./operation-rules.ts"
import type { GroupKey } from "./records.ts"
import { allow, validating } from "./refusal.ts"
import { noReports } from "./reports.ts"
import type { Reservations } from "./reservations.ts"
import { contextExtensionsOf } from "./roles.ts"
import { createRows, groupAbsent } from "./store.ts"
import { wipeTree } from "./tree-record.ts"

interface CreateParams extends GroupKey {
  readonly groupInfo: Uint8Array
  readonly ratchetTree: Uint8Array
  readonly encryptedCredential: Uint8Array
  readonly queueConfig: Uint8Array
}

interface Creation {
  readonly state: PublicGroupState
  readonly tree: FlatTree
  readonly groupInfo: GroupInfoRest
}

/** The creator's leaf. */
const CREATOR = 0

/**
 * Creates a group of one under a reserved id. The same request again, by a client that did not get the answer, gets the
 * same answer as long as the group is as it was made.
 *
 * @throws Problem `auth.refused`, `ds.invalid-message`, `ds.not-allowed`, `server.overloaded`
 */
export async function createGroup(
  context: DsContext,
  reservations: Reservations,
  caller: Caller<CreateParams>,
): Promise<void> {
  const { groupId } = caller.claimed
  await submitPrepared(context, () => {
    if (isRepetition(context, caller)) return undefined
    const secret = reservations.secretOf(groupId)
    if (caller.leaf !== CREATOR || secret === undefined) return caller.refuse()
    return prepare(context, caller, secret)
  })
  reservations.release(groupId)
}

/** The group exists, is what this request makes, and the caller is its creator. */
function isRepetition(context: DsContext, caller: Caller<CreateParams>): boolean {
  const group = context.records.openHead(caller.claimed)
  if (group === undefined) return false
  try {
    const head = group.value
    if (caller.leaf !== CREATOR || head.state.context.epoch !== 0n) return false
    if (!equal(groupInfoOf(head), caller.claimed.groupInfo)) return false
    caller.verify(memberAt(head.leaves, CREATOR)?.signatureKey)
    return true
  } finally {
    group.wipe()
  }
}

function prepare(context: DsContext, caller: Caller<CreateParams>, secret: Uint8Array): Unit {
  const { records, fanout } = context
  const creation = observe(context, caller.claimed)
  const { state, tree, groupInfo } = creation
  const signatureKey = tree.signatureKey(CREATOR)
  const params = caller.verify(signatureKey)
  check(creation, params.groupId, removalKey(context.crypto, secret))

  const queueConfig = ownQueueConfig(params.queueConfig, context.domain)
  const month = monthOf(context.now())
  const creator = { leaf: CREATOR, signatureKey, queueConfig, activityMonth: month, activityEpoch: 0n }
  const { tickets, dead } = address(fanout, [new Addressee({ ...creator, ticket: undefined })])
  allow(dead.size === 0, rules.livingQueue)
  const head: Head = {
    treeWrites: 1n,
    lastCommit: undefined,
    secret,
    state,
    groupInfo,
    leaves: [{ ...creator, ticket: tickets.get(CREATOR) }],
    proposals: [],
  }
  const own = { leaf: CREATOR, credential: params.encryptedCredential }
  const { credentials } = changeCredentials([], [own])
  const sealedTree = records.sealTree(params, head.treeWrites, { tree, credentials, history: [] })
  const reports = noReports(context.crypto, secret, params.groupId)
  const rows = createRows(params.groupId, month, records.sealHead(params, head), sealedTree, reports)
  wipeTree(tree)
  return deliveringUnit(fanout, [groupAbsent(params.groupId)], rows, [])
}

function check({ state, tree }: Creation, groupId: Uint8Array, key: Uint8Array): void {
  const { context } = state
  const begins = context.epoch === 0n && tree.leafWidth === 1 && tree.memberCount === 1
  allow(begins && equal(context.groupId, groupId), rules.firstEpoch)
  const { admins, removalKey } = contextExtensionsOf(context.extensions)
  allow(equal(removalKey, key), rules.removalKey)
  const [admin] = admins
  allow(admins.length === 1 && equal(admin as Uint8Array, tree.signatureKey(CREATOR)), rules.creatorIsAdmin)
}

/** The GroupInfo's signature and extensions, and all that someone who joins would check of the tree. */
function observe(context: DsContext, { groupInfo, ratchetTree }: CreateParams): Creation {
  const { now, maximumLifetime } = policyOf(context)
  const observed = validating(() =>
    observeCreation(suite1(context.crypto), groupInfo, ratchetTree, now, maximumLifetime),
  )
  const { extensions, signer, signature } = observed.groupInfo
  return {
    state: observed.state,
    tree: observed.tree,
    groupInfo: { extensions: encodeExtensions(extensions), signer, signature },
  }
}

import { HASH_BYTES } from "../limits.ts"
import { decodeExtensions, type StagedCommit, verifyGroupInfo } from "../mls/index.ts"
import { suite1 } from "../mls/suites/suite1.ts"
import { monthOf } from "../month.ts"
import type { Unit } from "../store/database.ts"
import { equal, utf8 } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"
import { encodeQueueMessage } from "../wire/queue-message.ts"
import { Writer } from "../wire/tls.ts"
import { type CommitContent, checkStoreCovered } from "./content-rules.ts"
import { type DsContext, nowSeconds, submitPrepared } from "./context.ts"
import { Addressee, address, deliveringUnit, toOthers } from "./fan-out.ts"
import type { GroupInfoRest, Head } from "./head.ts"
import { keepHouse } from "./housekeeping.ts"
import { memberAt, withTickets } from "./members.ts"
import { type AcceptedCommit, nextHead, nextTreeRecord } from "./next-state.ts"
import { type ObservedCommit, observe } from "./observe.ts"
import { operationRules as rules } from "./operation-rules.ts"
import type { GroupKey, OpenedGroup } from "./records.ts"
import { allow, validating } from "./refusal.ts"
import { checkAdmin } from "./roles.ts"
import { changeRows, groupUnchanged } from "./store.ts"
import { type TreeRecord, wipeTree } from "./tree-record.ts"

/** What every operation with a commit is sent. */
export interface CommitParams extends GroupKey {
  readonly commit: Uint8Array
  readonly groupInfo: { readonly extensions: Uint8Array; readonly signature: Uint8Array }
}

/** One operation with a commit, as far as it differs from the others. */
export interface CommitRequest<P extends CommitParams> {
  /** Its name: a commit that was accepted for one operation is not a repetition in another. */
  readonly operation: string
  readonly claimed: P
  /** The leaf that signed the request; undefined where knowing the EAR key is enough. */
  readonly caller: number | undefined
  readonly adminsOnly: boolean
  /** Whether stored proposals are committed with it; all others wait until the store is empty. */
  readonly commitsProposals: boolean
  /** Refuses callers who may not; the head is undefined for unknown groups and wrong keys. */
  authorize(head: Head | undefined, commitHash: Uint8Array): P
  check(observed: ObservedCommit, params: P): CommitContent
  /** Encoded QueueMessages for the newcomers, in their order, if the operation has some. */
  welcomes?(staged: StagedCommit, params: P): readonly Uint8Array[]
}

/**
 * Validates a commit, makes the next state of it and sends it to the members: in one unit, which the head's salt
 * guards, so that of all commits for an epoch exactly one is accepted. The same commit again, by a client that did not
 * get the answer, gets the same answer and changes nothing.
 *
 * @throws Problem `auth.refused`, `ds.wrong-epoch`, `ds.invalid-message`, `ds.not-allowed`, `ds.group-too-large`,
 *   `ds.fan-out-too-large`, `queue.full`, `server.overloaded`
 */
export async function commit<P extends CommitParams>(
  context: DsContext,
  request: CommitRequest<P>,
): Promise<void> {
  const hash = hashCommit(context, request.operation, request.claimed.commit)
  await submitPrepared(context, () => prepare(context, request, hash))
}

/** SHA-256(TLS { opaque operation<V>; opaque commit<V> }). */
function hashCommit(context: DsContext, operation: string, message: Uint8Array): Uint8Array {
  const writer = new Writer(message.length + HASH_BYTES)
  return context.crypto.sha256(writer.opaque(utf8(operation)).opaque(message).view())
}

function prepare<P extends CommitParams>(
  context: DsContext,
  request: CommitRequest<P>,
  hash: Uint8Array,
): Unit | undefined {
  const group = context.records.openHead(request.claimed)
  try {
    const params = request.authorize(group?.value, hash)
    if (group === undefined) throw new Problem("auth.refused")
    if (isRepetition(group.value, request.caller, hash)) return undefined
    const tree = context.records.openTree(group, params)
    try {
      return stage(context, request, params, group, tree.value, hash)
    } finally {
      tree.wipe()
    }
  } finally {
    group?.wipe()
  }
}

/** The caller sent the commit that led into the current epoch again. Who joins by a commit has no leaf before it. */
function isRepetition({ lastCommit }: Head, caller: number | undefined, hash: Uint8Array): boolean {
  if (lastCommit === undefined || !equal(lastCommit.hash, hash)) return false
  return caller === undefined || caller === lastCommit.leaf
}

/**
 * The key with which a member signs requests: the leaf's, or for a repetition the one that signed the first time, since
 * the client does not know yet that its commit, and with it a new key, was accepted.
 */
export function requestKey(
  head: Head | undefined,
  leaf: number | undefined,
  commitHash: Uint8Array,
): Uint8Array | undefined {
  if (head === undefined || leaf === undefined) return undefined
  if (isRepetition(head, leaf, commitHash)) return head.lastCommit?.requestKey
  return memberAt(head.leaves, leaf)?.signatureKey
}

function stage<P extends CommitParams>(
  context: DsContext,
  request: CommitRequest<P>,
  params: P,
  group: OpenedGroup,
  record: TreeRecord,
  hash: Uint8Array,
): Unit {
  const { caller } = request
  const observed = observe(context, group.value, record, { commit: params.commit, caller })
  const { staged } = observed
  try {
    // After the epoch: an admin may be none any more by a later commit, and has to learn that there was one.
    if (request.adminsOnly) checkAdmin(group.value, caller)
    checkStore(request, observed)
    const content = request.check(observed, params)
    const groupInfo = checkGroupInfo(context, staged, params)
    const month = monthOf(context.now())
    const welcomes = request.welcomes?.(staged, params) ?? []
    const accepted = { staged, content, groupInfo, hash, caller, month, now: nowSeconds(context) }
    return acceptingUnit(context, params, group, record, accepted, welcomes)
  } finally {
    wipeTree(staged.tree)
  }
}

function checkStore(request: { readonly commitsProposals: boolean }, observed: ObservedCommit): void {
  if (request.commitsProposals) checkStoreCovered(observed)
  else if (observed.stored.length > 0) throw new Problem("ds.proposals-pending")
}

/** The next GroupInfo must verify before the commit is accepted, or nobody could join afterwards. */
function checkGroupInfo(context: DsContext, staged: StagedCommit, params: CommitParams): GroupInfoRest {
  const { extensions, signature } = params.groupInfo
  const { next, tree, committerLeaf: signer } = staged
  validating(() =>
    verifyGroupInfo(suite1(context.crypto), next, tree, decodeExtensions(extensions), signer, signature),
  )
  return { extensions, signer, signature }
}

function acceptingUnit(
  context: DsContext,
  params: CommitParams,
  group: OpenedGroup,
  record: TreeRecord,
  accepted: AcceptedCommit,
  welcomes: readonly Uint8Array[],
): Unit {
  const { fanout, records } = context
  const head = nextHead(group.value, accepted)
  const newcomers = accepted.content.newcomers.map(
    (newcomer, i) => new Addressee({ ...newcomer, ticket: undefined }, welcomes[i]),
  )
  const message = encodeQueueMessage({ type: "mls", groupId: params.groupId, message: params.commit })
  const others = toOthers(group.value, accepted.caller, message)
  const { deliveries, tickets, dead } = address(fanout, [...others, ...newcomers])
  allow(
    newcomers.every(({ member }) => !dead.has(member.leaf)),
    rules.livingQueue,
  )
  const next = { ...head, leaves: withTickets(head.leaves, tickets) }
  const kept = keepHouse(context, group.stored, next, { active: accepted.staged.committerLeaf, dead })
  const rows = changeRows(group.stored, {
    month: accepted.month,
    head: records.sealHead(params, kept.head),
    tree: records.sealTree(params, head.treeWrites, nextTreeRecord(record, accepted)),
  })
  const all = [...deliveries, ...kept.deliveries]
  return deliveringUnit(fanout, [groupUnchanged(group.stored)], [...rows, ...kept.rows], all)
}

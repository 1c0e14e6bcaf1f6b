import { wipe } from "../crypto/wipe.ts"
import { decodeMlsMessage } from "../mls/codec/message.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { ds } from "../wire/ds.ts"
import { encodeContent } from "./content.ts"
import { ClientError, isSilence } from "./errors.ts"
import type { StoredEvent } from "./event-records.ts"
import { ownFriendship } from "./friendship-package.ts"
import { changeEvents } from "./group-events.ts"
import type { ContentKind, MemberRecord, OwnLeafLife, PendingOperation } from "./group-records.ts"
import type { GroupSession, GroupState } from "./group-session.ts"
import type { StagedCommit } from "./mls/member.ts"
import { pause } from "./pace.ts"
import { decodeReceipts, markSent, ofMembers } from "./receipts.ts"
import { sendersAfter } from "./senders.ts"
import type { Signer } from "./transport.ts"

/**
 * Changing a group. An operation is stored before it is sent and goes when its fate is known:
 *
 * - A message that came too late for its epoch is encrypted again for the next one.
 * - A commit that lost its epoch is made again, after the winner's has come from the queue.
 * - A commit of which nobody knows whether it was accepted is repeated: the DS answers an identical commit with
 *   success. If the group has moved on meanwhile, the queue tells: another's commit for the same epoch means that ours
 *   lost, anything of a later epoch that it was accepted (incoming.ts).
 */

type PendingSend = Extract<PendingOperation, { kind: "send" }>
type PendingLeave = Extract<PendingOperation, { kind: "leave" }>
export type PendingCommit = Extract<PendingOperation, { kind: "commit" }>

/** How often a commit is made again because others were faster. */
const ATTEMPTS_MAX = 20
/** By how much the random wait before the next one grows, so that of many who compete each gets a turn. */
const CONTENTION_MILLISECONDS = 20

/** The body of a message, made when it is its turn; undefined: there is nothing left to send. */
type MakeBody = (state: GroupState) => Uint8Array | undefined

/** Sends one message; resolves with its sequence number when the server has accepted it. */
export async function sendContent(
  session: GroupSession,
  content: ContentKind,
  makeBody: MakeBody,
): Promise<number> {
  let sent = 0
  await carryOut(session, async (state) => {
    const body = makeBody(state)
    if (body === undefined) return { state, consumed: [] }
    const { sequence } = state.facts
    sent = sequence
    const pending = { kind: "send" as const, id: freshId(session), content, sequence, body }
    return await encrypted({ ...state, facts: { ...state.facts, sequence: sequence + 1 } }, pending)
  })
  return sent
}

/**
 * Carries a commit out that `make` stages for the current epoch. It is called again when the epoch was lost, and may then
 * find that there is nothing left to do.
 */
export function commitChange(
  session: GroupSession,
  make: (state: GroupState) => Promise<Omit<PendingCommit, "kind" | "id"> | undefined>,
): Promise<void> {
  return carryOut(session, async (state) => {
    const made = await make(state)
    if (made === undefined) return { state, consumed: [] }
    const pending: PendingCommit = { kind: "commit", id: freshId(session), ...made }
    return { state: { ...state, facts: { ...state.facts, pending } }, consumed: [] }
  })
}

/** Proposes that this client leaves; again in the next epoch if this one ends before the server has it. */
export function proposeLeaving(session: GroupSession): Promise<void> {
  return carryOut(session, async ({ member, facts }) => {
    const { message: proposal, next } = await member.leave()
    const pending = { kind: "leave" as const, id: freshId(session), proposal }
    return { state: { member: next, facts: { ...facts, pending } }, consumed: [] }
  })
}

/** The parts of a pending commit that the staged one gives. */
export function stagedParts(staged: StagedCommit, nextMembers: MemberRecord[], nextLeaf: OwnLeafLife) {
  const { extensions, signature } = staged.next.groupInfo()
  return {
    commit: staged.commit,
    extensions,
    signature,
    welcome: staged.welcome ?? null,
    attributions: [] as Uint8Array[],
    queueConfig: null,
    next: staged.next.serialize(),
    nextMembers,
    nextLeaf,
  }
}

/** Finds out what became of an operation that was under way when the client stopped, and finishes it. */
export async function finishPending(session: GroupSession): Promise<void> {
  const id = session.current?.facts.pending?.id
  if (id !== undefined) await carryOut(session, undefined, id)
}

function freshId(session: GroupSession): string {
  return toHex(session.context.crypto.random(8))
}

/** The next state, with the operation as pending, and keys to overwrite once that is stored. */
interface Planned {
  readonly state: GroupState
  readonly consumed: readonly Uint8Array[]
}

type Plan = (state: GroupState) => Promise<Planned>
/** `uncovered`: an update that did not refer to proposals which are still on their way to this client. */
type Outcome = "accepted" | "lost" | "unknown" | "uncovered"

/** What an application asks for at the same time is done in that order: messages arrive as they were sent. */
function carryOut(session: GroupSession, plan: Plan | undefined, resumed?: string): Promise<void> {
  return session.inTurn(() => carryOutNow(session, plan, resumed))
}

async function carryOutNow(session: GroupSession, plan: Plan | undefined, resumed?: string): Promise<void> {
  let own = resumed
  let attempts = 0
  /** An epoch that the server has left: nothing can be sent before the commit that ended it has come. */
  let left: bigint | undefined
  const refused = (): false => {
    if (plan !== undefined) left = session.state.member.epoch
    return false
  }
  while (attempts < ATTEMPTS_MAX) {
    const { version } = session
    const done = await session.locked(async () => {
      if (own !== undefined && session.accepted.delete(own)) return true
      if (left !== undefined && session.state.member.epoch === left) return false
      attempts += 1
      const before = session.state.facts.pending
      if (before !== null) {
        const outcome =
          before.id === own ? await submit(session, before, true) : await settle(session, before)
        if (outcome === "uncovered") return false
        if (outcome !== "accepted") return refused()
        if (session.accepted.delete(own ?? "")) return true
      }
      // An operation that was resumed and lost its epoch is given up: nobody waits for it.
      if (plan === undefined) return true
      const next = await plan(session.state)
      const { pending } = next.state.facts
      if (pending === null) return true
      own = pending.id
      await store(session, next)
      const outcome = await submit(session, pending, false)
      if (outcome === "uncovered") return false
      if (outcome !== "accepted") return refused()
      return session.accepted.delete(own)
    })
    if (done) return
    await session.changedSince(version)
    if (session.current?.member.epoch !== left) {
      await pause(Math.random() * attempts * CONTENTION_MILLISECONDS, session.context.signal)
    }
  }
  throw new ClientError("client.contended")
}

/** Another operation is in the way: finishes it first. That it is refused concerns only whoever began it. */
async function settle(session: GroupSession, pending: PendingOperation): Promise<Outcome> {
  try {
    return await submit(session, pending, true)
  } catch (error) {
    if (session.current?.facts.pending !== null) throw error
    return "accepted"
  }
}

/** Sends what is pending. `repeated`: an earlier attempt may have reached the server. Called under the lock. */
async function submit(session: GroupSession, pending: PendingOperation, repeated: boolean): Promise<Outcome> {
  if (pending.kind === "send") return await submitMessage(session, pending)
  if (pending.kind === "leave") return await submitLeaving(session, pending)
  try {
    await call(session, pending)
  } catch (error) {
    if (!(error instanceof ClientError) || isSilence(error)) throw error
    return await refusedCommit(session, pending, error, repeated || error.ambiguous)
  }
  await accept(session, pending)
  return "accepted"
}

async function accept(session: GroupSession, pending: PendingCommit): Promise<void> {
  if (pending.operation === "deleteGroup") {
    session.accepted.add(pending.id)
    await session.write(undefined)
    return
  }
  const { state, events } = acceptCommit(session, session.state, pending)
  await session.write(state, events)
}

/** `uncertain`: an earlier attempt may have been accepted. */
async function refusedCommit(
  session: GroupSession,
  pending: PendingCommit,
  error: ClientError,
  uncertain: boolean,
): Promise<Outcome> {
  const { operation } = pending
  // What these lead to is refused in another way: there is no group any more, or it has two members.
  const once = operation === "joinConnectionGroup" || operation === "deleteGroup"
  if (error.code === "ds.wrong-epoch") {
    if (uncertain && !once) return "unknown"
    await session.write(withoutPending(session.state))
    return "lost"
  }
  if (error.code === "ds.proposals-pending" && operation === "updateClient") {
    await session.write(withoutPending(session.state))
    return "uncovered"
  }
  const refused = error.code === "auth.refused"
  if (uncertain && refused && operation === "deleteGroup") {
    await accept(session, pending)
    return "accepted"
  }
  // If it was accepted and other commits followed, the DS knows the key of the new leaf only: the queue will tell.
  if (uncertain && refused && operation === "updateClient") return "unknown"
  if (!(uncertain && refused)) await giveUp(session, pending)
  throw error
}

/** Whoever proposed it before, and does not know, gets the same answer. */
async function submitLeaving(session: GroupSession, pending: PendingLeave): Promise<Outcome> {
  const { groupId } = session
  const { earKey } = session.state.facts
  const params = { groupId, earKey, proposal: pending.proposal }
  try {
    await session.context.transport.call(ds.selfRemove, params, signer(session))
  } catch (error) {
    if (!(error instanceof ClientError) || isSilence(error)) throw error
    await session.write(withoutPending(session.state))
    if (error.code === "ds.wrong-epoch") return "lost"
    throw error
  }
  session.accepted.add(pending.id)
  await session.write(withoutPending(session.state))
  return "accepted"
}

/** A refused join leaves nothing of the group. */
async function giveUp(session: GroupSession, pending: PendingOperation): Promise<void> {
  const joining = pending.kind === "commit" && pending.operation === "joinConnectionGroup"
  await session.write(joining ? undefined : withoutPending(session.state))
}

async function submitMessage(session: GroupSession, before: PendingSend): Promise<Outcome> {
  let pending = before
  if (messageEpoch(pending.message) !== session.state.member.epoch) {
    const next = await encrypted(session.state, pending)
    await store(session, next)
    if (next.state.facts.pending?.kind === "send") pending = next.state.facts.pending
  }
  const { groupId } = session
  const { earKey } = session.state.facts
  try {
    const { message } = pending
    await session.context.transport.call(ds.sendMessage, { groupId, earKey, message }, signer(session))
  } catch (error) {
    if (!(error instanceof ClientError) || isSilence(error)) throw error
    if (error.code === "ds.wrong-epoch") return "unknown"
    await session.write(withoutPending(session.state))
    throw error
  }
  const { member, facts } = withoutPending(session.state)
  const owesFriendship = facts.owesFriendship && !paysFriendship(session, pending)
  const isReceipt = pending.content === "receipt"
  const receipts = isReceipt ? markSent(facts.receipts, decodeReceipts(pending.body)) : facts.receipts
  session.accepted.add(pending.id)
  await session.write({ member, facts: { ...facts, owesFriendship, receipts } })
  return "accepted"
}

/** A package that was replaced while it was under way pays nothing. */
function paysFriendship({ context }: GroupSession, { content, body }: PendingSend): boolean {
  return content === "friendship" && equal(body, ownFriendship(context.account))
}

async function store(session: GroupSession, { state, consumed }: Planned): Promise<void> {
  await session.write(state)
  wipe(...consumed)
}

async function encrypted(state: GroupState, pending: Omit<PendingSend, "message">): Promise<Planned> {
  const { content: kind, sequence, body } = pending
  const plaintext = encodeContent({ kind, sequence, body })
  const { message, next, consumed } = await state.member.encrypt(plaintext)
  wipe(plaintext)
  return { state: { member: next, facts: { ...state.facts, pending: { ...pending, message } } }, consumed }
}

function messageEpoch(message: Uint8Array): bigint {
  const decoded = decodeMlsMessage(message)
  if (decoded.kind !== "privateMessage") throw new ClientError("client.damaged-store")
  return decoded.message.epoch
}

export function withoutPending(state: GroupState): GroupState {
  return { ...state, facts: { ...state.facts, pending: null } }
}

/** The state after the own commit was accepted, and what it means for the application. */
export function acceptCommit(
  session: GroupSession,
  state: GroupState,
  pending: PendingCommit,
): { readonly state: GroupState; readonly events: StoredEvent[] } {
  const { membership } = session.context
  const member = membership.restore(pending.next)
  const { nextMembers: members } = pending
  const own = members.find(({ leaf }) => leaf === member.leaf)?.user ?? ""
  session.accepted.add(pending.id)
  const senders = sendersAfter(state.facts, state.member.epoch, members)
  const receipts = ofMembers(state.facts.receipts, members)
  const life = { ownLeaf: pending.nextLeaf, behind: false }
  const next = { member, facts: { ...withoutPending(state).facts, ...senders, ...life, receipts } }
  return { state: next, events: changeEvents(session.id, state, next, own) }
}

export function signer({ state }: GroupSession): Signer {
  return { sender: { kind: "leaf", leaf: state.member.leaf }, seed: state.member.signatureSeed }
}

async function call(session: GroupSession, pending: PendingCommit): Promise<void> {
  const { transport } = session.context
  const { commit, extensions, signature, welcome, attributions, queueConfig } = pending
  const { earKey } = session.state.facts
  const params = { groupId: session.groupId, earKey, commit, groupInfo: { extensions, signature } }
  if (pending.operation === "removeUsers") await transport.call(ds.removeUsers, params, signer(session))
  else if (pending.operation === "updateClient")
    await transport.call(ds.updateClient, params, signer(session))
  else if (pending.operation === "changeRoles") await transport.call(ds.changeRoles, params, signer(session))
  else if (pending.operation === "addUsers" && welcome !== null) {
    await transport.call(ds.addUsers, { ...params, welcome, attributions }, signer(session))
  } else if (pending.operation === "joinConnectionGroup" && queueConfig !== null) {
    await transport.call(ds.joinConnectionGroup, { ...params, queueConfig })
  } else if (pending.operation === "deleteGroup") {
    const { groupId, earKey: key } = params
    await transport.call(ds.deleteGroup, { groupId, earKey: key, commit }, signer(session))
  } else throw new ClientError("client.damaged-store")
}

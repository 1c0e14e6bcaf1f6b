import { wipe } from "../crypto/wipe.ts"
import { decodeMlsMessage } from "../mls/codec/message.ts"
import { toHex } from "../wire/bytes.ts"
import { befriend } from "./befriending.ts"
import { decodeCommitData, decodeContent } from "./content.ts"
import { ownUser } from "./context.ts"
import type { StoredEvent } from "./event-records.ts"
import { changeEvents, whoRemoved } from "./group-events.ts"
import { acceptCommit, withoutPending } from "./group-operations.ts"
import type { MemberRecord } from "./group-records.ts"
import type { GroupSession, GroupState } from "./group-session.ts"
import { verifyLeaf } from "./leaves.ts"
import type { MemberLeaf, ProcessedCommit } from "./mls/member.ts"
import { decodeReceipts, ofMembers, take } from "./receipts.ts"
import type { Connection } from "./records.ts"
import { isRefusal } from "./refusal.ts"
import { sendersAfter, takeFrom } from "./senders.ts"
import type { StoreChange } from "./store.ts"

/** What a message from the queue makes of a group. */
interface Step {
  /** Undefined: this client was removed. */
  readonly state: GroupState | undefined
  readonly events: readonly StoredEvent[]
  readonly changes: readonly StoreChange[]
  /** Keys to overwrite once the step is stored. */
  readonly consumed: readonly Uint8Array[]
}

/**
 * Takes MLSMessages that another member or the DS sent. Whatever does not verify is passed over; `progress` is stored in
 * any case, in one transaction with what the messages changed.
 */
export function takeMessages(
  session: GroupSession,
  messages: readonly Uint8Array[],
  progress: StoreChange,
): Promise<void> {
  return session.locked(async () => {
    const before = session.current
    if (before === undefined) {
      await session.context.store.transaction([progress])
      return
    }
    let step: Step = { state: before, events: [], changes: [], consumed: [] }
    for (const message of messages) {
      if (step.state !== undefined) step = after(step, await process(session, step.state, message))
    }
    await session.write(step.state, step.events, [...step.changes, progress])
    wipe(...step.consumed)
  })
}

function after(first: Step, then: Step): Step {
  return {
    state: then.state,
    events: [...first.events, ...then.events],
    changes: [...first.changes, ...then.changes],
    consumed: [...first.consumed, ...then.consumed],
  }
}

interface Header {
  readonly kind: "commit" | "proposal" | "application"
  readonly epoch: bigint
}

function readHeader(message: Uint8Array): Header | undefined {
  try {
    const decoded = decodeMlsMessage(message)
    if (decoded.kind === "publicMessage") {
      const { content, epoch } = decoded.message.framed
      return { kind: content.kind, epoch }
    }
    if (decoded.kind === "privateMessage") return { kind: "application", epoch: decoded.message.epoch }
  } catch (error) {
    if (!isRefusal(error)) throw error
  }
  return undefined
}

async function process(session: GroupSession, before: GroupState, message: Uint8Array): Promise<Step> {
  const header = readHeader(message)
  if (header === undefined) return unchanged(before)
  const resolved = resolvePending(session, before, header)
  const { state } = resolved
  try {
    const ahead = header.epoch > state.member.epoch
    const step = ahead ? fallBehind(session, state) : await takeOne(session, state, header, message)
    return { ...step, events: [...resolved.events, ...step.events] }
  } catch (error) {
    if (!isRefusal(error)) throw error
    const lost = header.kind === "commit" && header.epoch === state.member.epoch
    const step = lost ? fallBehind(session, state) : unchanged(state)
    return { ...step, events: [...resolved.events, ...step.events] }
  }
}

function unchanged(state: GroupState): Step {
  return { state, events: [], changes: [], consumed: [] }
}

/** The group has left this client behind: that is told once, until it can follow again. */
export function fallBehind({ id: group }: GroupSession, state: GroupState): Step {
  if (state.facts.behind) return unchanged(state)
  const events = [{ type: "failed" as const, group }]
  return { state: { ...state, facts: { ...state.facts, behind: true } }, events, changes: [], consumed: [] }
}

async function takeOne(
  session: GroupSession,
  state: GroupState,
  { kind, epoch }: Header,
  message: Uint8Array,
): Promise<Step> {
  switch (kind) {
    case "application":
      return await takeApplication(session, state, message)
    case "commit":
      return await takeCommit(session, state, epoch, message)
    case "proposal":
      return { state: await takeProposal(state, epoch, message), events: [], changes: [], consumed: [] }
  }
}

/** A proposal waits for the next update of some member. */
async function takeProposal(state: GroupState, epoch: bigint, message: Uint8Array): Promise<GroupState> {
  if (epoch !== state.member.epoch) return state
  return { ...state, member: await state.member.keepProposal(message) }
}

/** A commit of ours with an unknown fate: the message's epoch tells. */
function resolvePending(
  session: GroupSession,
  state: GroupState,
  header: Header,
): { readonly state: GroupState; readonly events: readonly StoredEvent[] } {
  const { pending } = state.facts
  if (pending?.kind !== "commit" || pending.operation === "joinConnectionGroup") return { state, events: [] }
  const isDeletion = pending.operation === "deleteGroup"
  if (header.epoch > state.member.epoch && !isDeletion) return acceptCommit(session, state, pending)
  const lost = header.kind === "commit" && header.epoch === state.member.epoch
  return { state: lost ? withoutPending(state) : state, events: [] }
}

async function takeCommit(
  session: GroupSession,
  state: GroupState,
  epoch: bigint,
  message: Uint8Array,
): Promise<Step> {
  const { facts, member } = state
  if (epoch !== member.epoch) return unchanged(state)
  const commit = await member.process(message)
  const by = facts.members.find(({ leaf }) => leaf === commit.sender)?.user ?? ""
  const { added, removed, external } = commit
  if (commit.selfRemoved) return over(session, state, by, commit)
  const replaced = added.length > 0 && removed.length > 0
  const sealed = decodeCommitData(commit.authenticatedData, { external, adds: added.length > 0 && !replaced })
  const kept = facts.members.filter(({ leaf }) => !removed.includes(leaf))
  const verified = await verifyAdded(session, state, added, sealed)
  const members = [...kept, ...verified].sort((a, b) => a.leaf - b.leaf)
  const senders = sendersAfter(facts, epoch, members)
  const receipts = ofMembers(facts.receipts, members)
  const { connection } = facts
  const answered = connection && { ...connection, peer: connection.peer ?? verified[0]?.user ?? null }
  const next = {
    member: commit.next,
    facts: { ...facts, ...senders, receipts, connection: answered, behind: false },
  }
  const events = changeEvents(session.id, state, next, by)
  return { state: next, events, changes: [], consumed: [] }
}

/** This client is no member any more. */
function over(
  { context, id: group }: GroupSession,
  state: GroupState,
  committer: string,
  { removed, added }: ProcessedCommit,
): Step {
  const by = whoRemoved(state, ownUser(context), committer)
  const gone = removed.filter((leaf) => !added.some((one) => one.leaf === leaf))
  const ended = gone.length === state.member.members().length - 1
  const events = state.facts.connection === null ? [{ type: "left" as const, group, by, ended }] : []
  return { state: undefined, events, changes: [], consumed: [] }
}

/** Those of the new members whose credentials verify; the others stay nameless, and what they send is not handed over. */
async function verifyAdded(
  session: GroupSession,
  { facts }: GroupState,
  added: readonly MemberLeaf[],
  sealed: readonly Uint8Array[],
): Promise<MemberRecord[]> {
  const { crypto, trust, transport } = session.context
  const verified: MemberRecord[] = []
  for (const [index, leaf] of added.entries()) {
    const credential = sealed[index]
    if (credential === undefined) continue
    try {
      const now = transport.now()
      const { record } = await verifyLeaf(crypto, trust, "group", facts.credentialKey, leaf, credential, now)
      if (isExpected(session, facts.connection, record)) verified.push(record)
    } catch (error) {
      if (!isRefusal(error)) throw error
    }
  }
  return verified
}

/** Into a connection group comes whoever was asked, and nobody who is blocked. */
function isExpected(
  { context }: GroupSession,
  connection: Connection | null,
  { user }: MemberRecord,
): boolean {
  if (connection === null) return true
  return (connection.peer ?? user) === user && !context.blocked.has(user)
}

async function takeApplication(session: GroupSession, state: GroupState, message: Uint8Array): Promise<Step> {
  const opened = await state.member.decrypt(message)
  const { consumed } = opened
  const passed = { ...state, member: opened.next }
  const nothing: Step = { state: passed, events: [], changes: [], consumed }
  const { facts } = state
  const content = decodeContent(opened.plaintext)
  const taken = takeFrom(facts, opened, content.sequence)
  if (taken === undefined) return nothing
  const { author, isFirst } = taken
  const next = { member: opened.next, facts: { ...facts, ...taken.senders } }
  const { kind, sequence: number, body } = content
  if (kind === "application") {
    const { user: sender, client } = author
    const name = { group: session.id, sender, client: toHex(client), message: number }
    const event = { type: "message" as const, ...name, bytes: body }
    return { ...unchanged(next), events: facts.connection === null ? [event] : [], consumed }
  }
  if (kind === "receipt") return { ...takeReceipts(session, next, author, body), consumed }
  const { user: sender } = author
  const isPeer = facts.connection?.peer === sender && !session.context.blocked.has(sender)
  if (facts.connection === null || !isPeer) return { ...unchanged(next), consumed }
  const befriended = await befriend(session, facts.connection, sender, body, isFirst)
  return { state: next, ...befriended, consumed }
}

/** Somebody says what became of messages. */
function takeReceipts(
  { context, id: group }: GroupSession,
  state: GroupState,
  { user, client }: MemberRecord,
  body: Uint8Array,
): Step {
  const { facts } = state
  if (facts.connection !== null) return unchanged(state)
  const own = { client: context.account.clientId, sent: facts.sequence }
  const { states: receipts, news } = take(facts.receipts, decodeReceipts(body), client, own)
  const events = news.map(({ status, through }) => {
    return { type: "receipt" as const, group, user, client: toHex(client), status, through }
  })
  return { ...unchanged({ ...state, facts: { ...facts, receipts } }), events }
}

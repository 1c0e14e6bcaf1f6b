import { wipe } from "../crypto/wipe.ts"
import { equal } from "../wire/bytes.ts"
import { encodeExternalCommitData } from "../wire/commit-data.ts"
import { ds } from "../wire/ds.ts"
import type { Result } from "../wire/endpoint.ts"
import { ClientError } from "./errors.ts"
import type { GroupSession } from "./group-session.ts"
import { verifyMembers } from "./joining.ts"
import { leafWithKey, sealForGroup } from "./leaves.ts"
import { MemberError } from "./mls/member.ts"
import { pause } from "./pace.ts"
import { sendersAfter } from "./senders.ts"

/** How often it is tried again because somebody changed the group meanwhile. */
const ATTEMPTS_MAX = 10
/** By how much the random wait before the next attempt grows. */
const CONTENTION_MILLISECONDS = 20

/** A leaf of the group's tree, and the seed of its signature key. */
interface Seat {
  readonly leaf: number
  readonly seed: Uint8Array
}

/**
 * Joins a group again by an external commit that replaces the own leaf, under the same signature key. What was under way
 * is given up. Throws ClientError `client.contended`, `ds.proposals-pending`, `client.invalid`, also if the client was removed
 * and does not know it yet.
 */
export async function resync(session: GroupSession): Promise<void> {
  const { signal, trust } = session.context
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    try {
      await session.locked(() => joinAgain(session))
      return
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== "ds.wrong-epoch") throw trust.explain(error)
    }
    await pause(Math.random() * attempt * CONTENTION_MILLISECONDS, signal)
  }
  throw new ClientError("client.contended")
}

async function joinAgain(session: GroupSession): Promise<void> {
  const { context, groupId, state } = session
  const { earKey } = state.facts
  const info = await context.transport.call(ds.externalCommitInfo, { groupId, earKey })
  const seat = ownSeat(session, info.ratchetTree)
  try {
    await replaceLeaf(session, info, seat)
  } finally {
    wipe(seat.seed)
  }
}

/**
 * Where this client is in the group, which may not be where it thinks: an earlier attempt may have been accepted and never
 * stored, and have led to another leaf, and an update that is still pending to another key. Throws MemberError if it is
 * nowhere.
 */
function ownSeat({ context, state }: GroupSession, ratchetTree: Uint8Array): Seat {
  const { crypto, membership } = context
  const members = membership.membersOf(ratchetTree)
  const find = (seed: Uint8Array): Seat | undefined => {
    const key = crypto.ed25519Public(seed)
    const found = members.find(({ signatureKey }) => equal(signatureKey, key))
    return found && { leaf: found.leaf, seed: seed.slice() }
  }
  const { pending } = state.facts
  let seat = find(state.member.signatureSeed)
  if (seat === undefined && pending?.kind === "commit") {
    const updated = membership.restore(pending.next)
    seat = find(updated.signatureSeed)
    updated.wipe()
  }
  if (seat === undefined) throw new MemberError("own leaf")
  return seat
}

async function replaceLeaf(
  session: GroupSession,
  info: Result<typeof ds.externalCommitInfo>,
  { leaf: replaced, seed }: Seat,
): Promise<void> {
  const { context, groupId, state } = session
  const { identity, crypto, membership, transport } = context
  const account = await identity.current()
  const { facts, member } = state
  const { earKey, credentialKey } = facts
  const { leaf, publicKey, owner, life } = leafWithKey(crypto, account, seed, transport.now())
  const data = encodeExternalCommitData(sealForGroup(crypto, credentialKey, publicKey, owner))
  const staged = await membership.joinExternal(info.groupInfo, info.ratchetTree, leaf, data, replaced)
  const others = staged.next.members().filter((one) => one.leaf !== staged.next.leaf)
  const list = { members: () => others }
  const verified = await verifyMembers(session, list, credentialKey, info.encryptedCredentials)
  const { extensions, signature } = staged.next.groupInfo()
  const params = { groupId, earKey, commit: staged.commit, groupInfo: { extensions, signature } }
  await transport.call(ds.resync, params, { sender: { kind: "leaf", leaf: replaced }, seed })
  const own = facts.members.filter((one) => one.leaf === member.leaf)
  const members = [...verified, ...own.map((one) => ({ ...one, leaf: staged.next.leaf }))]
  members.sort((a, b) => a.leaf - b.leaf)
  const senders = sendersAfter(facts, staged.next.epoch - 1n, members)
  await session.write({
    facts: { ...facts, ...senders, ownLeaf: life, pending: null, behind: false },
    member: staged.next,
  })
}

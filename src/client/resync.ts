import { encodeExternalCommitData } from "../wire/commit-data.ts"
import { ds } from "../wire/ds.ts"
import { ClientError } from "./errors.ts"
import { signer } from "./group-operations.ts"
import type { GroupSession } from "./group-session.ts"
import { verifyMembers } from "./joining.ts"
import { leafWithKey, sealForGroup } from "./leaves.ts"
import { pause } from "./pace.ts"

/** How often it is tried again because somebody changed the group meanwhile. */
const ATTEMPTS_MAX = 10
/** By how much the random wait before the next attempt grows. */
const CONTENTION_MILLISECONDS = 20

import { sendersAfter } from "./senders.ts"

/**
 * Joins a group again by an external commit that replaces the own leaf, under the same signature key. What was under way
 * is given up. Throws ClientError `client.contended`, `ds.proposals-pending`, `client.invalid`, also if the client was removed
 * and does not know it yet.
 */
export async function resync(session: GroupSession): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    try {
      await session.locked(() => joinAgain(session))
      return
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== "ds.wrong-epoch") throw error
    }
    await pause(Math.random() * attempt * CONTENTION_MILLISECONDS, session.context.signal)
  }
  throw new ClientError("client.contended")
}

async function joinAgain(session: GroupSession): Promise<void> {
  const { context, groupId, state } = session
  const { identity, crypto, membership, transport, trust } = context
  const account = await identity.current()
  const { facts, member } = state
  const { earKey, credentialKey } = facts
  const info = await transport.call(ds.externalCommitInfo, { groupId, earKey })
  const { leaf, publicKey, owner, life } = leafWithKey(crypto, account, member.signatureSeed, transport.now())
  const data = encodeExternalCommitData(sealForGroup(crypto, credentialKey, publicKey, owner))
  const prepare = async () => {
    const staged = await membership.joinExternal(info.groupInfo, info.ratchetTree, leaf, data, member.leaf)
    const others = staged.next.members().filter((one) => one.leaf !== staged.next.leaf)
    const list = { members: () => others }
    const verified = await verifyMembers(session, list, credentialKey, info.encryptedCredentials)
    return { staged, verified }
  }
  const { staged, verified } = await prepare().catch((error: unknown) => {
    throw trust.explain(error)
  })
  const { extensions, signature } = staged.next.groupInfo()
  const params = { groupId, earKey, commit: staged.commit, groupInfo: { extensions, signature } }
  await transport.call(ds.resync, params, signer(session))
  const own = facts.members.filter((one) => one.leaf === member.leaf)
  const members = [...verified, ...own.map((one) => ({ ...one, leaf: staged.next.leaf }))]
  members.sort((a, b) => a.leaf - b.leaf)
  const senders = sendersAfter(facts, staged.next.epoch - 1n, members)
  await session.write({
    facts: { ...facts, ...senders, ownLeaf: life, pending: null, behind: false },
    member: staged.next,
  })
}

import { wipe } from "../crypto/wipe.ts"
import { encodeUpdateClientData } from "../wire/commit-data.ts"
import { commitChange, stagedParts } from "./group-operations.ts"
import type { GroupSession, GroupState } from "./group-session.ts"
import { freshLeaf, sealForGroup } from "./leaves.ts"

/**
 * Whether a commit of this client is called for: somebody wants to leave, or the server proposed to remove somebody. If that is
 * this client itself, which was away for long, its update has it stay.
 */
export function hasRemovals({ member }: GroupState): boolean {
  return member.proposedRemovals().some(({ leaf, byItself }) => leaf !== member.leaf || !byItself)
}

/**
 * Takes a new pseudonym in a group, with keys and a leaf credential of its own that chain to the client credential as it
 * is now. The encrypted owner comes with the commit, so that members verify the new leaf as they did the old one. Without
 * this, members who join after the old leaf credential has ended would refuse the group. Whoever is proposed to be removed
 * goes with it. `isWanted` is asked in each epoch in which it is tried. Throws ClientError.
 */
export async function renewLeaf(
  session: GroupSession,
  isWanted: (state: GroupState) => boolean = () => true,
): Promise<void> {
  const { crypto, identity, transport } = session.context
  const account = await identity.current()
  await commitChange(session, async (state) => {
    if (!isWanted(state)) return undefined
    const { member, facts } = state
    const { leaf, publicKey, owner, life } = freshLeaf(crypto, account, transport.now())
    const sealed = sealForGroup(crypto, facts.credentialKey, publicKey, owner)
    const staged = await member.commit({ leaf, authenticatedData: encodeUpdateClientData(sealed) })
    wipe(leaf.signatureSeed)
    const stay = new Set(staged.next.members().map((one) => one.leaf))
    const members = facts.members.filter((one) => stay.has(one.leaf))
    return { operation: "updateClient" as const, ...stagedParts(staged, members, life) }
  })
}

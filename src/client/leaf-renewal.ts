import { wipe } from "../crypto/wipe.ts"
import { encodeUpdateClientData } from "../wire/commit-data.ts"
import { commitChange, stagedParts } from "./group-operations.ts"
import type { GroupSession } from "./group-session.ts"
import { freshLeaf, sealForGroup } from "./leaves.ts"

/**
 * Takes a new pseudonym in a group, with keys and a leaf credential of its own that chain to the client credential as it
 * is now. The encrypted owner comes with the commit, so that members verify the new leaf as they did the old one. Without
 * this, members who join after the old leaf credential has ended would refuse the group. Whoever is proposed to be removed
 * goes with it. Throws ClientError.
 */
export async function renewLeaf(session: GroupSession): Promise<void> {
  const { crypto, identity, transport } = session.context
  const account = await identity.current()
  await commitChange(session, async ({ member, facts }) => {
    const { leaf, publicKey, owner, life } = freshLeaf(crypto, account, transport.now())
    const sealed = sealForGroup(crypto, facts.credentialKey, publicKey, owner)
    const staged = await member.commit({ leaf, authenticatedData: encodeUpdateClientData(sealed) })
    wipe(leaf.signatureSeed)
    const stay = new Set(staged.next.members().map((one) => one.leaf))
    const members = facts.members.filter((one) => stay.has(one.leaf))
    return { operation: "updateClient", ...stagedParts(staged, members, life) }
  })
}

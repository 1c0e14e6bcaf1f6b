import { decodeKeyPackage } from "../../src/mls/codec/key-package.ts"
import type { LeafNode } from "../../src/mls/codec/leaf-node.ts"
import type { Member } from "../../src/mls/member/group.ts"
import { createKeyPackage, type OwnKeyPackage } from "../../src/mls/member/key-package.ts"
import { clientByCredential } from "../../src/mls/member/lineage.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { clock, lifetime, newLeaf } from "./member-fixtures.ts"

/** Groups that come from others (RFC 9420 sections 11.2 and 11.3), with all their members' steps. */

/** What creates such a group, and the keys by which the others join it. */
function heritage(suite: CipherSuite, creator: Member, others: readonly Member[]) {
  const leafOf = (member: Member) => {
    const { credential } = member.tree.leaf(member.leaf) as LeafNode
    return { ...newLeaf("", suite), credential }
  }
  const keys = others.map((member) => createKeyPackage(suite, leafOf(member), lifetime))
  const keyPackages = keys.map(({ keyPackage }) => decodeKeyPackage(keyPackage))
  const options = { ...clock, leaf: leafOf(creator), lifetime, keyPackages, clientOf: clientByCredential }
  return { keys, options }
}

/** The group that succeeds a reinitialized one; `members` in the order of `others`. */
export function succeed(suite: CipherSuite, creator: Member, others: readonly Member[]) {
  const { keys, options } = heritage(suite, creator, others)
  const made = creator.createSuccessor(suite, options)
  const join = { ratchetTree: made.next.tree.encode(), clientOf: clientByCredential }
  const members = others.map((member, i) =>
    member.joinSuccessor(suite, made.welcome as Uint8Array, keys[i] as OwnKeyPackage, join),
  )
  return { ...made, members }
}

/** A group of some of another's members: what its members are there, its creator first. */
export function branch(
  suite: CipherSuite,
  groupId: Uint8Array,
  creator: Member,
  others: readonly Member[],
): Member[] {
  const { keys, options } = heritage(suite, creator, others)
  const made = creator.createBranch({ ...options, groupId })
  const join = { ratchetTree: made.next.tree.encode(), clientOf: clientByCredential }
  const joined = others.map((member, i) =>
    member.joinBranch(made.welcome as Uint8Array, keys[i] as OwnKeyPackage, join),
  )
  return [made.next, ...joined]
}

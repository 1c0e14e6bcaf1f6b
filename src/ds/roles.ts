import { adminsAfter } from "../group/admins.ts"
import {
  type ContextExtensions,
  makeContextExtensions,
  readContextExtensions,
} from "../group/context-extensions.ts"
import { type Extension, encodeExtensions } from "../mls/index.ts"
import { equal, includesBytes, toHex } from "../wire/bytes.ts"
import { type CommitContent, checkCredentialKept, checkNoData } from "./content-rules.ts"
import type { Head } from "./head.ts"
import { memberAt } from "./members.ts"
import type { ObservedCommit } from "./observe.ts"
import { operationRules as rules } from "./operation-rules.ts"
import { allow, decodable } from "./refusal.ts"

/** Refuses extensions of a GroupContext that are not those of a group on this server. */
export function contextExtensionsOf(extensions: readonly Extension[]): ContextExtensions {
  return decodable(() => readContextExtensions(extensions), rules.contextExtensions)
}

/** Refuses a caller who is not an admin. */
export function checkAdmin(head: Head, caller: number | undefined): void {
  const { admins } = contextExtensionsOf(head.state.context.extensions)
  const member = caller === undefined ? undefined : memberAt(head.leaves, caller)
  allow(member !== undefined && includesBytes(admins, member.signatureKey), rules.admin)
}

/**
 * A commit that is not about roles has them follow who stays, by a GroupContextExtensions proposal where they change, so
 * that every admin is a member and there always is one.
 */
export function checkRolesFollow({ staged, before, extensions }: ObservedCommit): void {
  const current = contextExtensionsOf(extensions)
  const { removed, committerLeaf, tree } = staged
  const committer = { leaf: committerLeaf, key: tree.signatureKey(committerLeaf) }
  const admins = adminsAfter(current.admins, { before, removed, committer })
  const expected = encodeExtensions(makeContextExtensions({ ...current, admins }))
  allow(equal(encodeExtensions(staged.next.context.extensions), expected), rules.rolesFollow)
}

/** New roles alone, whose admins are members. */
export function checkChangeRoles(observed: ObservedCommit): CommitContent {
  const { staged, extensions } = observed
  const { proposals, tree, next } = staged
  allow(proposals.length === 1 && proposals[0]?.kind === "groupContextExtensions", rules.onlyRoles)
  checkNoData(observed)
  checkCredentialKept(observed)
  const { removalKey } = contextExtensionsOf(extensions)
  const { admins, removalKey: nextKey } = contextExtensionsOf(next.context.extensions)
  allow(equal(nextKey, removalKey), rules.removalKey)
  const keys = new Set(tree.members().map((leaf) => toHex(tree.signatureKey(leaf))))
  allow(
    admins.every((admin) => keys.has(toHex(admin))),
    rules.adminsAreMembers,
  )
  return { credentials: [], newcomers: [] }
}

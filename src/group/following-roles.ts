import type { Extension, Proposal } from "../mls/index.ts"
import { equal } from "../wire/bytes.ts"
import { adminsAfter, type KeyChange } from "./admins.ts"
import { makeContextExtensions, readContextExtensions } from "./context-extensions.ts"

/**
 * The proposal that a member's commit has to hold so that the roles follow who stays, or undefined if they stay as they
 * are. `extensions` are the GroupContext's before the commit. Throws CodecError if they are not a Cinder group's.
 */
export function followingRoles(extensions: readonly Extension[], change: KeyChange): Proposal | undefined {
  const current = readContextExtensions(extensions)
  const admins = adminsAfter(current.admins, change)
  const same =
    admins.length === current.admins.length && admins.every((key, i) => equal(key, current.admins[i]!))
  if (same) return undefined
  return { kind: "groupContextExtensions", extensions: makeContextExtensions({ ...current, admins }) }
}

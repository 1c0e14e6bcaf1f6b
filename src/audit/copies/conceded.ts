import { worldOf } from "../promise.ts"
import { stayed, type TableChange } from "./intervals.ts"

/**
 * What the promise concedes to whoever has several copies (docs/threat-model.md): tables in which single rows may be seen to
 * change, and worlds whose rows name nobody. Of anybody else's tables it concedes nothing.
 */

/** Groups change with every commit, profiles and credentials when their owners renew them, invitations when they are used. */
const CHANGING = new Set([
  ...["ds_group", "ds_head", "ds_tree", "ds_report"],
  ...["as_client", "as_profile", "as_invitation", "as_allowance", "veil_epochs"],
])

/** Whether it may be seen which rows of a table changed. */
export function mayChange(table: string): boolean {
  return CHANGING.has(table)
}

/** Entries, tokens and what is counted by the day or month come and go with everybody's doings, and lead back to nobody. */
const NAMELESS = new Set([
  "pool",
  "connection pool",
  "spent tokens",
  "token keys",
  "allowances",
  "invitations",
  "epochs",
])

/** Whether the rows of a world stand for somebody or something that could be linked with others. */
export function namesSomebody(world: string): boolean {
  return !NAMELESS.has(world)
}

/** Whether no row is left under its name: then all of them have new ones, and none can be told to have come. */
export function isNamedAnew(change: TableChange): boolean {
  return namesSomebody(worldOf(change.table)) && change.before > 0 && stayed(change) === 0
}

import { equal, toHex } from "../../wire/bytes.ts"
import { encodeCredential } from "../codec/credential.ts"
import { encodeExtensions } from "../codec/extension.ts"
import type { GroupContext } from "../codec/group-context.ts"
import type { ReInit } from "../codec/proposal.ts"
import { isSuccession, type PreSharedKeyId } from "../codec/psk.ts"
import { check } from "../error.ts"
import { leafAt, membersOf } from "../group/leaf-validity.ts"
import type { TreeView } from "../tree/view.ts"
import type { LeafContent } from "./leaf.ts"
import { memberRules } from "./rules.ts"
import { type MemberState, secretsOf } from "./state.ts"

/** How a group that comes from another one is held against it (RFC 9420 sections 11.2, 11.3 and 12.4.3.1). */

/**
 * Names the client that a leaf stands for, by the identifiers that the application finds in its credential: the same
 * name in two groups, the same client.
 */
export type ClientOf = (leaf: LeafContent) => string

/** {@link ClientOf} where a client has one credential in all of its groups. */
export function clientByCredential({ credential }: LeafContent): string {
  return toHex(encodeCredential(credential))
}

/** The group that another one comes from: by reinitialization, or as a branch of some of its members. */
export interface Parent {
  readonly usage: "reinit" | "branch"
  readonly state: MemberState
  readonly clientOf: ClientOf
}

/** What the group was reinitialized with. Throws MlsError if it was not. */
export function reInitOf(state: MemberState): ReInit {
  check(state.reInit !== undefined, memberRules.notReinitialized)
  return state.reInit
}

/** The resumption PSK of the parent that an id names, if its epoch is still kept. */
export function parentPsk({ state }: Parent, id: PreSharedKeyId): Uint8Array | undefined {
  if (id.kind !== "resumption" || !equal(id.groupId, state.group.context.groupId)) return undefined
  return secretsOf(state).resumptions.find(({ epoch }) => epoch === id.epoch)?.psk
}

/** Throws MlsError unless the PSKs of a Welcome tell of this parent, or of none. */
export function checkSuccession(psks: readonly PreSharedKeyId[], parent: Parent | undefined): void {
  const successions = psks.filter(isSuccession)
  check(successions.length <= 1, memberRules.welcomePsk)
  const [id] = successions
  const told = id === undefined ? parent === undefined : parent !== undefined && tellsOf(id, parent)
  check(told, memberRules.welcomeParent)
}

/** A successor begins where its parent ended; a branch may begin in any epoch of it. */
function tellsOf(id: PreSharedKeyId, { usage, state }: Parent): boolean {
  const { groupId, epoch } = state.group.context
  if (id.kind !== "resumption" || id.usage !== usage || !equal(id.groupId, groupId)) return false
  return usage === "branch" || id.epoch === epoch
}

/** Throws MlsError unless a group, whose tree was checked, is what a group of this parent has to be. */
export function checkLineage(parent: Parent, context: GroupContext, tree: TreeView): void {
  check(context.epoch === 1n, memberRules.welcomePsk)
  if (parent.usage === "reinit") checkParameters(reInitOf(parent.state), context)
  checkClients(parent, clientsOf(tree, parent.clientOf))
}

function checkParameters(reInit: ReInit, context: GroupContext): void {
  const same =
    equal(context.groupId, reInit.groupId) &&
    context.cipherSuite === reInit.cipherSuite &&
    equal(encodeExtensions(context.extensions), encodeExtensions(reInit.extensions))
  check(same, memberRules.successorParameters)
}

function clientsOf(tree: TreeView, clientOf: ClientOf): string[] {
  return membersOf(tree).map((leaf) => clientOf(leafAt(tree, leaf)))
}

/** Throws MlsError unless a successor has the same clients as its parent, or a branch no others. */
export function checkClients({ usage, state, clientOf }: Parent, clients: readonly string[]): void {
  const before = clientsOf(state.tree, clientOf)
  if (usage === "reinit") {
    const was = before.toSorted()
    const is = clients.toSorted()
    const same = is.length === was.length && is.every((client, i) => client === was[i])
    check(same, memberRules.successorMembers)
  } else {
    const known = new Set(before)
    check(
      clients.every((client) => known.has(client)),
      memberRules.branchMembers,
    )
  }
}

import { Problem } from "../wire/problem.ts"
import type { Caller } from "./authentication.ts"
import { type DsContext, nowSeconds } from "./context.ts"
import { type EncryptedCredential, listCredentials } from "./credentials.ts"
import { groupInfoOf } from "./head.ts"
import { findJoiner } from "./history.ts"
import type { GroupKey } from "./records.ts"
import { revertTo, type TreeOfEpoch, wipeTree } from "./tree-record.ts"

/** What those who join need to know of a group; none of it writes. */

export interface TreeInformation {
  readonly ratchetTree: Uint8Array
  readonly encryptedCredentials: EncryptedCredential[]
}

/** The current epoch, for whoever knows the EAR key. @throws Problem `auth.refused` */
export function externalCommitInfo(
  context: DsContext,
  params: GroupKey,
): TreeInformation & { readonly groupInfo: Uint8Array } {
  const group = context.records.openHead(params)
  if (group === undefined) throw new Problem("auth.refused")
  try {
    const tree = context.records.openTree(group, params)
    try {
      return { groupInfo: groupInfoOf(group.value), ...describe(tree.value) }
    } finally {
      tree.wipe()
    }
  } finally {
    group.wipe()
  }
}

/**
 * The epoch into which the caller's KeyPackage was added, until the caller has committed, is removed, or its KeyPackage
 * has expired. @throws Problem `auth.refused`
 */
export function welcomeInfo(
  context: DsContext,
  caller: Caller<GroupKey & { readonly epoch: number }>,
): TreeInformation {
  const group = context.records.openHead(caller.claimed)
  if (group === undefined) return caller.refuse()
  try {
    const tree = context.records.openTree(group, caller.claimed)
    try {
      const epoch = BigInt(caller.claimed.epoch)
      const ref = caller.keyPackageRef
      const joiner = ref && findJoiner(tree.value.history, epoch, ref, nowSeconds(context))
      caller.verify(joiner?.signatureKey)
      const then = revertTo(tree.value, epoch)
      const description = describe(then)
      if (then.tree !== tree.value.tree) wipeTree(then.tree)
      return description
    } finally {
      tree.wipe()
    }
  } finally {
    group.wipe()
  }
}

/** Copies, since the record is wiped. */
function describe({ tree, credentials }: TreeOfEpoch): TreeInformation {
  return {
    ratchetTree: tree.encode(),
    encryptedCredentials: listCredentials(credentials),
  }
}

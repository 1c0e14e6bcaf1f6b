import { seal } from "../crypto/hpke.ts"
import { labels } from "../crypto/labels.ts"
import type { StagedCommit } from "../mls/index.ts"
import { ds } from "../wire/ds.ts"
import type { Params } from "../wire/endpoint.ts"
import { Problem } from "../wire/problem.ts"
import { encodeQueueMessage } from "../wire/queue-message.ts"
import type { Caller } from "./authentication.ts"
import { type CommitParams, type CommitRequest, commit, requestKey } from "./commit.ts"
import {
  type CommitContent,
  checkAddUsers,
  checkJoinConnectionGroup,
  checkOwnCommit,
  checkRemoveUsers,
  checkResync,
  checkUpdateClient,
} from "./content-rules.ts"
import type { DsContext } from "./context.ts"
import type { ObservedCommit } from "./observe.ts"
import { validating } from "./refusal.ts"
import { checkChangeRoles, checkRolesFollow } from "./roles.ts"

/** The operations that commit (docs/protocol.md section 5.3); see {@link commit} for what they have in common. */

type AddUsers = Params<typeof ds.addUsers>
type JoinConnectionGroup = Params<typeof ds.joinConnectionGroup>

export async function addUsers(context: DsContext, caller: Caller<AddUsers>): Promise<void> {
  const request: CommitRequest<AddUsers> = {
    ...byMember(ds.addUsers.name, caller, followed(checkAddUsers)),
    adminsOnly: true,
    commitsProposals: false,
    welcomes: (staged, params) => welcomes(context, staged, params),
  }
  await commit(context, request)
}

export async function removeUsers(context: DsContext, caller: Caller<CommitParams>): Promise<void> {
  const request = byMember(ds.removeUsers.name, caller, followed(checkRemoveUsers))
  await commit(context, { ...request, adminsOnly: true, commitsProposals: false })
}

export async function updateClient(context: DsContext, caller: Caller<CommitParams>): Promise<void> {
  const request = byMember(ds.updateClient.name, caller, followed(checkUpdateClient))
  await commit(context, { ...request, adminsOnly: false, commitsProposals: true })
}

export async function changeRoles(context: DsContext, caller: Caller<CommitParams>): Promise<void> {
  const request = byMember(ds.changeRoles.name, caller, checkChangeRoles)
  await commit(context, { ...request, adminsOnly: true, commitsProposals: false })
}

/** Whoever knows the EAR key may join; the commit itself is signed by the leaf that joins. */
export async function joinConnectionGroup(context: DsContext, params: JoinConnectionGroup): Promise<void> {
  const request: CommitRequest<JoinConnectionGroup> = {
    operation: ds.joinConnectionGroup.name,
    claimed: params,
    caller: undefined,
    adminsOnly: false,
    commitsProposals: false,
    authorize(head) {
      if (head === undefined) throw new Problem("auth.refused")
      return params
    },
    check: checkJoinConnectionGroup,
  }
  await commit(context, request)
}

/** A member that lost its state comes back by an external commit; the request is signed with its leaf's key. */
export async function resync(context: DsContext, caller: Caller<CommitParams>): Promise<void> {
  const request = { ...signed(ds.resync.name, caller), check: checkResync }
  await commit(context, { ...request, adminsOnly: false, commitsProposals: false })
}

type Check<P> = (observed: ObservedCommit, params: P) => CommitContent

function signed<P extends CommitParams>(operation: string, caller: Caller<P>) {
  return {
    operation,
    claimed: caller.claimed,
    caller: caller.leaf,
    authorize: (head, hash) => caller.verify(requestKey(head, caller.leaf, hash)),
  } satisfies Partial<CommitRequest<P>>
}

/** A member sends its own commit. */
function byMember<P extends CommitParams>(operation: string, caller: Caller<P>, check: Check<P>) {
  return {
    ...signed(operation, caller),
    check(observed, params) {
      checkOwnCommit(observed)
      return check(observed, params)
    },
  } satisfies Partial<CommitRequest<P>>
}

/** Roles are not what the commit is about; they follow from it. */
function followed<P>(check: Check<P>): Check<P> {
  return (observed, params) => {
    const content = check(observed, params)
    checkRolesFollow(observed)
    return content
  }
}

/** A WelcomeBundle for each joiner, with the EAR key sealed to its KeyPackage. */
function welcomes({ crypto }: DsContext, staged: StagedCommit, params: AddUsers): Uint8Array[] {
  const { groupId, earKey, welcome, attributions } = params
  const { epoch } = staged.next.context
  return staged.added.map(({ keyPackage }, i) => {
    const sealedEarKey = validating(() =>
      seal(crypto, keyPackage.initKey, labels.welcomeEarKey, groupId, earKey),
    )
    const bundle = { epoch, welcome, sealedEarKey, attribution: attributions[i] as Uint8Array }
    return encodeQueueMessage({ type: "welcome", groupId, bundle })
  })
}

import { MEMBERS_MAX } from "../limits.ts"
import { decodeMlsMessage, type Proposal, type StagedCommit } from "../mls/index.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { decodeAddUsersData, decodeExternalCommitData, decodeUpdateClientData } from "../wire/commit-data.ts"
import { Problem } from "../wire/problem.ts"
import type { CredentialChange } from "./credentials.ts"
import { type Newcomer, ownQueueConfig, queueConfigOf, sameCredential } from "./newcomer.ts"
import type { ObservedCommit } from "./observe.ts"
import { operationRules as rules } from "./operation-rules.ts"
import type { StoredProposal } from "./proposal-store.ts"
import { allow, validating } from "./refusal.ts"

/**
 * What each operation accepts of a commit that RFC 9420 allows (docs/protocol.md section 5.3). Refusals are
 * `ds.not-allowed`, or `ds.invalid-message` where bytes do not decode.
 */

/** What a commit changes beside the tree. */
export interface CommitContent {
  readonly credentials: readonly CredentialChange[]
  readonly newcomers: readonly Newcomer[]
}

/** A member sends its own commit. */
export function checkOwnCommit({ staged, caller }: ObservedCommit): void {
  allow(staged.sender.kind === "member" && staged.committerLeaf === caller, rules.ownCommit)
}

/** What a commit is about; a change of roles that follows from it is not (roles.ts). */
export function subject({ proposals }: StagedCommit): Proposal[] {
  return proposals.filter(({ kind }) => kind !== "groupContextExtensions")
}

/** Adds alone; one encrypted credential, attribution and share of the Welcome for each. */
export function checkAddUsers(
  observed: ObservedCommit,
  params: { readonly welcome: Uint8Array; readonly attributions: readonly Uint8Array[] },
): CommitContent {
  const { staged, domain } = observed
  const { added } = staged
  const proposals = subject(staged)
  allow(proposals.length > 0 && proposals.every(({ kind }) => kind === "add"), rules.onlyAdds)
  allow(params.attributions.length === added.length, rules.attributionPerAdd)
  checkCredentialKept(observed)
  if (staged.tree.memberCount > MEMBERS_MAX) throw new Problem("ds.group-too-large")
  const credentials = validating(() => decodeAddUsersData(staged.authenticatedData))
  allow(credentials.length === added.length, rules.credentialPerAdd)
  checkWelcome(
    params.welcome,
    added.map(({ ref }) => ref),
  )
  return {
    credentials: added.map(({ leaf }, i) => ({ leaf, credential: credentials[i] })),
    newcomers: added.map(({ leaf, keyPackage }) => ({
      leaf,
      signatureKey: keyPackage.leafNode.signatureKey,
      queueConfig: queueConfigOf(keyPackage, domain),
    })),
  }
}

/** The Welcome has secrets for exactly these KeyPackages, each once. */
function checkWelcome(bytes: Uint8Array, refs: readonly Uint8Array[]): void {
  const message = validating(() => decodeMlsMessage(bytes))
  allow(message.kind === "welcome" && message.welcome.secrets.length === refs.length, rules.welcomePerAdd)
  const invited = new Set(message.welcome.secrets.map(({ newMember }) => toHex(newMember)))
  allow(invited.size === refs.length && refs.every((ref) => invited.has(toHex(ref))), rules.welcomePerAdd)
}

/** Removes alone. */
export function checkRemoveUsers(observed: ObservedCommit): CommitContent {
  const { staged } = observed
  const proposals = subject(staged)
  allow(proposals.length > 0 && proposals.every(({ kind }) => kind === "remove"), rules.onlyRemoves)
  checkNoData(observed)
  checkCredentialKept(observed)
  return { credentials: withoutCredentials(staged.removed), newcomers: [] }
}

function withoutCredentials(leaves: readonly number[]): CredentialChange[] {
  return leaves.map((leaf) => ({ leaf, credential: undefined }))
}

/**
 * A path, and the removal of those who are proposed to go; a changed credential comes with its encryption. Whether the
 * commit refers to a stored proposal or removes the same leaf by itself does not matter: the DS cannot check a membership
 * tag, and a SelfRemove with a wrong one, which members refuse, must not stop the group.
 */
export function checkUpdateClient(observed: ObservedCommit): CommitContent {
  const { staged, stored } = observed
  const going = new Set(stored.map(({ leaf }) => leaf))
  const removes = subject(staged).every(({ kind }) => kind === "remove" || kind === "selfRemove")
  allow(staged.hasPath && removes && staged.removed.every((leaf) => going.has(leaf)), rules.onlyUpdate)
  const credential = validating(() => decodeUpdateClientData(staged.authenticatedData))
  if (credential === undefined) checkCredentialKept(observed)
  const own = credential === undefined ? [] : [{ leaf: staged.committerLeaf, credential }]
  return { credentials: [...withoutCredentials(staged.removed), ...own], newcomers: [] }
}

/**
 * Refuses a commit that lets somebody stay who is proposed to go. A removal of the committer that the DS proposed nobody
 * can commit who is there: by its commit the committer shows that it is, and stays.
 */
export function checkStoreCovered({ staged, stored }: ObservedCommit): void {
  const removed = new Set(staged.removed)
  const staying = stored.filter(({ leaf }) => !removed.has(leaf))
  const isOwn = ({ leaf, byServer }: StoredProposal) => byServer && leaf === staged.committerLeaf
  if (!staying.every(isOwn)) throw new Problem("ds.proposals-pending")
}

/** An external commit that only joins, into a group of one. */
export function checkJoinConnectionGroup(
  observed: ObservedCommit,
  params: { readonly queueConfig: Uint8Array },
): CommitContent {
  const { staged, before, domain } = observed
  allow(staged.sender.kind === "new-member", rules.externalCommit)
  allow(
    staged.proposals.every(({ kind }) => kind === "externalInit"),
    rules.onlyJoins,
  )
  allow(before.memberCount === 1, rules.groupOfOne)
  const leaf = staged.committerLeaf
  return {
    credentials: [{ leaf, credential: validating(() => decodeExternalCommitData(staged.authenticatedData)) }],
    newcomers: [
      {
        leaf,
        signatureKey: staged.tree.signatureKey(leaf),
        queueConfig: ownQueueConfig(params.queueConfig, domain),
      },
    ],
  }
}

/** An external commit that puts the caller's leaf, with its key, in the place of the one that it had. */
export function checkResync(observed: ObservedCommit): CommitContent {
  const { staged, caller, before } = observed
  allow(staged.sender.kind === "new-member" && caller !== undefined, rules.externalCommit)
  const replaces = staged.removed.length === 1 && staged.removed[0] === caller
  const kinds = staged.proposals.map(({ kind }) => kind)
  allow(replaces && kinds.every((kind) => kind === "externalInit" || kind === "remove"), rules.onlyResync)
  const leaf = staged.committerLeaf
  allow(equal(staged.tree.signatureKey(leaf), before.signatureKey(caller)), rules.keptKey)
  const credential = validating(() => decodeExternalCommitData(staged.authenticatedData))
  const credentials = [
    { leaf: caller, credential: undefined },
    { leaf, credential },
  ]
  return { credentials, newcomers: [] }
}

export function checkNoData({ staged }: ObservedCommit): void {
  allow(staged.authenticatedData.length === 0, rules.noData)
}

/** The committer, who is a member, keeps its credential. */
export function checkCredentialKept({ staged, before }: ObservedCommit): void {
  if (!staged.hasPath) return
  const [was, is] = [before, staged.tree].map((tree) => tree.leaf(staged.committerLeaf)?.credential)
  allow(was !== undefined && is !== undefined && sameCredential(was, is), rules.credentialAnnounced)
}

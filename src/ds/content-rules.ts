import { ADDS_PER_COMMIT_MAX, MEMBERS_MAX } from "../limits.ts"
import { decodeMlsMessage, type FlatTree, type StagedCommit } from "../mls/index.ts"
import { toHex } from "../wire/bytes.ts"
import {
  decodeAddUsersData,
  decodeJoinConnectionGroupData,
  decodeUpdateClientData,
} from "../wire/commit-data.ts"
import { Problem } from "../wire/problem.ts"
import type { CredentialChange } from "./credentials.ts"
import { type Newcomer, ownQueueConfig, queueConfigOf, sameCredential } from "./newcomer.ts"
import { allow, validating } from "./refusal.ts"

/**
 * What each operation accepts of a commit that RFC 9420 allows (PROTOCOL.md section 5.3). Refusals are
 * `ds.not-allowed`, or `ds.invalid-message` where bytes do not decode.
 */

/** What a commit changes beside the tree. */
export interface CommitContent {
  readonly credentials: readonly CredentialChange[]
  readonly newcomers: readonly Newcomer[]
}

/** A commit, the tree before it, and the domain whose queues members may have. */
export interface ObservedCommit {
  readonly staged: StagedCommit
  readonly before: FlatTree
  readonly domain: string
}

/** Inline Adds alone; one encrypted credential, attribution and share of the Welcome for each. */
export function checkAddUsers(
  observed: ObservedCommit,
  params: { readonly welcome: Uint8Array; readonly attributions: readonly Uint8Array[] },
): CommitContent {
  const { staged, domain } = observed
  const { added, proposals } = staged
  allow(proposals.length > 0 && proposals.every(({ kind }) => kind === "add"))
  allow(added.length === proposals.length && added.length <= ADDS_PER_COMMIT_MAX)
  allow(params.attributions.length === added.length)
  allow(!committerCredentialChanged(observed))
  if (staged.tree.memberCount > MEMBERS_MAX) throw new Problem("ds.group-too-large")
  const credentials = validating(() => decodeAddUsersData(staged.authenticatedData))
  allow(credentials.length === added.length)
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
  allow(message.kind === "welcome" && message.welcome.secrets.length === refs.length)
  const invited = new Set(message.welcome.secrets.map(({ newMember }) => toHex(newMember)))
  allow(invited.size === refs.length && refs.every((ref) => invited.has(toHex(ref))))
}

/** Removes alone. */
export function checkRemoveUsers(observed: ObservedCommit): CommitContent {
  const { proposals, removed, authenticatedData } = observed.staged
  allow(proposals.length > 0 && proposals.every(({ kind }) => kind === "remove"))
  allow(authenticatedData.length === 0)
  allow(!committerCredentialChanged(observed))
  return { credentials: removed.map((leaf) => ({ leaf, credential: undefined })), newcomers: [] }
}

/** A path alone; a changed credential comes with its encryption. */
export function checkUpdateClient(observed: ObservedCommit): CommitContent {
  const { proposals, hasPath, authenticatedData, committerLeaf } = observed.staged
  allow(proposals.length === 0 && hasPath)
  const credential = validating(() => decodeUpdateClientData(authenticatedData))
  allow(credential !== undefined || !committerCredentialChanged(observed))
  return { credentials: credential === undefined ? [] : [{ leaf: committerLeaf, credential }], newcomers: [] }
}

/** An external commit that only joins, into a group of one. */
export function checkJoinConnectionGroup(
  observed: ObservedCommit,
  params: { readonly queueConfig: Uint8Array },
): CommitContent {
  const { staged, before, domain } = observed
  allow(staged.sender.kind === "new-member" && staged.removed.length === 0)
  allow(staged.proposals.every(({ kind }) => kind === "externalInit"))
  allow(before.memberCount === 1)
  const leaf = staged.committerLeaf
  return {
    credentials: [
      { leaf, credential: validating(() => decodeJoinConnectionGroupData(staged.authenticatedData)) },
    ],
    newcomers: [
      {
        leaf,
        signatureKey: staged.tree.signatureKey(leaf),
        queueConfig: ownQueueConfig(params.queueConfig, domain),
      },
    ],
  }
}

function committerCredentialChanged({ staged, before }: ObservedCommit): boolean {
  if (!staged.hasPath) return false
  const was = before.leaf(staged.committerLeaf)
  const is = staged.tree.leaf(staged.committerLeaf)
  return was === undefined || is === undefined || !sameCredential(was.credential, is.credential)
}

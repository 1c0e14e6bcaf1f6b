import { seal } from "../src/crypto/hpke.ts"
import { labels } from "../src/crypto/labels.ts"
import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import { signLabeled } from "../src/crypto/signature.ts"
import { changeCredentials } from "../src/ds/credentials.ts"
import type { Head } from "../src/ds/head.ts"
import type { HeadLeaf } from "../src/ds/members.ts"
import { noReports } from "../src/ds/reports.ts"
import { createRows } from "../src/ds/store.ts"
import { ADDS_PER_COMMIT_MAX, ID_BYTES, KEY_BYTES } from "../src/limits.ts"
import { monthOf } from "../src/month.ts"
import { utf8 } from "../src/wire/bytes.ts"
import { ENCRYPTED_CREDENTIAL_BYTES } from "../src/wire/encrypted-credential.ts"
import { encodeClientQueueConfig, encodeQueueConfig, queueConfigTbs } from "../src/wire/queue-config.ts"
import { encodeWith } from "../src/wire/tls.ts"
import { type Candidate, GroupAuthor, makeCandidate } from "./author.ts"
import { DOMAIN, type Homeserver } from "./homeserver.ts"
import type { Signer } from "./signed-body.ts"

/** Clients with queues, and groups of them. */

const SPARSE_LEAVES = 32
/** Registrations that wait for the same transactions. */
const CLIENTS_AT_ONCE = 2000

/** A QS client, and what it needs to join a group. */
export interface Client {
  /** QS client id. */
  readonly id: Uint8Array
  readonly seed: Uint8Array
  /** Opens the starts of its queue's chains. */
  readonly queueSecret: Uint8Array
  readonly candidate: Candidate
  readonly queueConfig: Uint8Array
}

/** A group that the server holds. */
export interface Group {
  readonly author: GroupAuthor
  readonly earKey: Uint8Array
}

/** Registers clients through the QS. */
export async function makeClients(server: Homeserver, count: number): Promise<Client[]> {
  const clients: Client[] = []
  while (clients.length < count) {
    const batch = Math.min(CLIENTS_AT_ONCE, count - clients.length)
    clients.push(...(await Promise.all(Array.from({ length: batch }, () => makeClient(server)))))
  }
  return clients
}

async function makeClient({ qs, secrets }: Homeserver): Promise<Client> {
  const [seed, queueSecret] = [crypto.random(KEY_BYTES), crypto.random(KEY_BYTES)]
  const { client: id } = await qs.handlers.createUser({
    userAuthKey: crypto.ed25519Public(crypto.random(KEY_BYTES)),
    friendshipTokenHash: crypto.random(32),
    clientAuthKey: crypto.ed25519Public(seed),
    queueKey: crypto.x25519Public(queueSecret),
  })
  const configKey = crypto.x25519Public(secrets.queueConfigKeys.at(-1) as Uint8Array)
  const plaintext = encodeQueueConfig({ client: id, pushTokenKey: undefined })
  const sealed = seal(crypto, configKey, labels.queueConfig, utf8(DOMAIN), plaintext)
  const tbs = queueConfigTbs({ domain: DOMAIN, sealed })
  const signature = signLabeled(crypto, seed, labels.queueConfigSignature, tbs)
  const queueConfig = encodeClientQueueConfig({ domain: DOMAIN, sealed, signature })
  return { id, seed, queueSecret, queueConfig, candidate: makeCandidate(queueConfig) }
}

/**
 * A group of all these clients as it is after each of them has committed once: no blank parent below the root, nobody
 * awaited, tickets known. The record is written as the DS writes it, without the requests that would have led there.
 * `committers`: only these leaves have committed, in this order.
 */
export async function makeGroup(
  server: Homeserver,
  clients: readonly Client[],
  committers = everyLeaf(clients.length),
): Promise<Group> {
  const { store, context, qs } = server
  const [creator, ...others] = clients
  if (creator === undefined) throw new Error("a group has members")
  const author = new GroupAuthor(crypto.random(ID_BYTES), creator.candidate)
  for (let at = 0; at < others.length; at += ADDS_PER_COMMIT_MAX) {
    const batch = others.slice(at, at + ADDS_PER_COMMIT_MAX).map(({ candidate }) => candidate)
    author.commit(0, batch, new Uint8Array(0)).accept()
  }
  let committer = 0
  for (committer of committers) author.commit(committer, [], new Uint8Array(0)).accept()

  const group: Group = { author, earKey: crypto.random(KEY_BYTES) }
  const key = { groupId: author.groupId, earKey: group.earKey }
  const month = monthOf(Date.now())
  const resolved = qs.fanout.resolve(
    clients.map(({ queueConfig: config }) => ({ config, ticket: undefined })),
  )
  const leaves = clients.map(({ queueConfig }, leaf): HeadLeaf => {
    const found = resolved[leaf]
    const ticket = found?.kind === "queue" ? found.newTicket : undefined
    const signatureKey = author.tree.signatureKey(leaf)
    const active = { activityMonth: month, activityEpoch: author.state.context.epoch }
    return { leaf, signatureKey, queueConfig, ticket, ...active }
  })
  const groupInfo = { ...author.groupInfo(committer), signer: committer }
  const head: Head = {
    treeWrites: 1n,
    lastCommit: undefined,
    secret: author.secret,
    state: author.state,
    groupInfo,
    leaves,
    proposals: [],
  }
  const added = leaves.map(({ leaf }) => ({ leaf, credential: encryptedCredential() }))
  const { credentials } = changeCredentials([], added)
  const tree = context.records.sealTree(key, 1n, { tree: author.tree, credentials, history: [] })
  const reports = noReports(crypto, author.secret, author.groupId)
  const rows = createRows(author.groupId, month, context.records.sealHead(key, head), tree, reports)
  await store.writer.submit({ expects: [], effects: () => rows })
  return group
}

/**
 * Leaves so that no path is long: enough of them that no parent is blank but those right above leaves, and there only
 * beyond the first. In groups so large that the commits of all would take minutes.
 */
export function someLeaves(count: number): number[] {
  return everyLeaf(count).filter((leaf) => leaf < SPARSE_LEAVES || leaf % SPARSE_LEAVES === 0)
}

/** All leaves, those far apart first: each commit then finds a tree that is as full as can be. */
function everyLeaf(count: number): number[] {
  const leaves: number[] = []
  const seen = new Set<number>()
  for (let stride = 2 ** Math.ceil(Math.log2(Math.max(2, count))); stride >= 1; stride /= 2) {
    for (let leaf = 0; leaf < count; leaf += stride) {
      if (seen.has(leaf)) continue
      seen.add(leaf)
      leaves.push(leaf)
    }
  }
  return leaves
}

export function memberOf({ author }: Group, leaf: number): Signer {
  const seed = author.seeds.get(leaf)
  if (seed === undefined) throw new Error("no such member")
  return { sender: { kind: "leaf", leaf }, seed }
}

function encryptedCredential(): Uint8Array {
  return crypto.random(ENCRYPTED_CREDENTIAL_BYTES)
}

/** Authenticated data of a commit that adds so many. */
export function addUsersData(count: number): Uint8Array {
  const credentials = Array.from({ length: count }, encryptedCredential)
  return encodeWith(credentials, (writer, list) =>
    writer.vector(list, (w, credential) => w.opaque(credential)),
  )
}

/** Authenticated data of an update that keeps its credential. */
export const updateClientData: Uint8Array = Uint8Array.of(0)

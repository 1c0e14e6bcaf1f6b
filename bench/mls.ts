import { decodeKeyPackage } from "../src/mls/codec/key-package.ts"
import { encodeLeafNode } from "../src/mls/codec/leaf-node.ts"
import { decodeMlsMessage } from "../src/mls/codec/message.ts"
import type { UpdatePath } from "../src/mls/codec/update-path.ts"
import { checkTree } from "../src/mls/group/tree-validity.ts"
import { checkPathShape, mergePath } from "../src/mls/group/update-path.ts"
import { FlatTree, observeCommit } from "../src/mls/index.ts"
import { TreeEdit } from "../src/mls/tree/edit.ts"
import { leafHash, parentTreeHash } from "../src/mls/tree/hash.ts"
import { leftOf, rightOf, rootOf } from "../src/mls/tree/math.ts"
import { equal } from "../src/wire/bytes.ts"
import { median, type Options, type Result, summarized } from "./harness.ts"
import { type KnownGroup, makeGroup, memberAt, newClient, suite } from "./mls-group.ts"
import { keyPackageOf, Peer, pathOf } from "./mls-peer.ts"

/**
 * How the MLS core grows with the group, and ts-mls beside it where it takes bounded time. The tree is one in which
 * everybody has committed; the member that reads the commit is the committer's neighbour, who follows the whole path.
 */

const SIZES = [2, 10, 100, 1000, 5000, 20_000]
const SIZES_SHORT = [2, 100, 1000]
const WARM_UP_MEMBERS = 10
const COMMITTER = 0
const READER = 1

interface Case {
  readonly name: string
  ours(): unknown
  theirs?(): unknown
}

export async function benchMls(options: Options): Promise<readonly Result[]> {
  const results: Result[] = []
  const peers = new PeerTimes(options.short ? 0.25e6 : 4e6)
  // Both are compiled while they run: what the smallest group pays for that is nobody's result.
  for (const { ours, theirs } of await casesOf(WARM_UP_MEMBERS)) {
    await timeWithin(ours, budgetOf(options))
    if (theirs !== undefined) await timeWithin(theirs, budgetOf(options))
  }
  for (const members of options.short ? SIZES_SHORT : SIZES) {
    for (const one of await casesOf(members)) results.push(await benchCase(one, members, options, peers))
  }
  const names = [...new Set(results.map(({ name }) => name))]
  return names.flatMap((name) => results.filter((result) => result.name === name))
}

async function casesOf(members: number): Promise<readonly Case[]> {
  const group = makeGroup(members)
  const now = BigInt(Math.floor(Date.now() / 1000))
  const clock = { now }
  const committer = memberAt(group, COMMITTER)
  const reader = memberAt(group, READER)
  const added = newClient(now)
  const proposal = { kind: "add" as const, keyPackage: decodeKeyPackage(added.keyPackage) }
  const addedLeaf = encodeLeafNode(proposal.keyPackage.leafNode)
  const add = committer.commit({ ...clock, proposals: [proposal], withoutPath: true }).message
  const update = committer.commit(clock).message
  const path = ourPath(update)

  const { tree, state, ratchetTree } = group
  const root = rootOf(tree.leafWidth)
  const snapshot = tree.snapshot()
  const leaf = tree.leafBytes(COMMITTER) as Uint8Array
  const peer = await Peer.of(group)
  const [theirCommitter, theirReader] = [await peer.memberAt(COMMITTER), await peer.memberAt(READER)]
  const theirAdded = keyPackageOf(added.keyPackage)
  const theirPath = pathOf(update)
  return [
    {
      name: "decode, with hashes",
      ours: () => FlatTree.decode(suite, ratchetTree),
      theirs: () => peer.treeHash(peer.decodeTree()),
    },
    { name: "load what was stored", ours: () => FlatTree.load(snapshot), theirs: () => peer.decodeTree() },
    { name: "tree hash, from scratch", ours: () => hashAll(tree, root), theirs: () => peer.treeHash() },
    {
      name: "tree hash, one leaf changed",
      ours: () => {
        const edit = new TreeEdit(suite, tree)
        edit.setLeaf(COMMITTER, leaf)
        return edit.hash(root)
      },
      theirs: () => peer.treeHash(),
    },
    {
      name: "apply Add to the tree",
      ours: () => {
        const edit = new TreeEdit(suite, tree)
        edit.add(addedLeaf)
        return edit.finish()
      },
      theirs: () => peer.applyAdd(theirAdded),
    },
    {
      name: "apply path to the tree",
      ours: () => applyPath(tree, path),
      theirs: () => peer.applyPath(theirPath, COMMITTER),
    },
    { name: "observe Add commit", ours: () => observeCommit(suite, state, tree, add, clock) },
    { name: "observe path commit", ours: () => observeCommit(suite, state, tree, update, clock) },
    { name: "validate a whole tree", ours: () => validate(group), theirs: () => peer.validate() },
    {
      name: "client commit, path",
      ours: () => committer.commit(clock),
      theirs: () => peer.commit(theirCommitter),
    },
    {
      name: "client process, path",
      ours: () => reader.process(update, clock),
      theirs: () => peer.process(theirReader, update),
    },
  ]
}

function ourPath(message: Uint8Array): UpdatePath {
  const decoded = decodeMlsMessage(message)
  const content = decoded.kind === "publicMessage" ? decoded.message.framed.content : undefined
  if (content?.kind !== "commit" || content.commit.path === undefined) throw new Error("no path")
  return content.commit.path
}

function hashAll(tree: FlatTree, node: number): Uint8Array {
  const entry = tree.entry(node)
  if (node % 2 === 0) return leafHash(suite, node / 2, entry)
  return parentTreeHash(suite, entry, hashAll(tree, leftOf(node)), hashAll(tree, rightOf(node)))
}

function applyPath(tree: FlatTree, path: UpdatePath) {
  const edit = new TreeEdit(suite, tree)
  const steps = checkPathShape(suite, edit, COMMITTER, path, new Set())
  mergePath(suite, edit, COMMITTER, path, steps)
  return edit.finish()
}

/** What a joiner does with a tree. */
function validate({ ratchetTree, groupId, state }: KnownGroup): void {
  const tree = FlatTree.decode(suite, ratchetTree)
  if (!equal(tree.rootHash(), state.context.treeHash)) throw new Error("another tree")
  checkTree(suite, tree, groupId, [])
}

/** Microseconds that are spent on one case of one run, unless a single call takes longer. */
function budgetOf({ short }: Options): number {
  return short ? 10e3 : 200e3
}

async function benchCase(one: Case, members: number, options: Options, peers: PeerTimes): Promise<Result> {
  const budget = budgetOf(options)
  const { name, theirs } = one
  const tooLong = theirs && peers.tooLong(name, members)
  const ourTimes: number[] = []
  const theirTimes: number[] = []
  for (let run = 0; run < options.runs; run++) {
    ourTimes.push(await timeWithin(one.ours, budget))
    if (theirs !== undefined && tooLong === undefined) theirTimes.push(await timeWithin(theirs, budget))
  }
  const result = summarized(name, members, ourTimes)
  if (tooLong !== undefined) return { ...result, note: `ts-mls not measured: ${tooLong}` }
  if (theirs === undefined) return result
  const ts_mls_µs = median(theirTimes)
  peers.add(name, members, ts_mls_µs)
  return { ...result, more: { ts_mls_µs, ratio: result.microseconds / ts_mls_µs } }
}

/** Median microseconds of one call, from one call at least and as many as fit; of many, the first quarter is left out. */
async function timeWithin(call: () => unknown, budget: number): Promise<number> {
  const times: number[] = []
  for (let spent = 0; spent < budget; ) {
    const began = performance.now()
    const outcome = call()
    if (outcome instanceof Promise) await outcome
    const elapsed = (performance.now() - began) * 1000
    times.push(elapsed)
    spent += elapsed
  }
  return median(times.length > 2 ? times.slice(times.length >> 2) : times)
}

/** What ts-mls took at the size before, so that nothing is begun that would take too long. */
class PeerTimes {
  readonly #limit: number
  readonly #last = new Map<string, { readonly members: number; readonly microseconds: number }>()

  /** Microseconds that a call may be expected to take. */
  constructor(limit: number) {
    this.#limit = limit
  }

  add(name: string, members: number, microseconds: number): void {
    this.#last.set(name, { members, microseconds })
  }

  /** The least that a call would take, in words, if it is too long: all that is measured grows at least with the members. */
  tooLong(name: string, members: number): string | undefined {
    const last = this.#last.get(name)
    if (last === undefined) return undefined
    const expected = (last.microseconds * members) / last.members
    if (expected <= this.#limit) return undefined
    const seconds = (expected / 1e6).toFixed(1)
    return `at least ${seconds} s per call, from ${Math.round(last.microseconds / 1000)} ms at ${last.members}`
  }
}

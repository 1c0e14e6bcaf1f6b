import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import {
  type AuthenticatedProposal,
  decodeGroupInfo,
  encodeGroupContext,
  type FlatTree,
  observeCommit,
  observeCreation,
  observeProposal,
  type PublicGroupState,
  type StagedCommit,
  verifyGroupInfo,
  verifyKeyPackage,
} from "../../src/mls/index.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import type { CommitContents } from "./participant.ts"
import { refusesTree, TsCandidate, type TsMember } from "./ts-member.ts"

const suite = suite1(nativeCrypto)
const GROUP_ID = utf8("a group")
const NOW = BigInt(Math.floor(Date.now() / 1000))
const lifetime = { notBefore: NOW - 3600n, notAfter: NOW + 86_400n }

/** An observer beside groups of real members: after every epoch it has their GroupContext and their tree. */

class Observer {
  state: PublicGroupState
  tree: FlatTree

  constructor(groupInfo: Uint8Array, ratchetTree: Uint8Array) {
    const { state, tree } = observeCreation(suite, groupInfo, ratchetTree, NOW)
    this.state = state
    this.tree = tree
  }

  propose(message: Uint8Array): AuthenticatedProposal {
    return observeProposal(suite, this.state, this.tree, message, { now: NOW })
  }

  commit(message: Uint8Array, proposals: readonly AuthenticatedProposal[] = []): StagedCommit {
    const known = new Map(proposals.map((proposal) => [toHex(proposal.ref), proposal]))
    const options = { now: NOW, proposals: known }
    const staged = observeCommit(suite, this.state, this.tree, message, options)
    expect(staged.tree.revert(staged.undo).snapshot()).toEqual(this.tree.snapshot())
    this.state = staged.next
    this.tree = staged.tree
    return staged
  }

  /** Holds the observer against a member, and the GroupInfo it would rebuild against the member's. */
  async agreesWith(member: TsMember): Promise<void> {
    expect(toHex(encodeGroupContext(this.state.context))).toBe(toHex(member.context))
    expect(toHex(this.tree.encode())).toBe(toHex(await member.ratchetTree()))
    const bytes = await member.groupInfo()
    const { extensions, signer, signature } = decodeGroupInfo(bytes)
    const rebuilt = verifyGroupInfo(suite, this.state, this.tree, extensions, signer, signature)
    expect(toHex(rebuilt)).toBe(toHex(bytes))
  }
}

/** A group of real members with an observer. */
class Group {
  members: TsMember[]
  readonly observer: Observer
  #names = 0

  private constructor(creator: TsMember, observer: Observer) {
    this.members = [creator]
    this.observer = observer
  }

  static async create(): Promise<Group> {
    const creator = await createGroup()
    return new Group(creator, new Observer(await creator.groupInfo(), await creator.ratchetTree()))
  }

  newcomers(count: number): Promise<TsCandidate[]> {
    const names = Array.from({ length: count }, () => `member ${this.#names++}`)
    return Promise.all(names.map((name) => TsCandidate.make(name, lifetime)))
  }

  member(number: number): TsMember {
    return this.members[number % this.members.length]!
  }

  async #everybodyElse(author: TsMember | undefined, message: Uint8Array): Promise<void> {
    for (const member of this.members) if (member !== author) await member.process(message)
  }

  async #agree(): Promise<void> {
    for (const member of this.members) await this.observer.agreesWith(member)
  }

  /** Commits, by value and what was proposed, and lets those join who are added. */
  async #commit(
    author: TsMember,
    contents: CommitContents,
    added: readonly TsCandidate[],
    seen: readonly AuthenticatedProposal[] = [],
  ): Promise<StagedCommit> {
    const { commit, welcome, accept } = await author.commit(contents)
    const staged = this.observer.commit(commit, seen)
    accept()
    this.members = this.members.filter(({ leaf }) => !staged.removed.includes(leaf))
    await this.#everybodyElse(author, commit)
    if (welcome !== undefined) {
      const tree = await author.ratchetTree()
      for (const who of added) {
        const member = await unlessTreeRefused(() => who.join(welcome, tree))
        if (member !== undefined) this.members.push(member)
      }
    }
    await this.#agree()
    return staged
  }

  change(author: TsMember, added: readonly TsCandidate[], remove: readonly number[]): Promise<StagedCommit> {
    return this.#commit(author, { add: added.map(({ keyPackage }) => keyPackage), remove }, added)
  }

  async changeByReference(
    proposer: TsMember,
    author: TsMember,
    added: readonly TsCandidate[],
    removed: readonly number[],
  ): Promise<StagedCommit> {
    const seen: AuthenticatedProposal[] = []
    const proposals = [
      ...removed.map((leaf) => () => proposer.proposeRemove(leaf)),
      ...added.map(
        ({ keyPackage }) =>
          () =>
            proposer.proposeAdd(keyPackage),
      ),
    ]
    for (const propose of proposals) {
      const message = await propose()
      seen.push(this.observer.propose(message))
      await this.#everybodyElse(proposer, message)
    }
    return this.#commit(author, {}, added, seen)
  }

  async joinFromOutside(through: TsMember): Promise<StagedCommit | undefined> {
    const [joiner] = (await this.newcomers(1)) as [TsCandidate]
    const [groupInfo, tree] = [await through.groupInfo(), await through.ratchetTree()]
    const joining = await unlessTreeRefused(() => joiner.joinExternally(groupInfo, tree, new Uint8Array(0)))
    if (joining === undefined) return undefined
    const staged = this.observer.commit(joining.commit)
    await this.#everybodyElse(undefined, joining.commit)
    this.members.push(joining.member)
    await this.#agree()
    return staged
  }
}

async function createGroup(): Promise<TsMember> {
  return (await TsCandidate.make("creator", lifetime)).create(GROUP_ID)
}

/** A client whose ts-mls refuses a valid tree is not followed; the tests of the flat tree say whether it is one. */
async function unlessTreeRefused<T>(join: () => Promise<T>): Promise<T | undefined> {
  try {
    return await join()
  } catch (error) {
    if (refusesTree(error)) return undefined
    throw error
  }
}

type Operation =
  | { kind: "change"; author: number; adds: number; removes: readonly number[]; byReference: boolean }
  | { kind: "join"; through: number }

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("change" as const),
      author: fc.nat(20),
      adds: fc.nat(3),
      removes: fc.array(fc.nat(20), { maxLength: 2 }),
      byReference: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("join" as const), through: fc.nat(20) }) },
)

async function perform(group: Group, op: Operation): Promise<void> {
  if (op.kind === "join") {
    await group.joinFromOutside(group.member(op.through))
    return
  }
  const author = group.member(op.author)
  const others = group.members.filter((member) => member !== author).map(({ leaf }) => leaf)
  const removed = others.length < 2 ? [] : [...new Set(op.removes.map((n) => others[n % others.length]!))]
  const added = await group.newcomers(op.adds)
  if (op.byReference) await group.changeByReference(group.member(op.author + 1), author, added, removed)
  else await group.change(author, added, removed)
}

describe("an observer beside members of another implementation", () => {
  test("has their GroupContext, tree and GroupInfo after every epoch of random histories", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 3, maxLength: 7 }), async (operations) => {
        const group = await Group.create()
        for (const op of operations) await perform(group, op)
      }),
      { numRuns: 12 },
    )
  }, 60_000)

  test("says who was added, removed and committed", async () => {
    const group = await Group.create()
    const added = await group.newcomers(3)
    const first = await group.change(group.member(0), added, [])
    expect(first.sender).toEqual({ kind: "member", leaf: 0 })
    expect(first.added.map(({ leaf }) => leaf)).toEqual([1, 2, 3])
    expect(first.added.map(({ keyPackageBytes: bytes }) => toHex(bytes))).toEqual(
      added.map(({ keyPackage }) => toHex(keyPackage)),
    )
    const second = await group.change(group.member(1), [], [2])
    expect(second.removed).toEqual([2])
    expect(second.hasPath).toBe(true)
    expect(second.proposals.map(({ kind }) => kind)).toEqual(["remove"])
    const third = await group.joinFromOutside(group.member(0))
    expect(third?.sender).toEqual({ kind: "new-member", leaf: 2 })
    expect(third?.committerLeaf).toBe(2)
    expect(group.observer.tree.memberCount).toBe(4)
  })

  test("the same KeyPackage and commit are valid over the portable primitives", async () => {
    const creator = await createGroup()
    const portable = suite1(portableCrypto)
    const { state, tree } = observeCreation(
      portable,
      await creator.groupInfo(),
      await creator.ratchetTree(),
      NOW,
    )
    const { keyPackage } = await TsCandidate.make("joiner", lifetime)
    expect(verifyKeyPackage(portable, keyPackage, NOW).cipherSuite).toBe(1)
    const { commit, accept } = await creator.commit({ add: [keyPackage] })
    const staged = observeCommit(portable, state, tree, commit, { now: NOW })
    accept()
    expect(toHex(encodeGroupContext(staged.next.context))).toBe(toHex(creator.context))
  })
})

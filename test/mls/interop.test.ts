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
import { toHex } from "../../src/wire/bytes.ts"
import {
  addProposal,
  keyPackageBytes,
  type Newcomer,
  NOW,
  newcomer,
  removeProposal,
  TsMember,
} from "./ts-group.ts"

const suite = suite1(nativeCrypto)

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
  agreesWith(member: TsMember): void {
    expect(toHex(encodeGroupContext(this.state.context))).toBe(toHex(member.context))
    expect(toHex(this.tree.encode())).toBe(toHex(member.ratchetTree))
    const bytes = member.groupInfo
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

  private constructor(creator: TsMember) {
    this.members = [creator]
    this.observer = new Observer(creator.groupInfo, creator.ratchetTree)
  }

  static async create(): Promise<Group> {
    return new Group(await TsMember.create())
  }

  newcomers(count: number): Promise<Newcomer[]> {
    return Promise.all(Array.from({ length: count }, () => newcomer(`member ${this.#names++}`)))
  }

  member(number: number): TsMember {
    return this.members[number % this.members.length]!
  }

  async #everybodyElse(author: TsMember | undefined, message: Uint8Array): Promise<void> {
    for (const member of this.members) if (member !== author) await member.process(message)
  }

  #agree(): void {
    for (const member of this.members) this.observer.agreesWith(member)
  }

  async change(
    author: TsMember,
    added: readonly Newcomer[],
    removed: readonly number[],
  ): Promise<StagedCommit> {
    const proposals = [...removed.map(removeProposal), ...added.map(addProposal)]
    const { message, joined } = await author.commit(proposals, added)
    const staged = this.observer.commit(message)
    this.members = this.members.filter(({ leaf }) => !removed.includes(leaf))
    await this.#everybodyElse(author, message)
    this.members.push(...joined)
    this.#agree()
    return staged
  }

  async changeByReference(
    proposer: TsMember,
    author: TsMember,
    added: readonly Newcomer[],
    removed: readonly number[],
  ): Promise<StagedCommit> {
    const seen: AuthenticatedProposal[] = []
    for (const proposal of [...removed.map(removeProposal), ...added.map(addProposal)]) {
      const message = await proposer.propose(proposal)
      seen.push(this.observer.propose(message))
      await this.#everybodyElse(proposer, message)
    }
    const { message, joined } = await author.commit([], added)
    const staged = this.observer.commit(message, seen)
    this.members = this.members.filter(({ leaf }) => !removed.includes(leaf))
    await this.#everybodyElse(author, message)
    this.members.push(...joined)
    this.#agree()
    return staged
  }

  async joinFromOutside(through: TsMember): Promise<StagedCommit | undefined> {
    const [joiner] = await this.newcomers(1)
    const result = await through.joinFromOutside(joiner!)
    if (result === undefined) return undefined
    const { message, member } = result
    const staged = this.observer.commit(message)
    await this.#everybodyElse(undefined, message)
    this.members.push(member)
    this.#agree()
    return staged
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
      added.map((one) => toHex(keyPackageBytes(one))),
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
    const creator = await TsMember.create()
    const { state, tree } = observeCreation(
      suite1(portableCrypto),
      creator.groupInfo,
      creator.ratchetTree,
      NOW,
    )
    const joiner = await newcomer("joiner")
    expect(verifyKeyPackage(suite1(portableCrypto), keyPackageBytes(joiner), NOW).cipherSuite).toBe(1)
    const { message } = await creator.commit([addProposal(joiner)], [])
    const staged = observeCommit(suite1(portableCrypto), state, tree, message, { now: NOW })
    expect(toHex(encodeGroupContext(staged.next.context))).toBe(toHex(creator.context))
  })
})

import { wipe } from "../../src/crypto/wipe.ts"
import { decodeKeyPackage } from "../../src/mls/codec/key-package.ts"
import type { LeafNode } from "../../src/mls/codec/leaf-node.ts"
import { decodeMlsMessage } from "../../src/mls/codec/message.ts"
import type { Proposal } from "../../src/mls/codec/proposal.ts"
import { MlsError } from "../../src/mls/error.ts"
import { Member } from "../../src/mls/member/group.ts"
import { createKeyPackage, type OwnKeyPackage } from "../../src/mls/member/key-package.ts"
import { clientByCredential } from "../../src/mls/member/lineage.ts"
import { externalPskProposal, type PskLookup, resumptionPskProposal } from "../../src/mls/member/psks.ts"
import { PAST_EPOCHS_MAX } from "../../src/mls/member/state.ts"
import { observeCommit } from "../../src/mls/observer/commit.ts"
import { observeCreation } from "../../src/mls/observer/creation.ts"
import { type AuthenticatedProposal, observeProposal } from "../../src/mls/observer/proposal.ts"
import type { PublicGroupState } from "../../src/mls/observer/state.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import type { FlatTree } from "../../src/mls/tree/flat-tree.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import {
  addOf,
  clock,
  customProposals,
  EXTENSION_TYPE,
  lifetime,
  newGroup,
  newKeyPackage,
  newLeaf,
  PROPOSAL_TYPE,
  suite,
} from "./member-fixtures.ts"

/**
 * A group in memory that lives through a seeded random history: concurrent commits of which one wins, proposals by
 * reference and by value, joins from inside and outside, lost, late and repeated messages, restarts, branches, ends and
 * new beginnings. Every rule that holds between epochs is checked after each one. Secrets that an operation declares used up are overwritten, so a state
 * that still needed one would not live on.
 */

/** A small seeded generator (mulberry32): the same history for the same seed. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const PSK_ID = utf8("shared")
const PSK = utf8("a secret that everybody knows")
const psks: PskLookup = (id) => (id.kind === "external" ? PSK : undefined)
const MEMBERS_MAX = 14
const policy = { ...clock, customProposals }

interface Letter {
  readonly message: Uint8Array
  readonly text: string
  readonly sender: number
  readonly epoch: bigint
}

interface Person {
  member: Member
  /** Messages that may still come, in any order. */
  inbox: Letter[]
}

class Observer {
  readonly #suite: CipherSuite
  #state: PublicGroupState
  #tree: FlatTree
  #proposals = new Map<string, AuthenticatedProposal>()

  constructor(suite: CipherSuite, groupInfo: Uint8Array, ratchetTree: Uint8Array) {
    this.#suite = suite
    const seen = observeCreation(suite, groupInfo, ratchetTree, clock.now)
    this.#state = seen.state
    this.#tree = seen.tree
  }

  propose(message: Uint8Array): void {
    const proposal = observeProposal(this.#suite, this.#state, this.#tree, message, policy)
    this.#proposals.set(toHex(proposal.ref), proposal)
  }

  commit(message: Uint8Array): void {
    const options = { ...policy, proposals: this.#proposals }
    const staged = observeCommit(this.#suite, this.#state, this.#tree, message, options)
    this.#state = staged.next
    this.#tree = staged.tree
    this.#proposals = new Map()
  }

  agreesWith(member: Member): boolean {
    const same = toHex(this.#tree.snapshot()) === toHex(member.tree.snapshot())
    return same && toHex(this.#state.interimTranscriptHash) === toHex(member.group.interimTranscriptHash)
  }
}

/** What a simulation did, so that a test can see that it did something of everything. */
export interface Tally {
  epochs: number
  adds: number
  removes: number
  externals: number
  resyncs: number
  proposals: number
  updates: number
  psks: number
  selfRemoves: number
  custom: number
  successors: number
  branches: number
  lostCommits: number
  letters: number
  late: number
  restarts: number
}

export class Simulation {
  readonly tally: Tally = {
    epochs: 0,
    adds: 0,
    removes: 0,
    externals: 0,
    resyncs: 0,
    proposals: 0,
    updates: 0,
    psks: 0,
    selfRemoves: 0,
    custom: 0,
    successors: 0,
    branches: 0,
    lostCommits: 0,
    letters: 0,
    late: 0,
    restarts: 0,
  }
  readonly #random: (below: number) => number
  readonly #encrypted: boolean
  readonly #suite: CipherSuite
  /** Undefined where handshakes are encrypted: an observer cannot follow. */
  #observer: Observer | undefined
  readonly #keys = new Map<string, OwnKeyPackage>()
  #people: Person[]
  /** The SelfRemoves of this epoch. */
  #leaving = new Map<Person, Uint8Array>()
  #names = 0

  constructor(seed: number, encrypted: boolean, cipherSuite: CipherSuite = suite) {
    this.#random = randomFrom(seed)
    this.#encrypted = encrypted
    this.#suite = cipherSuite
    const creator = newGroup("creator", utf8("group"), cipherSuite)
    this.#people = [{ member: creator, inbox: [] }]
    this.#observe(creator.encodedGroupInfo(), creator.tree.encode())
  }

  /** One epoch: messages, proposals, a commit and what follows from it. */
  step(): void {
    this.#sendLetters()
    this.#deliverLetters()
    if (this.#random(3) === 0) this.#propose()
    if (this.#random(20) === 0) this.#branch()
    if (this.#random(20) === 0) this.#reinitialize()
    else if (this.#random(8) === 0) this.#joinFromOutside()
    else this.#commit()
    this.#leaving.clear()
    this.#restartSomebody()
    this.#agree()
    this.tally.epochs++
  }

  #pick(): Person {
    return this.#people[this.#random(this.#people.length)] as Person
  }

  #newcomer(): OwnKeyPackage {
    const own = newKeyPackage(`client ${this.#names++}`, lifetime, this.#suite)
    this.#keys.set(toHex(own.ref), own)
    return own
  }

  #sendLetters(): void {
    for (let i = this.#random(4); i > 0; i--) {
      const sender = this.#pick()
      const text = `text ${this.tally.letters++}`
      const { message, next, consumed } = sender.member.encrypt(utf8(text))
      wipe(...consumed)
      sender.member = next
      const letter = { message, text, sender: next.leaf, epoch: next.context.epoch }
      for (const person of this.#people) if (person !== sender) person.inbox.push(letter)
    }
  }

  /** Some letters arrive, in any order; some are lost; the rest waits. */
  #deliverLetters(): void {
    for (const person of this.#people) {
      const waiting: Letter[] = []
      while (person.inbox.length > 0) {
        const [letter] = person.inbox.splice(this.#random(person.inbox.length), 1)
        const fate = this.#random(8)
        if (fate < 2) waiting.push(letter as Letter)
        else if (fate > 2) this.#read(person, letter as Letter)
      }
      person.inbox = waiting
    }
  }

  #read(person: Person, letter: Letter): void {
    const age = person.member.context.epoch - letter.epoch
    if (age > BigInt(PAST_EPOCHS_MAX)) {
      refused(() => person.member.decrypt(letter.message), "a message of a forgotten epoch")
      return
    }
    const opened = person.member.decrypt(letter.message)
    const right = new TextDecoder().decode(opened.plaintext) === letter.text
    if (!right || opened.sender !== letter.sender || opened.epoch !== letter.epoch) {
      throw new Error("a message was read wrongly")
    }
    wipe(...opened.consumed)
    person.member = opened.next
    if (age > 0n) this.tally.late++
    refused(() => person.member.decrypt(letter.message), "a message read twice")
  }

  #propose(): void {
    for (let i = 1 + this.#random(3); i > 0; i--) {
      const proposer = this.#pick()
      const options = { ...policy, encrypted: this.#encrypted }
      const rotated = this.#random(2) === 0 ? newLeaf(`renamed ${this.#names++}`, this.#suite) : undefined
      const leaves = this.#random(8) === 0 && !this.#leaving.has(proposer)
      const sent = leaves
        ? proposer.member.propose({ kind: "selfRemove" }, policy)
        : this.#random(2) === 0
          ? proposer.member.proposeUpdate(options, rotated)
          : proposer.member.propose(this.#proposal(), options)
      if (leaves) this.#leaving.set(proposer, sent.message)
      wipe(...sent.consumed)
      proposer.member = sent.next
      this.#observer?.propose(sent.message)
      for (const person of this.#people) if (person !== proposer) this.#process(person, sent.message)
      this.tally.proposals++
    }
  }

  #proposal(): Proposal {
    const kind = this.#random(4)
    if (kind === 0 && this.#people.length < MEMBERS_MAX) return addOf(this.#newcomer())
    if (kind === 1) return { kind: "remove", removed: this.#pick().member.leaf }
    if (kind === 2) return this.#custom()
    return externalPskProposal(this.#suite, PSK_ID)
  }

  #custom(): Proposal {
    return { kind: "custom", type: PROPOSAL_TYPE, payload: utf8(`custom ${this.#names++}`) }
  }

  /** What a member commits by value. */
  #change(person: Person): Proposal[] {
    const proposals: Proposal[] = []
    const { member } = person
    const room = MEMBERS_MAX - this.#people.length
    for (let i = Math.min(this.#random(4), room); i > 0; i--) proposals.push(addOf(this.#newcomer()))
    const joins = [...proposals, ...member.proposals.map(({ proposal }) => proposal)]
    const others = this.#people.filter((other) => other !== person)
    if (others.length > 1 && this.#random(3) === 0) {
      const other = others[this.#random(others.length)] as Person
      proposals.push({ kind: "remove", removed: other.member.leaf })
    }
    if (this.#random(6) === 0) proposals.push(externalPskProposal(this.#suite, PSK_ID))
    if (this.#random(6) === 0) proposals.push(this.#custom())
    if (this.#random(6) === 0 && joins.every(({ kind }) => kind !== "add")) {
      const { groupId, epoch } = member.context
      proposals.push(resumptionPskProposal(this.#suite, groupId, epoch))
    }
    if (this.#random(8) === 0) {
      const data = utf8(`extension ${this.#names++}`)
      proposals.push({ kind: "groupContextExtensions", extensions: [{ type: EXTENSION_TYPE, data }] })
    }
    return proposals
  }

  /** One to three members commit at once, and one commit wins. */
  #commit(): void {
    const committers = [...new Set(Array.from({ length: 1 + this.#random(3) }, () => this.#pick()))]
    const staged = committers.map((person) => {
      const leaf = this.#random(6) === 0 ? { leaf: newLeaf(`renamed ${this.#names++}`, this.#suite) } : {}
      const commit = person.member.commit({
        ...policy,
        psks,
        proposals: this.#change(person),
        withoutPath: this.#random(2) === 0,
        encrypted: this.#encrypted,
        ...leaf,
      })
      return { person, commit }
    })
    const winner = staged[this.#random(staged.length)] as (typeof staged)[number]
    this.tally.lostCommits += staged.length - 1
    const { person, commit } = winner
    this.#observer?.commit(commit.message)
    const before = this.#people
    this.#everybodyProcesses(commit.message, person)
    wipe(...commit.consumed)
    person.member = commit.next
    this.tally.removes += before.length - this.#people.length
    if (commit.welcome !== undefined) this.#welcome(commit.welcome, commit.next.tree.encode())
  }

  #welcome(welcome: Uint8Array, ratchetTree: Uint8Array): void {
    const decoded = decodeMlsMessage(welcome)
    if (decoded.kind !== "welcome") throw new Error("not a Welcome")
    for (const { newMember } of decoded.welcome.secrets) {
      const own = this.#keys.get(toHex(newMember)) as OwnKeyPackage
      const member = Member.join(this.#suite, welcome, own, { ratchetTree, psks })
      this.#people.push({ member, inbox: [] })
      this.tally.adds++
    }
  }

  /** A new client, or one that lost its state, joins through somebody's GroupInfo. */
  #joinFromOutside(): void {
    const through = this.#pick().member
    const found = this.#random(2) === 0 ? this.#pick() : undefined
    const lost = found !== undefined && this.#leaving.has(found) ? undefined : found
    if (lost === undefined && this.#people.length >= MEMBERS_MAX) {
      this.#commit()
      return
    }
    const joined = Member.joinExternal(this.#suite, through.encodedGroupInfo(), {
      ...clock,
      leaf: newLeaf(`outsider ${this.#names++}`, this.#suite),
      ratchetTree: through.tree.encode(),
      selfRemoves: [...this.#leaving.values()],
      ...(lost === undefined ? {} : { replaces: lost.member.leaf }),
    })
    this.#observer?.commit(joined.message)
    this.#everybodyProcesses(joined.message, undefined)
    this.#people.push({ member: joined.next, inbox: [] })
    if (lost === undefined) this.tally.externals++
    else this.tally.resyncs++
  }

  #observe(groupInfo: Uint8Array, ratchetTree: Uint8Array): void {
    this.#observer = this.#encrypted ? undefined : new Observer(this.#suite, groupInfo, ratchetTree)
  }

  /** What creates a group that comes from this one, and the keys by which the others join it. */
  #descent(creator: Person, others: readonly Person[]) {
    const leafOf = ({ member }: Person) => {
      const { credential } = member.tree.leaf(member.leaf) as LeafNode
      return { ...newLeaf("", this.#suite), credential }
    }
    const keys = others.map((person) => createKeyPackage(this.#suite, leafOf(person), lifetime))
    const keyPackages = keys.map(({ keyPackage }) => decodeKeyPackage(keyPackage))
    const options = { ...policy, leaf: leafOf(creator), lifetime, keyPackages, clientOf: clientByCredential }
    return { keys, options }
  }

  /** The group ends, and somebody creates its successor, in which all go on. */
  #reinitialize(): void {
    const groupId = utf8(`group ${this.#names++}`)
    const extensions = this.#random(2) === 0 ? [] : [{ type: EXTENSION_TYPE, data: groupId }]
    const reInit = { kind: "reInit", groupId, version: 1, cipherSuite: this.#suite.id, extensions } as const
    const person = this.#pick()
    const leaveOut = person.member.proposals.map(({ ref }) => ref)
    const commit = person.member.commit({
      ...policy,
      leaveOut,
      proposals: [reInit],
      encrypted: this.#encrypted,
    })
    this.#observer?.commit(commit.message)
    this.#everybodyProcesses(commit.message, person)
    wipe(...commit.consumed)
    person.member = commit.next
    for (const { member } of this.#people) refused(() => member.commit(policy), "a commit after a ReInit")
    this.#succeed(this.#pick())
  }

  #succeed(creator: Person): void {
    const others = this.#people.filter((person) => person !== creator)
    const { keys, options } = this.#descent(creator, others)
    const made = creator.member.createSuccessor(this.#suite, options)
    this.#observe(made.groupInfo, made.ratchetTree)
    this.#observer?.commit(made.message)
    const join = { ratchetTree: made.next.tree.encode(), clientOf: clientByCredential }
    const next = new Map([[creator, made.next]])
    for (const [i, person] of others.entries()) {
      const own = keys[i] as OwnKeyPackage
      next.set(person, person.member.joinSuccessor(this.#suite, made.welcome as Uint8Array, own, join))
    }
    this.#people = [...next].map(([person, member]) => {
      person.member.wipe()
      return { member, inbox: [] }
    })
    this.tally.successors++
  }

  /** Some people get a group of their own, which is not looked at any further. */
  #branch(): void {
    const [creator, ...others] = this.#people.filter(() => this.#random(2) === 0)
    if (creator === undefined || others.length === 0) return
    const { keys, options } = this.#descent(creator, others)
    const made = creator.member.createBranch({ ...options, groupId: utf8(`branch ${this.#names++}`) })
    const join = { ratchetTree: made.next.tree.encode(), clientOf: clientByCredential }
    for (const [i, { member }] of others.entries()) {
      const joined = member.joinBranch(made.welcome as Uint8Array, keys[i] as OwnKeyPackage, join)
      if (toHex(joined.epochAuthenticator()) !== toHex(made.next.epochAuthenticator())) {
        throw new Error("members of a branch disagree")
      }
    }
    this.tally.branches++
  }

  #everybodyProcesses(message: Uint8Array, committer: Person | undefined): void {
    const remaining: Person[] = []
    for (const person of this.#people) {
      if (person === committer || this.#process(person, message)) remaining.push(person)
      else this.#isOut(person, message)
    }
    this.#people = remaining
  }

  /** Whether the person is still in the group. */
  #process(person: Person, message: Uint8Array): boolean {
    const processed = person.member.process(message, { ...policy, psks })
    wipe(...processed.consumed)
    person.member = processed.next
    if (processed.kind === "commit") {
      if (processed.commit.updated.includes(processed.next.leaf)) this.tally.updates++
      const count = (kind: Proposal["kind"]) =>
        processed.commit.proposals.filter((proposal) => proposal.kind === kind).length
      this.tally.psks += count("psk")
      this.tally.selfRemoves += count("selfRemove")
      this.tally.custom += processed.commit.custom.length
    }
    return processed.kind === "proposal" || !processed.selfRemoved
  }

  /** Somebody who was removed has nothing left. */
  #isOut({ member, inbox }: Person, message: Uint8Array): void {
    if (member.isMember) throw new Error("a removed member is a member")
    refused(() => member.exporter("x", new Uint8Array(0), 32), "an exporter after removal")
    refused(() => member.process(message, clock), "a commit after removal")
    for (const letter of inbox) refused(() => member.decrypt(letter.message), "a message after removal")
  }

  #restartSomebody(): void {
    const person = this.#pick()
    const bytes = person.member.serialize()
    person.member = Member.restore(this.#suite, bytes)
    bytes.fill(0)
    this.tally.restarts++
  }

  #agree(): void {
    const views = this.#people.map(({ member }) =>
      [
        member.encodedContext(),
        member.exporter("simulation", new Uint8Array(0), 32),
        member.epochAuthenticator(),
        member.tree.snapshot(),
      ].map(toHex),
    )
    for (const view of views) {
      if (view.some((value, i) => value !== views[0]?.[i])) throw new Error("members disagree")
    }
    for (const { member } of this.#people) {
      if (this.#observer?.agreesWith(member) === false) throw new Error("the observer disagrees")
    }
  }
}

function refused(attempt: () => unknown, what: string): void {
  try {
    attempt()
  } catch (error) {
    if (error instanceof MlsError) return
    throw error
  }
  throw new Error(`${what} was not refused`)
}

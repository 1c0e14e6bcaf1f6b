import { nativeCrypto } from "../../src/crypto/native.ts"
import { wipe } from "../../src/crypto/wipe.ts"
import { decodeMlsMessage } from "../../src/mls/codec/message.ts"
import type { Proposal } from "../../src/mls/codec/proposal.ts"
import { Member } from "../../src/mls/member/group.ts"
import type { OwnKeyPackage } from "../../src/mls/member/key-package.ts"
import { externalPskProposal, type PskLookup, resumptionPskProposal } from "../../src/mls/member/psks.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { concat, equal, toHex, utf8 } from "../../src/wire/bytes.ts"
import { randomFrom } from "../e2e/random.ts"
import { deliver, type Handshake, type Random, refused } from "./delivery.ts"
import { branch, succeed } from "./descent.ts"
import { deliverLetters, type LetterReader } from "./letters.ts"
import {
  addOf,
  clock,
  EXTENSION_TYPE,
  lifetime,
  newGroup,
  newKeyPackage,
  newLeaf,
  PROPOSAL_TYPE,
} from "./member-fixtures.ts"
import { Observer, policy } from "./onlooker.ts"
import { newTally, type Tally } from "./tally.ts"

/**
 * A group in memory that lives through a seeded random history: concurrent commits of which one wins, proposals by
 * reference and by value, joins from inside and outside, restarts, branches, ends and new beginnings. A server takes
 * handshakes of its epoch alone and keeps them in order, but members get them lost, late, out of order and twice ({@link deliver}), act meanwhile on what
 * they know, and come back from outside. Each of them agrees with all others about every epoch that it reaches, and so
 * does an observer. Secrets that an operation declares used up are overwritten, so a state that still needed one would
 * not live on.
 */

const PSK_ID = utf8("shared")
const PSK = utf8("a secret that everybody knows")
const psks: PskLookup = (id) => (id.kind === "external" ? PSK : undefined)

interface Person extends LetterReader {
  /** Reads its handshakes rarely. */
  readonly isSlow: boolean
  /** Handshakes that the server has for it, in order. */
  unread: Handshake[]
}

export interface SimulationOptions {
  readonly seed: number
  /** Handshakes are PrivateMessages. */
  readonly encrypted: boolean
  readonly suite: CipherSuite
  /** Nobody is added beyond it; outsiders still join. */
  readonly membersMax: number
}

export class Simulation {
  readonly tally: Tally = newTally()
  readonly #random: Random
  readonly #encrypted: boolean
  readonly #suite: CipherSuite
  readonly #membersMax: number
  /** Undefined where handshakes are encrypted: an observer cannot follow. */
  #observer: Observer | undefined
  readonly #keys = new Map<string, OwnKeyPackage>()
  /** What everybody has in common, by epoch. */
  readonly #views = new Map<bigint, Uint8Array>()
  /** The members by what the server knows. */
  #people: Person[] = []
  /** Those who were removed and do not know it yet. */
  #gone: Person[] = []
  /** The server's epoch. */
  #epoch = 0n
  /** The SelfRemoves of this epoch. */
  readonly #leaving = new Map<Person, Uint8Array>()
  #names = 0

  constructor({ seed, encrypted, suite, membersMax }: SimulationOptions) {
    const random = randomFrom(seed)
    this.#random = (below) => Math.floor(random() * below)
    this.#encrypted = encrypted
    this.#suite = suite
    this.#membersMax = membersMax
    const creator = newGroup("creator", utf8("group"), suite)
    this.#observe(creator.encodedGroupInfo(), creator.tree.encode())
    this.#enter(creator)
  }

  /** About one epoch: messages, proposals, a commit and what follows from it. */
  step(): void {
    this.#sendLetters()
    for (const person of this.#people) deliverLetters(person, this.#random, this.tally)
    if (this.#random(3) === 0) this.#propose()
    this.#receiveHandshakes()
    if (this.#random(20) === 0) this.#branch()
    if (this.#random(25) === 0) this.#reinitialize()
    else if (this.#random(6) === 0) this.#joinFromOutside()
    else this.#commit()
    this.#receiveHandshakes()
    this.#restartSomebody()
  }

  /** Everybody gets everything. Returns what all members now have in common. */
  finish(): Uint8Array {
    this.#receiveAll()
    for (const { member } of this.#people) {
      if (member.context.epoch !== this.#epoch) throw new Error("a member did not reach the last epoch")
    }
    if (this.#gone.length > 0) throw new Error("a removed member does not know it")
    return this.#views.get(this.#epoch) as Uint8Array
  }

  #receiveAll(): void {
    for (const person of [...this.#people, ...this.#gone]) this.#receive(person)
  }

  #pick(people: readonly Person[] = this.#people): Person {
    return people[this.#random(people.length)] as Person
  }

  /** Those who know the server's epoch; whoever made it is one of them. */
  #current(): Person[] {
    return this.#people.filter(({ member }) => member.context.epoch === this.#epoch)
  }

  #newcomer(): OwnKeyPackage {
    const own = newKeyPackage(`client ${this.#names++}`, lifetime, this.#suite)
    this.#keys.set(toHex(own.ref), own)
    return own
  }

  #sendLetters(): void {
    for (let i = this.#random(4); i > 0; i--) {
      const sender = this.#pick()
      this.tally.operations++
      const text = `text ${this.tally.letters++}`
      const { message, next, consumed } = sender.member.encrypt(utf8(text))
      wipe(...consumed)
      sender.member = next
      const letter = { message, text, sender: next.leaf, epoch: next.context.epoch }
      for (const person of this.#people) if (person !== sender) person.inbox.push(letter)
    }
  }

  #propose(): void {
    for (let i = 1 + this.#random(3); i > 0; i--) {
      const proposer = this.#pick()
      const options = { ...policy, encrypted: this.#encrypted }
      const rotated = this.#random(2) === 0 ? newLeaf(`renamed ${this.#names++}`, this.#suite) : undefined
      const leaves = !this.#isStale(proposer) && !this.#leaving.has(proposer) && this.#random(5) === 0
      const sent = leaves
        ? proposer.member.propose({ kind: "selfRemove" }, policy)
        : this.#isStale(proposer) || this.#random(2) === 0
          ? proposer.member.proposeUpdate(options, rotated)
          : proposer.member.propose(this.#proposal(), options)
      this.tally.operations++
      if (this.#isStale(proposer)) {
        this.#refuse("proposal", sent.message)
        continue
      }
      if (leaves) this.#leaving.set(proposer, sent.message)
      wipe(...sent.consumed)
      proposer.member = sent.next
      this.#observer?.propose(sent.message)
      this.#post("proposal", sent.message, proposer)
      this.tally.proposals++
    }
  }

  #isStale({ member }: Person): boolean {
    return member.context.epoch !== this.#epoch
  }

  /** The server and members of its epoch take nothing of an epoch that is over. */
  #refuse(kind: Handshake["kind"], message: Uint8Array): void {
    const observer = this.#observer
    if (observer !== undefined) {
      refused(
        () => (kind === "commit" ? observer.commit(message) : observer.propose(message)),
        `a stale ${kind}`,
      )
    }
    const { member } = this.#pick(this.#current())
    refused(() => member.process(message, { ...policy, psks }), `a stale ${kind}`)
    this.tally.stale++
  }

  /** The server has a handshake for all members but its author. */
  #post(kind: Handshake["kind"], message: Uint8Array, author: Person | undefined): void {
    const handshake = { kind, epoch: this.#epoch, message }
    for (const person of this.#people) if (person !== author) person.unread.push(handshake)
  }

  #proposal(): Proposal {
    const kind = this.#random(4)
    if (kind === 0 && this.#people.length < this.#membersMax) return addOf(this.#newcomer())
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
    const room = this.#membersMax - this.#people.length
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

  /** One to three members commit at once, and one commit of the server's epoch wins. */
  #commit(): void {
    const current = this.#current()
    const others = Array.from({ length: this.#random(3) }, () => this.#pick())
    const committers = [...new Set([this.#pick(current), ...others])]
    const staged = committers.map((person) => {
      const leaf = this.#random(6) === 0 ? { leaf: newLeaf(`renamed ${this.#names++}`, this.#suite) } : {}
      const commit = person.member.commit({
        ...policy,
        psks,
        proposals: this.#isStale(person) ? [] : this.#change(person),
        withoutPath: this.#random(2) === 0,
        encrypted: this.#encrypted,
        ...leaf,
      })
      this.tally.operations++
      return { person, commit }
    })
    for (const { person, commit } of staged) if (this.#isStale(person)) this.#refuse("commit", commit.message)
    const contending = staged.filter(({ person }) => !this.#isStale(person))
    const { person, commit } = contending[this.#random(contending.length)] as (typeof staged)[number]
    this.tally.lostCommits += contending.length - 1
    const before = this.#people.length
    this.#observer?.commit(commit.message)
    this.#post("commit", commit.message, person)
    wipe(...commit.consumed)
    person.member = commit.next
    this.#begin(commit.next, commit.added)
    this.tally.removes += before - this.#people.length
    if (commit.welcome !== undefined) this.#welcome(commit.welcome, commit.next.tree.encode())
  }

  /** An epoch that `first` made, in which these leaves are new. */
  #begin(first: Member, added: readonly number[]): void {
    this.#epoch = first.context.epoch
    this.#leaving.clear()
    this.#views.set(this.#epoch, viewOf(first))
    if (this.#observer?.agreesWith(first) === false) throw new Error("the observer disagrees")
    const stays = ({ member: { leaf } }: Person) =>
      first.tree.leafBytes(leaf) !== undefined && !added.includes(leaf)
    this.#gone.push(...this.#people.filter((person) => !stays(person)))
    this.#people = this.#people.filter(stays)
    this.tally.epochs++
  }

  #enter(member: Member): void {
    const { epoch } = member.context
    if (epoch === 0n) this.#begin(member, [])
    else this.#agree(member)
    this.#people.push({ member, joined: epoch, isSlow: this.#random(4) === 0, inbox: [], unread: [] })
    this.tally.most = Math.max(this.tally.most, this.#people.length)
  }

  #welcome(welcome: Uint8Array, ratchetTree: Uint8Array): void {
    const decoded = decodeMlsMessage(welcome)
    if (decoded.kind !== "welcome") throw new Error("not a Welcome")
    for (const { newMember } of decoded.welcome.secrets) {
      const own = this.#keys.get(toHex(newMember)) as OwnKeyPackage
      const member = Member.join(this.#suite, welcome, own, { ratchetTree, psks })
      this.#enter(member)
      this.tally.adds++
    }
  }

  /** A new client, or one that lost its state or what it had to read, joins through somebody's GroupInfo. */
  #joinFromOutside(): void {
    const through = this.#pick(this.#current()).member
    const behind = this.#people.filter((person) => this.#isStale(person))
    const found = this.#random(2) === 0 ? this.#pick(behind.length > 0 ? behind : this.#people) : undefined
    const lost = found !== undefined && this.#leaving.has(found) ? undefined : found
    const { message, next } = Member.joinExternal(this.#suite, through.encodedGroupInfo(), {
      ...clock,
      leaf: newLeaf(`outsider ${this.#names++}`, this.#suite),
      ratchetTree: through.tree.encode(),
      selfRemoves: [...this.#leaving.values()],
      ...(lost === undefined ? {} : { replaces: lost.member.leaf }),
    })
    this.tally.operations++
    this.#observer?.commit(message)
    this.#post("commit", message, undefined)
    this.#begin(next, [next.leaf])
    this.#enter(next)
    if (lost === undefined) this.tally.externals++
    else this.tally.resyncs++
  }

  #observe(groupInfo: Uint8Array, ratchetTree: Uint8Array): void {
    this.#observer = this.#encrypted ? undefined : new Observer(this.#suite, groupInfo, ratchetTree)
  }

  /** Everybody gets everything, the group ends, and somebody creates its successor, in which all go on. */
  #reinitialize(): void {
    this.#receiveAll()
    const groupId = utf8(`group ${this.#names++}`)
    const extensions = this.#random(2) === 0 ? [] : [{ type: EXTENSION_TYPE, data: groupId }]
    const reInit = { kind: "reInit", groupId, version: 1, cipherSuite: this.#suite.id, extensions } as const
    const person = this.#pick()
    const leaveOut = person.member.proposals.map(({ ref }) => ref)
    const options = { ...policy, leaveOut, proposals: [reInit], encrypted: this.#encrypted }
    const commit = person.member.commit(options)
    this.tally.operations++
    this.#observer?.commit(commit.message)
    this.#post("commit", commit.message, person)
    wipe(...commit.consumed)
    person.member = commit.next
    this.#begin(commit.next, [])
    this.#receiveAll()
    for (const { member } of this.#people) refused(() => member.commit(policy), "a commit after a ReInit")
    this.#succeed()
  }

  #succeed(): void {
    const creator = this.#pick()
    const before = this.#people.map(({ member }) => member)
    const others = before.filter((member) => member !== creator.member)
    const made = succeed(this.#suite, creator.member, others)
    this.tally.operations++
    this.#observe(made.groupInfo, made.ratchetTree)
    this.#observer?.commit(made.message)
    this.#views.clear()
    this.#people = []
    this.#begin(made.next, [])
    for (const member of [made.next, ...made.members]) this.#enter(member)
    for (const member of before) member.wipe()
    this.tally.successors++
  }

  /** Some people get a group of their own, which is not looked at any further. */
  #branch(): void {
    const [creator, ...others] = this.#current()
      .filter(() => this.#random(2) === 0)
      .map(({ member }) => member)
    if (creator === undefined || others.length === 0) return
    const [first, ...rest] = branch(this.#suite, utf8(`branch ${this.#names++}`), creator, others)
    const agreed = rest.every((member) => equal(viewOf(member), viewOf(first as Member)))
    if (!agreed) throw new Error("members of a branch disagree")
    this.tally.operations++
    this.tally.branches++
  }

  /** Most get what they have not read. */
  #receiveHandshakes(): void {
    for (const person of [...this.#people, ...this.#gone]) {
      if ((this.#random(6) === 0) === person.isSlow) this.#receive(person)
    }
  }

  #receive(person: Person): void {
    const { unread } = person
    person.unread = []
    const receiver = {
      get epoch() {
        return person.member.context.epoch
      },
      take: ({ message }: Handshake) => this.#process(person, message),
    }
    if (deliver(unread, receiver, this.#random, this.tally)) return
    if (!this.#gone.includes(person)) throw new Error("a member is removed that the server has")
    this.#gone = this.#gone.filter((other) => other !== person)
    this.#isOut(person, unread)
  }

  /** Whether the person is still in the group. */
  #process(person: Person, message: Uint8Array): boolean {
    const processed = person.member.process(message, { ...policy, psks })
    wipe(...processed.consumed)
    person.member = processed.next
    if (processed.kind === "proposal") return true
    if (processed.commit.updated.includes(processed.next.leaf)) this.tally.updates++
    const count = (kind: Proposal["kind"]) =>
      processed.commit.proposals.filter((proposal) => proposal.kind === kind).length
    this.tally.psks += count("psk")
    this.tally.selfRemoves += count("selfRemove")
    this.tally.custom += processed.commit.custom.length
    if (!processed.selfRemoved) this.#agree(processed.next)
    return !processed.selfRemoved
  }

  /** Somebody who was removed has nothing left. */
  #isOut({ member, inbox }: Person, unread: readonly Handshake[]): void {
    if (member.isMember) throw new Error("a removed member is a member")
    refused(() => member.exporter("x", new Uint8Array(0), 32), "an exporter after removal")
    for (const { message } of unread) refused(() => member.process(message, clock), "a commit after removal")
    for (const letter of inbox) refused(() => member.decrypt(letter.message), "a message after removal")
  }

  #restartSomebody(): void {
    const person = this.#pick()
    const bytes = person.member.serialize()
    person.member = Member.restore(this.#suite, bytes)
    bytes.fill(0)
    this.tally.operations++
    this.tally.restarts++
  }

  /** What a member knows of its epoch is what whoever made that epoch knows. */
  #agree(member: Member): void {
    const view = this.#views.get(member.context.epoch)
    if (view === undefined || !equal(viewOf(member), view)) throw new Error("members disagree")
  }
}

/** Everything that members of an epoch have in common, as a hash. */
function viewOf(member: Member): Uint8Array {
  return nativeCrypto.sha256(
    concat(
      member.encodedContext(),
      member.exporter("simulation", new Uint8Array(0), 32),
      member.epochAuthenticator(),
      member.tree.snapshot(),
    ),
  )
}

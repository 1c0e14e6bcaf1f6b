import { expect } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import type { CommitParams } from "../../src/ds/commit.ts"
import {
  leafCapabilities,
  makeContextExtensions,
  readContextExtensions,
} from "../../src/group/context-extensions.ts"
import { followingRoles } from "../../src/group/following-roles.ts"
import { WireFormat } from "../../src/mls/codec/protocol.ts"
import { leavesRemoved } from "../../src/mls/group/proposal.ts"
import {
  createKeyPackage,
  decodeKeyPackage,
  decodeMlsMessage,
  type Extension,
  type ExternalJoinOptions,
  encodeExtensions,
  type JoinerKeys,
  Member,
  type OwnLeaf,
  type Proposal,
} from "../../src/mls/index.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { fromUtf8, toHex, utf8 } from "../../src/wire/bytes.ts"
import type { ds } from "../../src/wire/ds.ts"
import type { Params } from "../../src/wire/endpoint.ts"
import { QUEUE_CONFIG_EXTENSION_TYPE } from "../../src/wire/queue-config.ts"
import type { QueueMessage } from "../../src/wire/queue-message.ts"
import { addUsersData, type Group, joinData, sealedName, updateClientData } from "./group.ts"
import type { SignedOperation, Signer, World } from "./world.ts"

/** Members of one group by our own MLS core, who do all that a group can do; each reads its queue when told to. */

const suite = suite1(nativeCrypto)

/** The epoch for which an MLSMessage was made; whoever came back by resync passes over those of before. */
function epochOf(message: Uint8Array): bigint {
  const decoded = decodeMlsMessage(message)
  if (decoded.kind === "publicMessage") return decoded.message.framed.epoch
  if (decoded.kind === "privateMessage") return decoded.message.epoch
  throw new Error("not a message to a group")
}

/** Where a circle meets: in the test's process, or over a network. */
export type CircleWorld = Pick<World, "now" | "lifetime" | "queueConfig" | "ask" | "call"> & {
  take(name: string): QueueMessage[] | Promise<QueueMessage[]>
  /** The queues, where they are the test's own. */
  readonly fanout?: World["fanout"]
}

/** A client on its way into a group, in it, or gone. */
export class Person {
  readonly name: string
  readonly leafContent: OwnLeaf
  readonly queueConfig: Uint8Array
  readonly keys: JoinerKeys
  readonly ref: Uint8Array
  /** Texts that it read, in order. */
  readonly read: string[] = []
  /** The epoch in which it joined, the last time. */
  since = 0n
  #member: Member | undefined

  constructor(world: CircleWorld, name: string) {
    this.name = name
    this.queueConfig = world.queueConfig(name)
    this.leafContent = {
      signatureSecret: nativeCrypto.random(32),
      credential: { kind: "basic", identity: utf8(name) },
      capabilities: leafCapabilities(suite.id),
      extensions: [],
    }
    const queue = { type: QUEUE_CONFIG_EXTENSION_TYPE, data: this.queueConfig }
    const own = createKeyPackage(suite, this.leafContent, world.lifetime, [queue])
    this.keys = own
    this.ref = own.ref
  }

  get key(): Uint8Array {
    return nativeCrypto.ed25519Public(this.member.signatureSecret)
  }

  get member(): Member {
    if (this.#member === undefined) throw new Error(`${this.name} is not a member`)
    return this.#member
  }

  set member(member: Member) {
    this.#member = member
  }

  get isMember(): boolean {
    return this.#member?.isMember === true
  }

  join(member: Member): void {
    this.member = member
    this.since = member.context.epoch
  }

  get leaf(): number {
    return this.member.leaf
  }

  get byLeaf(): Signer {
    return { sender: { kind: "leaf", leaf: this.leaf }, seed: this.member.signatureSecret }
  }

  get byKeyPackage(): Signer {
    return { sender: { kind: "kpref", id: this.ref }, seed: this.leafContent.signatureSecret }
  }
}

/** A request that is not sent yet. */
export interface Request<K extends SignedOperation = SignedOperation> {
  readonly operation: K
  readonly signer: Signer
  readonly params: Params<(typeof ds)[K]>
  /** The sender after the server's yes. */
  accepted(): void
}

export interface Commitment {
  readonly proposals?: readonly Proposal[]
  readonly authenticatedData?: Uint8Array
  /** Signs with another key from then on. */
  readonly leaf?: OwnLeaf
  /** Proposals besides those that the operation is about. */
  readonly also?: readonly Proposal[]
  /** Roles follow who stays, unless the test says otherwise. */
  readonly roles?: "stay"
}

export type Resync = Partial<ExternalJoinOptions>

type Committed = CommitParams & { readonly welcome: Uint8Array | undefined; accepted(): void }

export class Circle {
  readonly group: Group
  readonly #world: CircleWorld
  readonly #people = new Map<string, Person>()

  private constructor(world: CircleWorld, group: Group) {
    this.#world = world
    this.group = group
  }

  /** A group of these people, made by the first, who is its admin. */
  static async of(world: CircleWorld, creator: string, ...others: string[]): Promise<Circle> {
    const circle = await Circle.create(world, creator)
    if (others.length > 0) {
      await circle.submit(circle.adding(creator, others))
      await circle.settle()
    }
    return circle
  }

  /** A group of one, with the extensions that it should have unless the test wants others. */
  static async create(
    world: CircleWorld,
    creator: string,
    extensions = (admin: Uint8Array, removalKey: Uint8Array): Extension[] =>
      makeContextExtensions({ admins: [admin], removalKey }),
  ): Promise<Circle> {
    const { groupId, removalKey } = await world.ask("requestGroupId", {})
    const person = new Person(world, creator)
    const admin = nativeCrypto.ed25519Public(person.leafContent.signatureSecret)
    const circle = new Circle(world, { groupId: groupId.slice(), earKey: nativeCrypto.random(32) })
    person.member = Member.create(suite, {
      groupId: groupId.slice(),
      leaf: person.leafContent,
      lifetime: world.lifetime,
      extensions: extensions(admin, removalKey.slice()),
    })
    circle.#people.set(creator, person)
    await world.call("createGroup", person.byLeaf, {
      ...circle.group,
      groupInfo: person.member.encodedGroupInfo(),
      ratchetTree: person.member.tree.encode(),
      encryptedCredential: sealedName(creator),
      queueConfig: person.queueConfig,
    })
    return circle
  }

  person(name: string): Person {
    const found = this.#people.get(name)
    if (found === undefined) throw new Error(`nobody is called ${name}`)
    return found
  }

  /** Somebody whose queue is gone, and who follows nothing any more. */
  lose(name: string): void {
    this.#world.fanout?.gone.add(name)
    this.#people.delete(name)
  }

  /** Those who take part in the group, as they know. */
  get members(): Person[] {
    return [...this.#people.values()].filter(({ isMember }) => isMember)
  }

  /** The names of the admins, as the GroupContext has them. */
  get admins(): string[] {
    const [anyone] = this.members
    if (anyone === undefined) return []
    const keys = readContextExtensions(anyone.member.context.extensions).admins.map(toHex)
    return this.members.filter(({ key }) => keys.includes(toHex(key))).map(({ name }) => name)
  }

  async submit<K extends SignedOperation>(request: Request<K>): Promise<void> {
    await this.#world.call(request.operation, request.signer, request.params)
    request.accepted()
  }

  commit(by: string, what: Commitment = {}): Committed {
    const { member } = this.person(by)
    const { authenticatedData = new Uint8Array(0), leaf } = what
    const proposals = [...(what.proposals ?? []), ...(what.also ?? [])]
    const roles = what.roles === "stay" ? undefined : this.#following(by, proposals, leaf)
    const { message, next, welcome } = member.commit({
      now: this.#now(),
      proposals: roles === undefined ? proposals : [...proposals, roles],
      authenticatedData,
      ...(leaf === undefined ? {} : { leaf }),
    })
    const { extensions, signature } = next.groupInfo()
    return {
      ...this.group,
      commit: message,
      groupInfo: { extensions: encodeExtensions(extensions), signature },
      welcome,
      accepted: () => {
        this.person(by).member = next
      },
    }
  }

  #following(by: string, proposals: readonly Proposal[], renewed?: OwnLeaf): Proposal | undefined {
    const { member, leaf } = this.person(by)
    const sender = { kind: "member", leafIndex: leaf } as const
    const own = proposals.map((proposal) => ({ proposal, sender }))
    if (own.some(({ proposal }) => proposal.kind === "groupContextExtensions")) return undefined
    const removed = leavesRemoved([...member.proposals, ...own]).filter((one) => one !== leaf)
    const key = nativeCrypto.ed25519Public(renewed?.signatureSecret ?? member.signatureSecret)
    return followingRoles(member.context.extensions, {
      before: member.tree,
      removed,
      committer: { leaf, key },
    })
  }

  #committing<K extends "updateClient" | "removeUsers" | "changeRoles">(
    operation: K,
    by: string,
    what: Commitment,
  ): Request<K> {
    const { welcome: _, accepted, ...params } = this.commit(by, what)
    return { operation, signer: this.person(by).byLeaf, params, accepted }
  }

  adding(by: string, names: readonly string[]): Request<"addUsers"> {
    const people = names.map((name) => new Person(this.#world, name))
    const { welcome, accepted, ...params } = this.commit(by, {
      proposals: people.map(({ keys }) => ({ kind: "add", keyPackage: decodeKeyPackage(keys.keyPackage) })),
      authenticatedData: addUsersData(names),
    })
    const attributions = names.map((name) => utf8(`attribution for ${name}`))
    return {
      operation: "addUsers",
      signer: this.person(by).byLeaf,
      params: { ...params, welcome: welcome as Uint8Array, attributions },
      accepted: () => {
        accepted()
        for (const person of people) this.#people.set(person.name, person)
      },
    }
  }

  removing(by: string, names: readonly string[], more: Commitment = {}): Request<"removeUsers"> {
    const proposals = names.map((name): Proposal => ({ kind: "remove", removed: this.person(name).leaf }))
    return this.#committing("removeUsers", by, { ...more, proposals })
  }

  updating(by: string, more: Commitment = {}): Request<"updateClient"> {
    return this.#committing("updateClient", by, { authenticatedData: updateClientData(undefined), ...more })
  }

  /** A change of roles by itself, for commits that have no business with it. */
  rolesOf(admins: readonly string[]): Proposal[] {
    const [anyone] = this.members as [Person]
    const { removalKey } = readContextExtensions(anyone.member.context.extensions)
    const keys = admins.map((name) => this.person(name).key)
    return [
      { kind: "groupContextExtensions", extensions: makeContextExtensions({ admins: keys, removalKey }) },
    ]
  }

  addOf(name: string): Proposal {
    const { keys } = new Person(this.#world, name)
    return { kind: "add", keyPackage: decodeKeyPackage(keys.keyPackage) }
  }

  changingRoles(by: string, admins: readonly string[]): Request<"changeRoles"> {
    return this.changingRolesTo(
      by,
      admins.map((name) => this.person(name).key),
    )
  }

  changingRolesTo(by: string, admins: readonly Uint8Array[]): Request<"changeRoles"> {
    const { removalKey } = readContextExtensions(this.person(by).member.context.extensions)
    const extensions = makeContextExtensions({ admins, removalKey })
    const proposals: Proposal[] = [{ kind: "groupContextExtensions", extensions }]
    return this.#committing("changeRoles", by, { proposals })
  }

  /** Somebody who knows the EAR key joins a group of one by itself. */
  async joining(name: string): Promise<void> {
    const person = new Person(this.#world, name)
    const { groupInfo, ratchetTree } = await this.#world.ask("externalCommitInfo", this.group)
    const { message, next } = Member.joinExternal(suite, groupInfo, {
      now: this.#now(),
      ratchetTree,
      leaf: person.leafContent,
      authenticatedData: joinData(name),
    })
    const { extensions, signature } = next.groupInfo()
    const commit = { commit: message, groupInfo: { extensions: encodeExtensions(extensions), signature } }
    const { queueConfig } = person
    await this.#world.ask("joinConnectionGroup", { ...this.group, ...commit, queueConfig })
    person.join(next)
    this.#people.set(name, person)
  }

  #now(): bigint {
    return BigInt(Math.floor(this.#world.now / 1000))
  }

  /** Somebody leaves, or proposes something else in the same way. */
  leaving(by: string, proposal: Proposal = { kind: "selfRemove" }, more: object = {}): Request<"selfRemove"> {
    const person = this.person(by)
    const { message, next } = person.member.propose(proposal, { now: undefined, ...more })
    return {
      operation: "selfRemove",
      signer: person.byLeaf,
      params: { ...this.group, proposal: message },
      accepted: () => {
        person.member = next
      },
    }
  }

  /** The client has lost all but its leaf index and signature key. */
  async resyncing(name: string, more: Resync = {}): Promise<Request<"resync">> {
    const person = this.person(name)
    const { groupInfo, ratchetTree } = await this.#world.ask("externalCommitInfo", this.group)
    const { message, next } = Member.joinExternal(suite, groupInfo, {
      now: this.#now(),
      ratchetTree,
      leaf: { ...person.leafContent, signatureSecret: person.member.signatureSecret },
      replaces: person.leaf,
      authenticatedData: joinData(name),
      ...more,
    })
    const { extensions, signature } = next.groupInfo()
    return {
      operation: "resync",
      signer: person.byLeaf,
      params: {
        ...this.group,
        commit: message,
        groupInfo: { extensions: encodeExtensions(extensions), signature },
      },
      accepted: () => {
        person.join(next)
      },
    }
  }

  deleting(by: string, more: Commitment = {}): Request<"deleteGroup"> {
    const { member, byLeaf } = this.person(by)
    const others = member.tree.members().filter((leaf) => leaf !== member.leaf)
    const proposals = others.map((removed): Proposal => ({ kind: "remove", removed }))
    const { commit, accepted } = this.commit(by, { proposals, roles: "stay", ...more })
    return { operation: "deleteGroup", signer: byLeaf, params: { ...this.group, commit }, accepted }
  }

  changingQueue(by: string, queueConfig: Uint8Array): Request<"updateQueueConfig"> {
    const params = { ...this.group, queueConfig }
    return {
      operation: "updateQueueConfig",
      signer: this.person(by).byLeaf,
      params,
      accepted: () => undefined,
    }
  }

  sending(by: string, text: string): Request<"sendMessage"> {
    const person = this.person(by)
    const { message, next } = person.member.encrypt(utf8(text))
    return {
      operation: "sendMessage",
      signer: person.byLeaf,
      params: { ...this.group, message },
      accepted: () => {
        person.member = next
      },
    }
  }

  /** Everybody reads everything in its queue; then all members agree on the group. */
  async settle(): Promise<void> {
    for (const { name } of this.#people.values()) await this.read(name, await this.#world.take(name))
    const agreed = new Set(this.members.map(({ member }) => toHex(member.epochAuthenticator())))
    expect(agreed.size).toBeLessThanOrEqual(1)
  }

  async read(name: string, messages: readonly QueueMessage[]): Promise<void> {
    for (const message of messages) await this.#read(this.person(name), message)
  }

  async #read(person: Person, message: QueueMessage): Promise<void> {
    if (message.type === "welcome") {
      const { epoch, welcome } = message.bundle
      const asked = { ...this.group, epoch: Number(epoch) }
      const { ratchetTree } = await this.#world.call("welcomeInfo", person.byKeyPackage, asked)
      person.join(Member.join(suite, welcome, person.keys, { ratchetTree }))
    } else if (message.type === "mls") this.#process(person, message.message)
    else for (const proposal of message.proposals) this.#process(person, proposal)
  }

  #process(person: Person, message: Uint8Array): void {
    if (!person.isMember || epochOf(message) < person.since) return
    if (message[3] === WireFormat.privateMessage) {
      const { plaintext, next } = person.member.decrypt(message)
      person.read.push(fromUtf8(plaintext))
      person.member = next
    } else person.member = person.member.process(message, { now: undefined }).next
  }
}

import type { Signer, Transport } from "../../src/client/transport.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { decodeKeyPackage } from "../../src/mls/codec/key-package.ts"
import { encodeExtensions, Member, type Proposal } from "../../src/mls/index.ts"
import { equal, toHex, utf8 } from "../../src/wire/bytes.ts"
import { ds } from "../../src/wire/ds.ts"
import { addUsersData, firstExtensions, type Group, sealedName, updateClientData } from "../ds/group.ts"
import { CrowdMember, type EnteredEpoch, lifetime, secondsNow, suite } from "./crowd-member.ts"

const ARRIVALS_AT_ONCE = 25

/** A message that the server accepted, as everybody else must get it. */
interface Accepted {
  readonly sender: CrowdMember
  /** SHA-256, in hexadecimal. */
  readonly fingerprint: string
}

/** A large group of one server, and what was sent to it, in the order in which it was accepted. */
export class Crowd {
  readonly creator: CrowdMember
  readonly group: Group
  /** Those who are in it, the creator first. */
  members: CrowdMember[]
  readonly #transport: Transport
  readonly #accepted: Accepted[] = []
  /** How much had been accepted when they came, and when they were removed. */
  readonly #since = new Map<CrowdMember, number>()
  readonly #until = new Map<CrowdMember, number>()

  private constructor(transport: Transport, creator: CrowdMember, group: Group) {
    this.#transport = transport
    this.creator = creator
    this.group = group
    this.members = [creator]
    this.#since.set(creator, 0)
  }

  static async create(transport: Transport): Promise<Crowd> {
    const creator = await CrowdMember.arrive(transport, "creator", true)
    const reserved = await transport.call(ds.requestGroupId, {})
    const groupId = reserved.groupId.slice()
    const extensions = firstExtensions(
      { seed: creator.leafContent.signatureSecret },
      reserved.removalKey.slice(),
    )
    const { leafContent: leaf } = creator
    creator.member = Member.create(suite, { groupId, leaf, lifetime: lifetime(), extensions })
    const crowd = new Crowd(transport, creator, { groupId, earKey: crypto.random(32) })
    const params = {
      ...crowd.group,
      groupInfo: creator.member.encodedGroupInfo(),
      ratchetTree: creator.member.tree.encode(),
      encryptedCredential: sealedName(creator.name),
      queueConfig: creator.mailbox.queueConfig(),
    }
    await transport.call(ds.createGroup, params, byLeaf(creator))
    return crowd
  }

  /** Clients who are in no group yet; every `stride`th of them will follow. */
  async arrivals(count: number, stride: number): Promise<CrowdMember[]> {
    const arrived: CrowdMember[] = []
    while (arrived.length < count) {
      const several = Math.min(ARRIVALS_AT_ONCE, count - arrived.length)
      const names = Array.from({ length: several }, (_, i) => arrived.length + i)
      arrived.push(
        ...(await Promise.all(
          names.map((n) => CrowdMember.arrive(this.#transport, `member ${n}`, n % stride === 0)),
        )),
      )
    }
    return arrived
  }

  /** Returns the epoch that all of them must find. */
  async add(newcomers: readonly CrowdMember[]): Promise<EnteredEpoch> {
    const names = newcomers.map(({ name }) => name)
    const adds = newcomers.map(
      ({ keys }): Proposal => ({ kind: "add", keyPackage: decodeKeyPackage(keys.keyPackage) }),
    )
    await this.#commit(this.creator, adds, addUsersData(names), async (params, welcome, signer) => {
      const attributions = names.map((name) => utf8(`attribution for ${name}`))
      await this.#transport.call(ds.addUsers, { ...params, welcome, attributions }, signer)
    })
    for (const newcomer of newcomers) this.#since.set(newcomer, this.#accepted.length)
    this.members.push(...newcomers)
    const { context } = this.creator.member
    return { epoch: context.epoch, authenticator: toHex(this.creator.member.epochAuthenticator()) }
  }

  async remove(gone: readonly CrowdMember[]): Promise<void> {
    const removes = gone.map((member): Proposal => ({ kind: "remove", removed: this.#leafOf(member) }))
    await this.#commit(this.creator, removes, new Uint8Array(0), async (params, _, signer) => {
      await this.#transport.call(ds.removeUsers, params, signer)
    })
    this.#part(gone)
  }

  /** New keys for one member and the group; whoever proposed to leave is gone with it. */
  async rotate(member: CrowdMember, leaving: readonly CrowdMember[] = []): Promise<void> {
    await this.#commit(member, [], updateClientData(undefined), async (params, _, signer) => {
      await this.#transport.call(ds.updateClient, params, signer)
    })
    this.#part(leaving)
  }

  async leave(member: CrowdMember): Promise<void> {
    const { message, next } = member.member.propose({ kind: "selfRemove" }, { now: secondsNow() })
    await this.#transport.call(ds.selfRemove, { ...this.group, proposal: message }, byLeaf(member))
    member.member = next
    this.#accept(member, message)
  }

  /** Returns the ciphertext. */
  async say(member: CrowdMember, text: string): Promise<Uint8Array> {
    const { message, next } = member.member.encrypt(utf8(text))
    await this.#transport.call(ds.sendMessage, { ...this.group, message }, byLeaf(member))
    member.member = next
    this.#accept(member, message)
    return message
  }

  /** Fingerprints of what a member's queue must have held, in order. */
  expected(member: CrowdMember): string[] {
    return this.#accepted
      .slice(this.#since.get(member), this.#until.get(member))
      .flatMap(({ sender, fingerprint }) => (sender === member ? [] : [fingerprint]))
  }

  async #commit(
    by: CrowdMember,
    proposals: readonly Proposal[],
    authenticatedData: Uint8Array,
    send: (params: CommitParams, welcome: Uint8Array, signer: Signer) => Promise<void>,
  ): Promise<void> {
    const { message, welcome, next } = by.member.commit({ now: secondsNow(), proposals, authenticatedData })
    const { extensions, signature } = next.groupInfo()
    const groupInfo = { extensions: encodeExtensions(extensions), signature }
    await send({ ...this.group, commit: message, groupInfo }, welcome ?? new Uint8Array(0), byLeaf(by))
    by.member = next
    this.#accept(by, message)
  }

  #leafOf({ leafContent }: CrowdMember): number {
    const { tree } = this.creator.member
    const key = suite.signaturePublic(leafContent.signatureSecret)
    const leaf = tree.members().find((index) => equal(tree.signatureKey(index), key))
    if (leaf === undefined) throw new Error("not a member")
    return leaf
  }

  #accept(sender: CrowdMember, message: Uint8Array): void {
    this.#accepted.push({ sender, fingerprint: toHex(crypto.sha256(message)) })
  }

  #part(gone: readonly CrowdMember[]): void {
    for (const member of gone) this.#until.set(member, this.#accepted.length)
    this.members = this.members.filter((member) => !gone.includes(member))
  }
}

interface CommitParams extends Group {
  readonly commit: Uint8Array
  readonly groupInfo: { readonly extensions: Uint8Array; readonly signature: Uint8Array }
}

function byLeaf({ member }: CrowdMember): Signer {
  return { sender: { kind: "leaf", leaf: member.leaf }, seed: member.signatureSecret }
}

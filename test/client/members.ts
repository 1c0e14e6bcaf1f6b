import type { GroupMember, KeyPackageSecrets, Membership, OwnLeaf } from "../../src/client/mls/member.ts"
import { ownMembership } from "../../src/client/mls/own-membership.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { utf8 } from "../../src/wire/bytes.ts"

/** Members of one group and a delivery service that keeps their order: what the tests of GroupMember play with. */

export const membership: Membership = ownMembership(nativeCrypto)

export const NO_DATA = new Uint8Array(0)
export const GROUP_ID = new Uint8Array(16).fill(7)

const now = Math.floor(Date.now() / 1000)
const lifetime = { notBefore: now - 3600, notAfter: now + 90 * 86_400 }

export function newLeaf(name: string): OwnLeaf {
  return { identity: utf8(name), signatureSeed: nativeCrypto.random(32) }
}

export async function newKeyPackage(
  name: string,
): Promise<{ keyPackage: Uint8Array; secrets: KeyPackageSecrets }> {
  return await membership.keyPackage({ leaf: newLeaf(name), lifetime, extensions: [] })
}

export function createGroup(name: string): Promise<GroupMember> {
  return membership.create({
    groupId: GROUP_ID,
    removalKey: new Uint8Array(32),
    leaf: newLeaf(name),
    lifetime,
  })
}

/** A secret that only members of the same epoch share. */
export async function epochSecret(member: GroupMember): Promise<string> {
  return Buffer.from(await member.exporter("test", NO_DATA, 32)).toString("hex")
}

/** All members of a group, kept in step. */
export class Room {
  readonly members: GroupMember[]

  private constructor(members: GroupMember[]) {
    this.members = members
  }

  static async create(name: string): Promise<Room> {
    return new Room([await createGroup(name)])
  }

  at(index: number): number {
    return index % this.members.length
  }

  member(index: number): GroupMember {
    const member = this.members[this.at(index)]
    if (member === undefined) throw new Error("no such member")
    return member
  }

  async add(by: number, name: string): Promise<void> {
    const own = await newKeyPackage(name)
    const staged = await this.member(by).commit({ adds: [own.keyPackage], authenticatedData: NO_DATA })
    await this.#accept(by, staged.commit, staged.next)
    if (staged.welcome === undefined) throw new Error("no welcome")
    this.members.push(await membership.joinFromWelcome(staged.welcome, own, staged.next.ratchetTree()))
  }

  async update(by: number): Promise<void> {
    const staged = await this.member(by).commit({ authenticatedData: NO_DATA })
    await this.#accept(by, staged.commit, staged.next)
  }

  async remove(by: number, whom: number): Promise<void> {
    if (this.at(by) === this.at(whom)) return
    const removed = this.member(whom)
    const staged = await this.member(by).commit({ removes: [removed.leaf], authenticatedData: NO_DATA })
    const seen = await removed.process(staged.commit)
    if (!seen.selfRemoved) throw new Error("a removed member did not notice")
    const sender = this.member(by)
    this.members.splice(this.at(whom), 1)
    await this.#accept(this.members.indexOf(sender), staged.commit, staged.next)
  }

  async joinExternally(through: number, name: string): Promise<void> {
    const member = this.member(through)
    const staged = await membership.joinExternal(
      member.groupInfo().bytes,
      member.ratchetTree(),
      newLeaf(name),
      NO_DATA,
    )
    await this.#accept(-1, staged.commit, staged.next)
    this.members.push(staged.next)
  }

  /** Sends one message and returns what every other member read. */
  async send(by: number, text: string): Promise<{ sender: number; plaintexts: string[] }> {
    const sender = this.at(by)
    const encrypted = await this.member(by).encrypt(utf8(text))
    this.members[sender] = encrypted.next
    const plaintexts: string[] = []
    for (const [index, member] of this.members.entries()) {
      if (index === sender) continue
      const opened = await member.decrypt(encrypted.message)
      if (opened.sender !== encrypted.next.leaf) throw new Error("wrong sender")
      this.members[index] = opened.next
      plaintexts.push(new TextDecoder().decode(opened.plaintext))
    }
    return { sender, plaintexts }
  }

  restart(index: number): void {
    this.members[this.at(index)] = membership.restore(this.member(index).serialize())
  }

  async #accept(by: number, commit: Uint8Array, next: GroupMember): Promise<void> {
    const sender = by < 0 ? -1 : this.at(by)
    for (const [index, member] of this.members.entries()) {
      this.members[index] = index === sender ? next : (await member.process(commit)).next
    }
  }
}

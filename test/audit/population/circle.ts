import { GroupAuthor, makeCandidate } from "../../../bench/author.ts"
import { addUsersData, updateClientData } from "../../../bench/population.ts"
import type { Signer, Transport } from "../../../src/client/transport.ts"
import { FRAGMENT_BYTES } from "../../../src/crypto/chain.ts"
import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import { ds } from "../../../src/wire/ds.ts"
import { ENCRYPTED_CREDENTIAL_BYTES } from "../../../src/wire/encrypted-credential.ts"
import type { Resident } from "./resident.ts"

/** What of a queued message is not the message. */
const HEADER_BYTES = 64
const WELCOME_BYTES_MAX = 4096

/** A group that its members' requests made. */
export class Circle {
  readonly members: readonly Resident[]
  readonly #transport: Transport
  readonly #author: GroupAuthor
  readonly #earKey: Uint8Array

  private constructor(
    members: readonly Resident[],
    transport: Transport,
    author: GroupAuthor,
    earKey: Uint8Array,
  ) {
    this.members = members
    this.#transport = transport
    this.#author = author
    this.#earKey = earKey
  }

  /** The first one makes it and adds the others. */
  static async gather(transport: Transport, members: readonly Resident[]): Promise<Circle> {
    const [creator, ...others] = members.map((member) => makeCandidate(member.queueConfig()))
    if (creator === undefined) throw new Error("a group has members")
    const { groupId, removalKey } = await transport.call(ds.requestGroupId, {})
    const author = new GroupAuthor(groupId.slice(), creator, removalKey.slice())
    const circle = new Circle(members, transport, author, crypto.random(32))
    await transport.call(
      ds.createGroup,
      {
        ...circle.#key,
        ...author.creation,
        encryptedCredential: crypto.random(ENCRYPTED_CREDENTIAL_BYTES),
        queueConfig: (members[0] as Resident).queueConfig(),
      },
      circle.#signer(0),
    )
    const { commit, groupInfo, welcome, accept } = author.commit(0, others, addUsersData(others.length))
    const attributions = others.map(() => crypto.random(64))
    const params = { ...circle.#key, commit, groupInfo, welcome, attributions }
    await transport.call(ds.addUsers, params, circle.#signer(0))
    accept()
    circle.#count(WELCOME_BYTES_MAX + welcome.length)
    return circle
  }

  /** What the members get. */
  async say(member: number, bytes: number): Promise<Uint8Array> {
    const message = this.#author.applicationMessage(bytes)
    this.#count(bytes)
    await this.#transport.call(ds.sendMessage, { ...this.#key, message }, this.#signer(member))
    return message
  }

  /** The commit. */
  async update(member: number): Promise<Uint8Array> {
    const { commit, groupInfo, accept } = this.#author.commit(member, [], updateClientData)
    await this.#transport.call(ds.updateClient, { ...this.#key, commit, groupInfo }, this.#signer(member))
    accept()
    this.#count(commit.length)
    return commit
  }

  /** The first one removes somebody else. */
  async remove(member: number): Promise<void> {
    const { commit, groupInfo, accept } = this.#author.commit(0, [], new Uint8Array(0), [member])
    await this.#transport.call(ds.removeUsers, { ...this.#key, commit, groupInfo }, this.#signer(0))
    accept()
    this.#count(commit.length)
  }

  /** Removes all others. */
  async delete(): Promise<void> {
    const others = [...this.#author.seeds.keys()].filter((leaf) => leaf !== 0)
    const { commit } = this.#author.commit(0, [], new Uint8Array(0), others)
    await this.#transport.call(ds.deleteGroup, { ...this.#key, commit }, this.#signer(0))
    this.#count(commit.length)
  }

  /** By which the server knows it. */
  get id(): Uint8Array {
    return this.#author.groupId
  }

  #count(bytes: number): void {
    const entries = Math.ceil((bytes + HEADER_BYTES) / FRAGMENT_BYTES)
    for (const member of this.members) member.entriesMax += entries
  }

  get #key() {
    return { groupId: this.#author.groupId, earKey: this.#earKey }
  }

  #signer(leaf: number): Signer {
    return { sender: { kind: "leaf", leaf }, seed: this.#author.seeds.get(leaf) as Uint8Array }
  }
}

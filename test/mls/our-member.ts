import { nativeCrypto } from "../../src/crypto/native.ts"
import { leafCapabilities } from "../../src/group/context-extensions.ts"
import { type Extension, encodeExtensions } from "../../src/mls/codec/extension.ts"
import { decodeKeyPackage } from "../../src/mls/codec/key-package.ts"
import type { Lifetime } from "../../src/mls/codec/leaf-node.ts"
import type { Proposal } from "../../src/mls/codec/proposal.ts"
import { Member } from "../../src/mls/member/group.ts"
import { createKeyPackage, type OwnKeyPackage } from "../../src/mls/member/key-package.ts"
import type { OwnLeaf } from "../../src/mls/member/leaf.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { concat, toHex, utf8 } from "../../src/wire/bytes.ts"
import type {
  Candidate,
  CommitContents,
  GroupInfoUpdate,
  Joining,
  Participant,
  Pending,
} from "./participant.ts"

/** Our own implementation as tests of mixed groups have it; by the clock of the system, as ts-mls goes. */

const suite = suite1(nativeCrypto)
const capabilities = leafCapabilities(suite.id)

function clock(): { readonly now: bigint } {
  return { now: BigInt(Math.floor(Date.now() / 1000)) }
}

export class OurCandidate implements Candidate {
  readonly name: string
  readonly #leaf: OwnLeaf
  readonly #lifetime: Lifetime
  readonly #own: OwnKeyPackage

  private constructor(name: string, leaf: OwnLeaf, lifetime: Lifetime, own: OwnKeyPackage) {
    this.name = name
    this.#leaf = leaf
    this.#lifetime = lifetime
    this.#own = own
  }

  static async make(
    name: string,
    lifetime: Lifetime,
    extensions: readonly Extension[] = [],
  ): Promise<OurCandidate> {
    const leaf: OwnLeaf = {
      signatureSecret: suite.generateSignatureSecret(),
      credential: { kind: "basic", identity: utf8(name) },
      capabilities: {
        ...capabilities,
        extensions: [...capabilities.extensions, ...extensions.map(({ type }) => type)],
      },
      extensions: [],
    }
    return new OurCandidate(name, leaf, lifetime, createKeyPackage(suite, leaf, lifetime, extensions))
  }

  get seed(): Uint8Array {
    return this.#leaf.signatureSecret
  }

  get keyPackage(): Uint8Array {
    return this.#own.keyPackage
  }

  get ref(): Uint8Array {
    return this.#own.ref
  }

  get initSecretKey(): Uint8Array {
    return this.#own.secrets.initSecretKey
  }

  async create(groupId: Uint8Array, extensions: readonly Extension[] = []): Promise<OurMember> {
    const group = { groupId, leaf: this.#leaf, lifetime: this.#lifetime, extensions }
    return new OurMember(Member.create(suite, group))
  }

  async join(welcome: Uint8Array, ratchetTree: Uint8Array): Promise<OurMember> {
    return new OurMember(Member.join(suite, welcome, this.#own, { ratchetTree }))
  }

  /** `replaces` is the leaf that the client had before. */
  async joinExternally(
    groupInfo: Uint8Array,
    ratchetTree: Uint8Array,
    authenticatedData: Uint8Array,
    replaces?: number,
  ): Promise<Joining> {
    const options = { ...clock(), leaf: this.#leaf, ratchetTree, authenticatedData }
    const resync = replaces === undefined ? {} : { replaces }
    const { message, next } = Member.joinExternal(suite, groupInfo, { ...options, ...resync })
    return { member: new OurMember(next), commit: message, groupInfo: groupInfoUpdate(next) }
  }
}

interface OurCommitContents extends CommitContents {
  /** Where Adds alone need none. */
  readonly withoutPath?: boolean
}

class OurMember implements Participant {
  #member: Member

  constructor(member: Member) {
    this.#member = member
  }

  get leaf(): number {
    return this.#member.leaf
  }

  get epoch(): bigint {
    return this.#member.context.epoch
  }

  get isMember(): boolean {
    return this.#member.isMember
  }

  get seed(): Uint8Array {
    return this.#member.signatureSecret
  }

  async commit(contents: OurCommitContents = {}): Promise<Pending> {
    const { add = [], remove = [], authenticatedData = new Uint8Array(0), withoutPath = false } = contents
    const removes = remove.map((removed): Proposal => ({ kind: "remove", removed }))
    const adds = add.map((bytes): Proposal => ({ kind: "add", keyPackage: decodeKeyPackage(bytes) }))
    const options = { ...clock(), proposals: [...removes, ...adds], authenticatedData, withoutPath }
    const { message, welcome, next } = this.#member.commit(options)
    return {
      commit: message,
      welcome,
      groupInfo: groupInfoUpdate(next),
      accept: () => {
        this.#member = next
      },
    }
  }

  async proposeRemove(removed: number): Promise<Uint8Array> {
    const { message, next } = this.#member.propose({ kind: "remove", removed }, clock())
    this.#member = next
    return message
  }

  async process(handshake: Uint8Array): Promise<void> {
    this.#member = this.#member.process(handshake, clock()).next
  }

  async encrypt(text: string): Promise<Uint8Array> {
    const { message, next } = this.#member.encrypt(utf8(text))
    this.#member = next
    return message
  }

  async decrypt(message: Uint8Array): Promise<string> {
    const { plaintext, next } = this.#member.decrypt(message)
    this.#member = next
    return new TextDecoder().decode(plaintext)
  }

  async groupInfo(): Promise<Uint8Array> {
    return this.#member.encodedGroupInfo()
  }

  async ratchetTree(): Promise<Uint8Array> {
    return this.#member.tree.encode()
  }

  async agreement(): Promise<string> {
    const exported = this.#member.exporter("agreement", utf8("context"), 32)
    return toHex(concat(this.#member.encodedContext(), this.#member.tree.encode(), exported))
  }
}

function groupInfoUpdate(member: Member): GroupInfoUpdate {
  const { extensions, signature } = member.groupInfo()
  return { extensions: encodeExtensions(extensions), signature }
}

import { Transport } from "../../src/client/transport.ts"
import { open } from "../../src/crypto/hpke.ts"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { decodeGroupInfo } from "../../src/mls/codec/group-info.ts"
import { decodeMlsMessage, encodeGroupContext } from "../../src/mls/index.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { ds } from "../../src/wire/ds.ts"
import { QUEUE_CONFIG_EXTENSION_TYPE } from "../../src/wire/queue-config.ts"
import type { QueueMessage, WelcomeBundle } from "../../src/wire/queue-message.ts"
import {
  adding,
  byKeyPackage,
  byLeaf,
  firstExtensions,
  type Group,
  handshake,
  joinData,
  removing,
  sealedName,
  updating,
} from "../ds/group.ts"
import type { Candidate, MakeCandidate, Participant } from "../mls/participant.ts"
import type { Homeserver } from "./homeserver.ts"
import { Mailbox } from "./mailbox.ts"

const PATIENCE_MILLISECONDS = 20_000

/** What the server knows of a group. */
export interface ServerView {
  readonly epoch: bigint
  /** GroupContext and tree, in hexadecimal. */
  readonly context: string
  readonly tree: string
}

/**
 * A client that is not our library: a member of either implementation of MLS with a queue, and the delivery service's
 * requests made by hand. It reads when it is told to.
 */
export class Guest {
  readonly candidate: Candidate
  /** The texts of others, in their order. */
  readonly heard: string[] = []
  readonly #transport: Transport
  readonly #mailbox: Mailbox
  #group: Group | undefined
  #member: Participant | undefined

  private constructor(transport: Transport, mailbox: Mailbox, candidate: Candidate) {
    this.#transport = transport
    this.#mailbox = mailbox
    this.candidate = candidate
  }

  static async arrive(server: Homeserver, make: MakeCandidate, name: string): Promise<Guest> {
    const transport = new Transport({
      url: server.url,
      crypto,
      signal: new AbortController().signal,
      patienceMilliseconds: PATIENCE_MILLISECONDS,
      fetch: (url, request) => fetch(url, request),
    })
    const mailbox = await Mailbox.create(transport)
    const now = BigInt(transport.now())
    const lifetime = { notBefore: now - 3600n, notAfter: now + 86_400n }
    const queueConfig = { type: QUEUE_CONFIG_EXTENSION_TYPE, data: mailbox.queueConfig() }
    return new Guest(transport, mailbox, await make(name, lifetime, [queueConfig]))
  }

  get name(): string {
    return this.candidate.name
  }

  get member(): Participant {
    if (this.#member === undefined) throw new Error("in no group")
    return this.#member
  }

  /** With the EAR key, which whoever joins from outside gets in some other way. */
  get group(): Group {
    if (this.#group === undefined) throw new Error("in no group")
    return this.#group
  }

  async createGroup(): Promise<void> {
    const reserved = await this.#transport.call(ds.requestGroupId, {})
    const groupId = reserved.groupId.slice()
    const group = { groupId, earKey: crypto.random(32) }
    const extensions = firstExtensions(this.candidate, reserved.removalKey)
    const member = await this.candidate.create(groupId, extensions)
    const params = {
      ...group,
      groupInfo: await member.groupInfo(),
      ratchetTree: await member.ratchetTree(),
      encryptedCredential: sealedName(this.name),
      queueConfig: this.#mailbox.queueConfig(),
    }
    await this.#transport.call(ds.createGroup, params, byLeaf(member))
    this.#group = group
    this.#member = member
  }

  async add(who: Guest): Promise<void> {
    const { pending, params } = await adding(this.group, this.member, [who.candidate])
    await this.#transport.call(ds.addUsers, params, byLeaf(this.member))
    pending.accept()
  }

  async update(): Promise<void> {
    const { pending, params } = await updating(this.group, this.member)
    await this.#transport.call(ds.updateClient, params, byLeaf(this.member))
    pending.accept()
  }

  async remove(who: Guest): Promise<void> {
    const { pending, params } = await removing(this.group, this.member, [who.member.leaf])
    await this.#transport.call(ds.removeUsers, params, byLeaf(this.member))
    pending.accept()
  }

  async say(text: string): Promise<void> {
    const message = await this.member.encrypt(text)
    await this.#transport.call(ds.sendMessage, { ...this.group, message }, byLeaf(this.member))
  }

  /** Joins somebody's group of one by an external commit. */
  async joinFromOutside(group: Group): Promise<void> {
    const { groupInfo, ratchetTree } = await this.#transport.call(ds.externalCommitInfo, group)
    const joining = await this.candidate.joinExternally(groupInfo, ratchetTree, joinData(this.name))
    const params = { ...handshake(group, joining), queueConfig: this.#mailbox.queueConfig() }
    await this.#transport.call(ds.joinConnectionGroup, params)
    this.#group = group
    this.#member = joining.member
  }

  /** Takes in everything that is in the queue. */
  async read(): Promise<void> {
    for (const message of await this.#mailbox.take()) await this.#receive(message)
  }

  async #receive(message: QueueMessage): Promise<void> {
    if (message.type === "welcome") await this.#join(message.groupId, message.bundle)
    else if (message.type === "proposals") {
      for (const proposal of message.proposals) await this.member.process(proposal)
    } else if (decodeMlsMessage(message.message).kind === "privateMessage") {
      this.heard.push(await this.member.decrypt(message.message))
    } else await this.member.process(message.message)
  }

  async #join(groupId: Uint8Array, { epoch, welcome, sealedEarKey }: WelcomeBundle): Promise<void> {
    const secretKey = this.candidate.initSecretKey
    const earKey = open(crypto, secretKey, labels.welcomeEarKey, groupId, sealedEarKey)
    const group = { groupId, earKey }
    const params = { ...group, epoch: Number(epoch) }
    const info = await this.#transport.call(ds.welcomeInfo, params, byKeyPackage(this.candidate))
    this.#member = await this.candidate.join(welcome, info.ratchetTree)
    this.#group = group
  }

  async serverView(): Promise<ServerView> {
    const { groupInfo, ratchetTree } = await this.#transport.call(ds.externalCommitInfo, this.group)
    const { groupContext } = decodeGroupInfo(groupInfo)
    return {
      epoch: groupContext.epoch,
      context: toHex(encodeGroupContext(groupContext)),
      tree: toHex(ratchetTree),
    }
  }
}

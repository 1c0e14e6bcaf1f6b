import { Transport } from "../../src/client/transport.ts"
import { open } from "../../src/crypto/hpke.ts"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { leafCapabilities } from "../../src/group/context-extensions.ts"
import { encodeGroupContext } from "../../src/mls/codec/group-context.ts"
import { decodeGroupInfo } from "../../src/mls/codec/group-info.ts"
import { decodeMlsMessage } from "../../src/mls/codec/message.ts"
import { decodeGroupSecrets } from "../../src/mls/codec/welcome.ts"
import { type CipherSuite, createKeyPackage, Member, type OwnLeaf } from "../../src/mls/index.ts"
import type { OwnKeyPackage } from "../../src/mls/member/key-package.ts"
import { epochFromJoiner } from "../../src/mls/member/key-schedule.ts"
import { pskSecret } from "../../src/mls/member/psk.ts"
import { openGroupInfo, openGroupSecrets } from "../../src/mls/member/welcome-crypto.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { concat, equal, fromUtf8, toHex, utf8 } from "../../src/wire/bytes.ts"
import { ds } from "../../src/wire/ds.ts"
import { QUEUE_CONFIG_EXTENSION_TYPE } from "../../src/wire/queue-config.ts"
import type { WelcomeBundle } from "../../src/wire/queue-message.ts"
import type { Homeserver } from "./homeserver.ts"
import { Mailbox } from "./mailbox.ts"

const PATIENCE_MILLISECONDS = 60_000

/** What many members verify, each for itself, is computed once: whether a key's signature over the same bytes is good. */
function rememberingSuite(): CipherSuite {
  const suite = suite1(crypto)
  const known = new Map<string, boolean>()
  return {
    ...suite,
    verify(publicKey, message, signature) {
      const name = toHex(crypto.sha256(concat(publicKey, signature, crypto.sha256(message))))
      const good = known.get(name) ?? crypto.ed25519Verify(publicKey, message, signature)
      known.set(name, good)
      return good
    },
  }
}

export const suite = rememberingSuite()

export function secondsNow(): bigint {
  return BigInt(Math.floor(Date.now() / 1000))
}

export function lifetime() {
  return { notBefore: secondsNow() - 3600n, notAfter: secondsNow() + 86_400n }
}

export function transportTo(server: Homeserver): Transport {
  return new Transport({
    url: server.url,
    crypto,
    signal: new AbortController().signal,
    patienceMilliseconds: PATIENCE_MILLISECONDS,
    fetch: (url, request) => fetch(url, request),
  })
}

/** An epoch, as only its members know it. */
export interface EnteredEpoch {
  readonly epoch: bigint
  /** Epoch authenticator (RFC 9420 section 8.7), in hexadecimal. */
  readonly authenticator: string
}

/** The group as it was entered. */
export interface Entry extends EnteredEpoch {
  readonly group: { readonly groupId: Uint8Array; readonly earKey: Uint8Array }
}

/**
 * A member of a large group, with a queue, a KeyPackage and a leaf of its own. Each opens its Welcome and derives the
 * secrets of the epoch that it enters. One that *follows* also fetches and checks the tree, and processes whatever comes
 * afterwards; any other keeps the fingerprints of what came.
 */
export class CrowdMember {
  readonly name: string
  readonly follows: boolean
  readonly leafContent: OwnLeaf
  readonly mailbox: Mailbox
  readonly keys: OwnKeyPackage
  /** SHA-256 of everything that came after the Welcome, in order, in hexadecimal. */
  readonly received: string[] = []
  /** The texts of others. */
  readonly heard: string[] = []
  readonly #transport: Transport
  #entry: Entry | undefined
  #member: Member | undefined

  private constructor(transport: Transport, mailbox: Mailbox, name: string, follows: boolean) {
    this.name = name
    this.follows = follows
    this.mailbox = mailbox
    this.leafContent = {
      signatureSecret: suite.generateSignatureSecret(),
      credential: { kind: "basic", identity: utf8(name) },
      capabilities: leafCapabilities(suite.id),
      extensions: [],
    }
    const queue = { type: QUEUE_CONFIG_EXTENSION_TYPE, data: mailbox.queueConfig() }
    this.keys = createKeyPackage(suite, this.leafContent, lifetime(), [queue])
    this.#transport = transport
  }

  static async arrive(transport: Transport, name: string, follows: boolean): Promise<CrowdMember> {
    return new CrowdMember(transport, await Mailbox.create(transport), name, follows)
  }

  get entry(): Entry {
    if (this.#entry === undefined) throw new Error(`${this.name} has not entered`)
    return this.#entry
  }

  /** Of one that follows. */
  get member(): Member {
    if (this.#member === undefined) throw new Error(`${this.name} does not follow`)
    return this.#member
  }

  set member(member: Member) {
    this.#member = member
  }

  /** Takes in everything that is in the queue. */
  async read(): Promise<void> {
    for (const message of await this.mailbox.take()) {
      if (message.type === "welcome") await this.#enter(message.groupId.slice(), message.bundle)
      else if (message.type === "mls") this.#receive(message.message)
      else throw new Error("the server proposed something")
    }
  }

  #receive(message: Uint8Array): void {
    this.received.push(toHex(crypto.sha256(message)))
    if (!this.follows) return
    if (decodeMlsMessage(message).kind === "privateMessage") {
      const { plaintext, next } = this.member.decrypt(message)
      this.heard.push(fromUtf8(plaintext))
      this.#member = next
    } else this.#member = this.member.process(message, { now: secondsNow() }).next
  }

  async #enter(groupId: Uint8Array, bundle: WelcomeBundle): Promise<void> {
    const { initSecretKey } = this.keys.secrets
    const earKey = open(crypto, initSecretKey, labels.welcomeEarKey, groupId, bundle.sealedEarKey)
    this.#entry = { ...epochOf(bundle.welcome, this.keys), group: { groupId, earKey } }
    if (!this.follows) return
    const { ratchetTree } = await this.treeOfEntry()
    this.#member = Member.join(suite, bundle.welcome, this.keys, { ratchetTree })
  }

  /** The tree of the epoch that was entered, as the server gives it to newcomers. */
  async treeOfEntry(): Promise<{ readonly ratchetTree: Uint8Array }> {
    const { group, epoch } = this.entry
    const signer = {
      sender: { kind: "kpref", id: this.keys.ref },
      seed: this.leafContent.signatureSecret,
    } as const
    return await this.#transport.call(ds.welcomeInfo, { ...group, epoch: Number(epoch) }, signer)
  }
}

/** What a Welcome gives without the tree: the GroupInfo's epoch, and its secrets by the key schedule. */
function epochOf(message: Uint8Array, keys: OwnKeyPackage): EnteredEpoch {
  const decoded = decodeMlsMessage(message)
  if (decoded.kind !== "welcome") throw new Error("no Welcome")
  const { secrets, encryptedGroupInfo } = decoded.welcome
  const own = secrets.find(({ newMember }) => equal(newMember, keys.ref))
  if (own === undefined) throw new Error("a Welcome for others")
  const { initSecretKey } = keys.secrets
  const { joinerSecret } = decodeGroupSecrets(
    openGroupSecrets(suite, initSecretKey, encryptedGroupInfo, own.encryptedGroupSecrets),
  )
  const noPsk = pskSecret(suite, [])
  const { groupContext } = decodeGroupInfo(openGroupInfo(suite, joinerSecret, noPsk, encryptedGroupInfo))
  const { authenticator } = epochFromJoiner(suite, joinerSecret, noPsk, encodeGroupContext(groupContext))
  return { epoch: groupContext.epoch, authenticator: toHex(authenticator) }
}

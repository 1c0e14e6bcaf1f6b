import * as mls from "ts-mls"
import { decodeRatchetTree } from "ts-mls/ratchetTree.js"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { groupInfoToBeSigned } from "../../src/mls/codec/group-info.ts"
import { confirmedTranscriptHash, interimTranscriptHash } from "../../src/mls/group/transcript.ts"
import {
  decodeMlsMessage,
  type Extension,
  ExtensionType,
  encodeExtensions,
  encodeExternalPub,
  encodeGroupContext,
  encodeGroupInfo,
  encodeKeyPackage,
  type GroupInfo,
  keyPackageRef,
} from "../../src/mls/index.ts"
import { signWithLabel } from "../../src/mls/labels.ts"
import { decodeHandshake } from "../../src/mls/observer/handshake.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { concat, utf8 } from "../../src/wire/bytes.ts"
import { QUEUE_CONFIG_EXTENSION_TYPE } from "../../src/wire/queue-config.ts"

/** Members of groups as an independent implementation makes them: ts-mls behind what the tests need of it. */

const suite = await mls.getCiphersuiteImpl(
  mls.getCiphersuiteFromName("MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519"),
)

/** ts-mls has external_pub as the raw key; RFC 9420 as `opaque<V>`, whose first byte is the length 32. */
const externalSuite = {
  ...suite,
  hpke: {
    ...suite.hpke,
    importPublicKey: (key: Uint8Array) =>
      suite.hpke.importPublicKey(key.length === 33 && key[0] === 32 ? key.subarray(1) : key),
  },
}

const clientConfig: mls.ClientConfig = {
  keyRetentionConfig: mls.defaultKeyRetentionConfig,
  lifetimeConfig: mls.defaultLifetimeConfig,
  keyPackageEqualityConfig: mls.defaultKeyPackageEqualityConfig,
  paddingConfig: mls.defaultPaddingConfig,
  authService: mls.defaultAuthenticationService,
}

const capabilities: mls.Capabilities = {
  versions: ["mls10"],
  ciphersuites: ["MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519"],
  extensions: [],
  proposals: [],
  credentials: ["basic"],
}

const GROUP_INFO_HEADER = Uint8Array.of(0, 1, 0, 4)
const NO_PSKS = mls.makePskIndex(undefined, {})

export interface GroupInfoUpdate {
  readonly extensions: Uint8Array
  readonly signature: Uint8Array
}

/** A client that is not in the group yet. */
export interface Candidate {
  readonly name: string
  readonly seed: Uint8Array
  readonly publicPackage: mls.KeyPackage
  readonly privatePackage: mls.PrivateKeyPackage
  /** The encoded KeyPackage. */
  readonly keyPackage: Uint8Array
  readonly ref: Uint8Array
  readonly queueConfig: Uint8Array
}

export async function candidate(
  name: string,
  queueConfig: Uint8Array,
  lifetime: { readonly notBefore: bigint; readonly notAfter: bigint },
  extensions: mls.Extension[] = [{ extensionType: QUEUE_CONFIG_EXTENSION_TYPE, extensionData: queueConfig }],
): Promise<Candidate> {
  const seed = nativeCrypto.random(32)
  const { publicPackage, privatePackage } = await mls.generateKeyPackageWithKey(
    { credentialType: "basic", identity: utf8(name) },
    { ...capabilities, extensions: [QUEUE_CONFIG_EXTENSION_TYPE] },
    lifetime,
    extensions,
    { signKey: seed, publicKey: nativeCrypto.ed25519Public(seed) },
    suite,
  )
  const encoded = mls.encodeMlsMessage({
    version: "mls10",
    wireformat: "mls_key_package",
    keyPackage: publicPackage,
  })
  const message = decodeMlsMessage(encoded)
  if (message.kind !== "keyPackage") throw new Error("not a KeyPackage")
  const keyPackage = encodeKeyPackage(message.keyPackage)
  const ref = keyPackageRef(suite1(nativeCrypto), keyPackage)
  return { name, seed, publicPackage, privatePackage, keyPackage, ref, queueConfig }
}

/** A commit that was made and not yet taken for accepted. */
export interface Pending {
  readonly commit: Uint8Array
  readonly welcome: Uint8Array
  readonly groupInfo: GroupInfoUpdate
  /** The member after the server's yes. */
  accept(): void
}

export interface CommitContents {
  readonly add?: readonly Candidate[]
  readonly remove?: readonly number[]
  readonly authenticatedData?: Uint8Array
  readonly proposals?: readonly mls.Proposal[]
  readonly asPrivateMessage?: boolean
}

export class Member {
  readonly name: string
  readonly seed: Uint8Array
  #state: mls.ClientState

  private constructor(name: string, seed: Uint8Array, state: mls.ClientState) {
    this.name = name
    this.seed = seed
    this.#state = state
  }

  static async create(groupId: Uint8Array, by: Candidate): Promise<Member> {
    const state = await mls.createGroup(groupId, by.publicPackage, by.privatePackage, [], suite, clientConfig)
    return new Member(by.name, by.seed, state)
  }

  static async joinByWelcome(who: Candidate, welcome: Uint8Array, ratchetTree: Uint8Array): Promise<Member> {
    const [message] = mls.decodeMlsMessage(welcome, 0) ?? []
    if (message?.wireformat !== "mls_welcome") throw new Error("not a Welcome")
    const state = await mls.joinGroup(
      message.welcome,
      who.publicPackage,
      who.privatePackage,
      NO_PSKS,
      suite,
      treeFrom(ratchetTree),
      undefined,
      clientConfig,
    )
    return new Member(who.name, who.seed, state)
  }

  /** The member after an external commit, and that commit. */
  static async joinExternally(
    who: Candidate,
    groupInfo: Uint8Array,
    ratchetTree: Uint8Array,
    authenticatedData: Uint8Array,
  ): Promise<{ member: Member; commit: Uint8Array; groupInfo: GroupInfoUpdate }> {
    const [message] = mls.decodeMlsMessage(concat(GROUP_INFO_HEADER, groupInfo), 0) ?? []
    if (message?.wireformat !== "mls_group_info") throw new Error("not a GroupInfo")
    const { publicMessage, newState } = await mls.joinGroupExternal(
      message.groupInfo,
      who.publicPackage,
      who.privatePackage,
      false,
      externalSuite,
      treeFrom(ratchetTree),
      clientConfig,
      authenticatedData,
    )
    const commit = mls.encodeMlsMessage({
      version: "mls10",
      wireformat: "mls_public_message",
      publicMessage,
    })
    const member = new Member(who.name, who.seed, newState)
    return { member, commit, groupInfo: await member.groupInfoUpdate() }
  }

  get leaf(): number {
    return this.#state.privatePath.leafIndex
  }

  get epoch(): bigint {
    return this.#state.groupContext.epoch
  }

  get publicKey(): Uint8Array {
    return nativeCrypto.ed25519Public(this.seed)
  }

  async commit(contents: CommitContents = {}): Promise<Pending> {
    const proposals: mls.Proposal[] = [
      ...(contents.remove ?? []).map((removed) => ({ proposalType: "remove", remove: { removed } }) as const),
      ...(contents.add ?? []).map(
        (who) => ({ proposalType: "add", add: { keyPackage: who.publicPackage } }) as const,
      ),
      ...(contents.proposals ?? []),
    ]
    const { commit, welcome, newState } = await mls.createCommit(
      { state: this.#state, cipherSuite: suite },
      {
        wireAsPublicMessage: contents.asPrivateMessage !== true,
        extraProposals: proposals,
        authenticatedData: contents.authenticatedData ?? new Uint8Array(0),
      },
    )
    const next = new Member(this.name, this.seed, newState)
    return {
      commit: mls.encodeMlsMessage(commit),
      welcome:
        welcome === undefined
          ? new Uint8Array(1)
          : mls.encodeMlsMessage({ version: "mls10", wireformat: "mls_welcome", welcome }),
      groupInfo: await next.groupInfoUpdate(),
      accept: () => {
        this.#state = newState
      },
    }
  }

  /**
   * An update to another signature key, which ts-mls cannot make: its content is signed anew with the old key, and the
   * GroupInfo with what that makes of the transcript. Members cannot follow it, since its confirmation tag is stale.
   */
  async rotating(
    newSeed: Uint8Array,
    authenticatedData: Uint8Array,
  ): Promise<{ commit: Uint8Array; groupInfo: GroupInfoUpdate }> {
    const { info: before } = await this.#describe()
    const renewed = new Member(this.name, newSeed, {
      ...this.#withLeaf({ signaturePublicKey: nativeCrypto.ed25519Public(newSeed) }),
      signaturePrivateKey: newSeed,
    })
    const { commit, accept } = await renewed.commit({ authenticatedData })
    accept()
    const handshake = decodeHandshake(commit)
    const signed = concat(handshake.signedBytes, encodeGroupContext(before.groupContext))
    handshake.signature.set(signWithLabel(suite1(nativeCrypto), this.seed, "FramedContentTBS", signed))

    const { confirmedTranscriptHash: hash } = before.groupContext
    const interim = interimTranscriptHash(suite1(nativeCrypto), hash, before.confirmationTag)
    const after = (await renewed.#describe()).info
    const groupContext = {
      ...after.groupContext,
      confirmedTranscriptHash: confirmedTranscriptHash(
        suite1(nativeCrypto),
        interim,
        handshake.transcriptInput,
      ),
    }
    const { extensions, signature } = signGroupInfo({ ...after, groupContext }, newSeed)
    return { commit, groupInfo: { extensions: encodeExtensions(extensions), signature } }
  }

  /** Processes another's commit. */
  async process(commit: Uint8Array): Promise<void> {
    const [message] = mls.decodeMlsMessage(commit, 0) ?? []
    if (message?.wireformat !== "mls_public_message") throw new Error("not a PublicMessage")
    const { newState } = await mls.processPublicMessage(this.#state, message.publicMessage, NO_PSKS, suite)
    this.#state = newState
  }

  async encrypt(text: string): Promise<Uint8Array> {
    const result = await mls.createApplicationMessage(this.#state, utf8(text), suite)
    this.#state = result.newState
    return mls.encodeMlsMessage({
      version: "mls10",
      wireformat: "mls_private_message",
      privateMessage: result.privateMessage,
    })
  }

  async decrypt(bytes: Uint8Array): Promise<string> {
    const [message] = mls.decodeMlsMessage(bytes, 0) ?? []
    if (message?.wireformat !== "mls_private_message") throw new Error("not a PrivateMessage")
    const result = await mls.processPrivateMessage(this.#state, message.privateMessage, NO_PSKS, suite)
    if (result.kind !== "applicationMessage") throw new Error("not an application message")
    this.#state = result.newState
    return new TextDecoder().decode(result.message)
  }

  /** A proposal as a PublicMessage. */
  async propose(proposal: mls.Proposal): Promise<Uint8Array> {
    return mls.encodeMlsMessage((await mls.createProposal(this.#state, true, proposal, suite)).message)
  }

  /** Gives the member another credential, which its next path brings into the group. */
  renameTo(identity: string): void {
    this.#state = this.#withLeaf({ credential: { credentialType: "basic", identity: utf8(identity) } })
  }

  #withLeaf(change: Partial<mls.LeafNode>): mls.ClientState {
    const tree = [...this.#state.ratchetTree]
    const node = tree[2 * this.leaf]
    if (node?.nodeType !== "leaf") throw new Error("no leaf")
    tree[2 * this.leaf] = { ...node, leaf: { ...node.leaf, ...change } as mls.LeafNode }
    return { ...this.#state, ratchetTree: tree }
  }

  async groupInfo(): Promise<Uint8Array> {
    return encodeGroupInfo((await this.#describe()).info)
  }

  async ratchetTree(): Promise<Uint8Array> {
    return (await this.#describe()).ratchetTree
  }

  async groupInfoUpdate(): Promise<GroupInfoUpdate> {
    const { info } = await this.#describe()
    return { extensions: encodeExtensions(info.extensions), signature: info.signature }
  }

  /** GroupInfo in RFC 9420's form, signed anew, and the tree. */
  async #describe(): Promise<{ info: GroupInfo; ratchetTree: Uint8Array }> {
    const groupInfo = await mls.createGroupInfoWithExternalPubAndRatchetTree(this.#state, [], suite)
    const message = decodeMlsMessage(
      mls.encodeMlsMessage({ version: "mls10", wireformat: "mls_group_info", groupInfo }),
    )
    if (message.kind !== "groupInfo") throw new Error("not a GroupInfo")
    const data = (type: number) => message.groupInfo.extensions.find((e) => e.type === type)?.data
    const externalPub = data(ExtensionType.externalPub)
    const ratchetTree = data(ExtensionType.ratchetTree)
    if (externalPub === undefined || ratchetTree === undefined) throw new Error("extension missing")
    const extensions: Extension[] = [encodeExternalPub(externalPub)]
    return { info: signGroupInfo({ ...message.groupInfo, extensions }, this.seed), ratchetTree }
  }
}

/** Signs a GroupInfo as the member with this seed. */
export function signGroupInfo(info: Omit<GroupInfo, "signature">, seed: Uint8Array): GroupInfo {
  const signature = signWithLabel(suite1(nativeCrypto), seed, "GroupInfoTBS", groupInfoToBeSigned(info))
  return { ...info, signature }
}

function treeFrom(ratchetTree: Uint8Array): mls.RatchetTree {
  const [tree] = decodeRatchetTree(ratchetTree, 0) ?? []
  if (tree === undefined) throw new Error("not a ratchet tree")
  return tree
}

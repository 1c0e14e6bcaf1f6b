import {
  type CiphersuiteImpl,
  type ClientState,
  createCommit,
  createGroup,
  createGroupInfoWithExternalPub,
  createProposal,
  decodeMlsMessage,
  defaultCapabilities,
  encodeMlsMessage,
  generateKeyPackage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroup,
  joinGroupExternal,
  type KeyPackage,
  type PrivateKeyPackage,
  type Proposal,
  processPublicMessage,
} from "ts-mls"
import { encodeGroupContext } from "ts-mls/groupContext.js"
import { encodeKeyPackage } from "ts-mls/keyPackage.js"
import { emptyPskIndex } from "ts-mls/pskIndex.js"
import { encodeRatchetTree } from "ts-mls/ratchetTree.js"
import { deriveKeyPair } from "../../src/crypto/hpke.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { decodeGroupContext } from "../../src/mls/codec/group-context.ts"
import { encodeExternalPub } from "../../src/mls/codec/group-extensions.ts"
import { encodeGroupInfo, groupInfoToBeSigned } from "../../src/mls/codec/group-info.ts"
import { signWithLabel } from "../../src/mls/labels.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { utf8 } from "../../src/wire/bytes.ts"

/** Members over ts-mls, an independent implementation, as the source of real messages. */

export const NOW = BigInt(Math.floor(Date.now() / 1000))
export const GROUP_ID = utf8("a group")

let suite: Promise<CiphersuiteImpl> | undefined

function ciphersuite(): Promise<CiphersuiteImpl> {
  suite ??= getCiphersuiteImpl(getCiphersuiteFromName("MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519"))
  return suite
}

export interface Newcomer {
  readonly publicPackage: KeyPackage
  readonly privatePackage: PrivateKeyPackage
}

export async function newcomer(name: string): Promise<Newcomer> {
  const lifetime = { notBefore: NOW - 3600n, notAfter: NOW + 86_400n }
  const credential = { credentialType: "basic" as const, identity: utf8(name) }
  // ts-mls lists every proposal and extension type it knows; the defaults go without saying.
  const capabilities = { ...defaultCapabilities(), extensions: [], proposals: [] }
  return generateKeyPackage(credential, capabilities, lifetime, [], await ciphersuite())
}

export function keyPackageBytes({ publicPackage }: Newcomer): Uint8Array {
  return encodeKeyPackage(publicPackage)
}

export function addProposal({ publicPackage }: Newcomer): Proposal {
  return { proposalType: "add", add: { keyPackage: publicPackage } }
}

export function removeProposal(removed: number): Proposal {
  return { proposalType: "remove", remove: { removed } }
}

/** A member's state; each operation changes it. */
export class TsMember {
  state: ClientState

  constructor(state: ClientState) {
    this.state = state
  }

  static async create(): Promise<TsMember> {
    const { publicPackage, privatePackage } = await newcomer("creator")
    return new TsMember(await createGroup(GROUP_ID, publicPackage, privatePackage, [], await ciphersuite()))
  }

  get leaf(): number {
    return this.state.privatePath.leafIndex
  }

  get context(): Uint8Array {
    return encodeGroupContext(this.state.groupContext)
  }

  get ratchetTree(): Uint8Array {
    return encodeRatchetTree(this.state.ratchetTree)
  }

  /** The GroupInfo with `external_pub` in the RFC's form, which ts-mls does not make. */
  get groupInfo(): Uint8Array {
    const { publicKey } = deriveKeyPair(nativeCrypto, this.state.keySchedule.externalSecret)
    const unsigned = {
      groupContext: decodeGroupContext(this.context),
      extensions: [encodeExternalPub(publicKey)],
      confirmationTag: this.state.confirmationTag,
      signer: this.leaf,
    }
    // ts-mls keeps the key as WebCrypto exports it (PKCS #8), where the seed comes last.
    const seed = this.state.signaturePrivateKey.slice(-32)
    const signature = signWithLabel(suite1(nativeCrypto), seed, "GroupInfoTBS", groupInfoToBeSigned(unsigned))
    return encodeGroupInfo({ ...unsigned, signature })
  }

  /** Commits, takes the result over, and joins those it adds as far as ts-mls can. */
  async commit(
    proposals: readonly Proposal[],
    added: readonly Newcomer[],
  ): Promise<{ message: Uint8Array; joined: TsMember[] }> {
    const cs = await ciphersuite()
    const result = await createCommit(
      { state: this.state, cipherSuite: cs },
      { wireAsPublicMessage: true, extraProposals: [...proposals] },
    )
    this.state = result.newState
    const { welcome } = result
    const tree = this.state.ratchetTree
    const joined: TsMember[] = []
    for (const { publicPackage, privatePackage } of added) {
      if (welcome === undefined) throw new Error("no Welcome")
      const state = await unlessTreeRefused(() =>
        joinGroup(welcome, publicPackage, privatePackage, emptyPskIndex, cs, tree),
      )
      if (state !== undefined) joined.push(new TsMember(state))
    }
    return { message: encodeMlsMessage(result.commit), joined }
  }

  async propose(proposal: Proposal): Promise<Uint8Array> {
    const { newState, message } = await createProposal(this.state, true, proposal, await ciphersuite())
    this.state = newState
    return encodeMlsMessage(message)
  }

  async process(message: Uint8Array): Promise<void> {
    const decoded = decodeMlsMessage(message, 0)?.[0]
    if (decoded?.wireformat !== "mls_public_message") throw new Error("not a PublicMessage")
    const cs = await ciphersuite()
    const { newState } = await processPublicMessage(this.state, decoded.publicMessage, emptyPskIndex, cs)
    this.state = newState
  }

  /** A new member that joins by an external commit made from this member's GroupInfo, unless ts-mls refuses the tree. */
  async joinFromOutside(joiner: Newcomer): Promise<{ message: Uint8Array; member: TsMember } | undefined> {
    const cs = await ciphersuite()
    const groupInfo = await createGroupInfoWithExternalPub(this.state, [], cs)
    const { publicPackage, privatePackage } = joiner
    const tree = this.state.ratchetTree
    const result = await unlessTreeRefused(() =>
      joinGroupExternal(groupInfo, publicPackage, privatePackage, false, cs, tree),
    )
    if (result === undefined) return undefined
    const { publicMessage, newState } = result
    const message = encodeMlsMessage({ version: "mls10", wireformat: "mls_public_message", publicMessage })
    return { message, member: new TsMember(newState) }
  }
}

/**
 * ts-mls 1.6.4 refuses to join some valid trees that have unmerged leaves. Such a client is not followed; whether the
 * tree is what RFC 9420 asks for, the tests of the flat tree say.
 */
async function unlessTreeRefused<T>(join: () => Promise<T>): Promise<T | undefined> {
  try {
    return await join()
  } catch (error) {
    if (error instanceof Error && error.message.includes("unmerged_leaves")) return undefined
    throw error
  }
}

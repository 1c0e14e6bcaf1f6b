import {
  type CiphersuiteImpl,
  type ClientState,
  createCommit,
  decodeMlsMessage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  type KeyPackage,
  processPublicMessage,
  type RatchetTree,
  type UpdatePath,
} from "ts-mls"
import { defaultClientConfig } from "ts-mls/clientConfig.js"
import { validateRatchetTree } from "ts-mls/clientState.js"
import { decodeGroupContext } from "ts-mls/groupContext.js"
import { decodeKeyPackage } from "ts-mls/keyPackage.js"
import { initializeKeySchedule } from "ts-mls/keySchedule.js"
import { emptyPskIndex } from "ts-mls/pskIndex.js"
import { addLeafNode, decodeRatchetTree } from "ts-mls/ratchetTree.js"
import { treeHashRoot } from "ts-mls/treeHash.js"
import { toLeafIndex } from "ts-mls/treemath.js"
import { applyUpdatePath } from "ts-mls/updatePath.js"
import { encodeGroupContext } from "../src/mls/codec/group-context.ts"
import { type KnownGroup, privateKeys } from "./mls-group.ts"

/** The same work by ts-mls 1.6.4 with its default provider (WebCrypto), over the same bytes and secrets. */

function decoded<T>(result: readonly [T, number] | undefined): T {
  if (result === undefined) throw new Error("ts-mls does not decode it")
  return result[0]
}

let ciphersuite: Promise<CiphersuiteImpl> | undefined

function theirSuite(): Promise<CiphersuiteImpl> {
  const name = getCiphersuiteFromName("MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519")
  ciphersuite ??= getCiphersuiteImpl(name)
  return ciphersuite
}

/** What the measurements need of one group. */
export class Peer {
  readonly #suite: CiphersuiteImpl
  readonly #group: KnownGroup
  readonly #tree: RatchetTree

  private constructor(suite: CiphersuiteImpl, group: KnownGroup, tree: RatchetTree) {
    this.#suite = suite
    this.#group = group
    this.#tree = tree
  }

  static async of(group: KnownGroup): Promise<Peer> {
    return new Peer(await theirSuite(), group, decoded(decodeRatchetTree(group.ratchetTree, 0)))
  }

  decodeTree(): RatchetTree {
    return decoded(decodeRatchetTree(this.#group.ratchetTree, 0))
  }

  treeHash(tree: RatchetTree = this.#tree): Promise<Uint8Array> {
    return treeHashRoot(tree, this.#suite.hash)
  }

  async applyAdd(keyPackage: KeyPackage): Promise<Uint8Array> {
    return this.treeHash(addLeafNode(this.#tree, keyPackage.leafNode)[0])
  }

  /** Of a commit by the member at `committer`. */
  async applyPath(path: UpdatePath, committer: number): Promise<Uint8Array> {
    return this.treeHash(await applyUpdatePath(this.#tree, toLeafIndex(committer), path, this.#suite.hash))
  }

  async validate(): Promise<void> {
    const context = decoded(decodeGroupContext(encodeGroupContext(this.#group.state.context), 0))
    const { lifetimeConfig, authService } = defaultClientConfig
    const tree = this.decodeTree()
    const refusal = await validateRatchetTree(
      tree,
      context,
      lifetimeConfig,
      authService,
      context.treeHash,
      this.#suite,
    )
    if (refusal !== undefined) throw refusal
  }

  /** A member. Its secret tree is empty, since PublicMessages take nothing from it. */
  async memberAt(leaf: number): Promise<ClientState> {
    const { state, epochSecret, signatureSecrets } = this.#group
    return {
      groupContext: decoded(decodeGroupContext(encodeGroupContext(state.context), 0)),
      keySchedule: await initializeKeySchedule(epochSecret, this.#suite.kdf),
      secretTree: [],
      ratchetTree: this.#tree,
      privatePath: {
        leafIndex: leaf,
        privateKeys: Object.fromEntries(privateKeys(this.#group, leaf)),
      },
      signaturePrivateKey: signatureSecrets[leaf] as Uint8Array,
      unappliedProposals: {},
      confirmationTag: state.confirmationTag,
      historicalReceiverData: new Map(),
      groupActiveState: { kind: "active" },
      clientConfig: defaultClientConfig,
    }
  }

  commit(member: ClientState): Promise<unknown> {
    return createCommit({ state: member, cipherSuite: this.#suite }, { wireAsPublicMessage: true })
  }

  async process(member: ClientState, message: Uint8Array): Promise<unknown> {
    return processPublicMessage(member, publicMessage(message), emptyPskIndex, this.#suite)
  }
}

function publicMessage(message: Uint8Array) {
  const content = decoded(decodeMlsMessage(message, 0))
  if (content.wireformat !== "mls_public_message") throw new Error("not a PublicMessage")
  return content.publicMessage
}

/** The path of a commit, as ts-mls has it. */
export function pathOf(message: Uint8Array): UpdatePath {
  const { content } = publicMessage(message)
  if (content.contentType !== "commit" || content.commit.path === undefined) throw new Error("no path")
  return content.commit.path
}

export function keyPackageOf(bytes: Uint8Array): KeyPackage {
  return decoded(decodeKeyPackage(bytes, 0))
}

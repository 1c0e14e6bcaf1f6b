import { deriveKeyPair, exportBaseReceiver } from "../../src/crypto/hpke.ts"
import type { CryptoProvider } from "../../src/crypto/provider.ts"
import { findExtension } from "../../src/mls/codec/extension.ts"
import { encodeGroupContext, type GroupContext } from "../../src/mls/codec/group-context.ts"
import { decodeGroupInfo, type GroupInfo } from "../../src/mls/codec/group-info.ts"
import type { Proposal } from "../../src/mls/codec/proposal.ts"
import { ExtensionType } from "../../src/mls/codec/protocol.ts"
import { type PreSharedKeyId, writePreSharedKeyId } from "../../src/mls/codec/psk.ts"
import type { UpdatePath } from "../../src/mls/codec/update-path.ts"
import { decodeGroupSecrets, type Welcome } from "../../src/mls/codec/welcome.ts"
import { decryptWithLabel, deriveSecret, expandWithLabel, keyPackageRef } from "../../src/mls/labels.ts"
import type { StagedCommit } from "../../src/mls/observer/commit.ts"
import { FlatTree } from "../../src/mls/tree/flat-tree.ts"
import { directPath } from "../../src/mls/tree/math.ts"
import { filteredDirectPath, resolution } from "../../src/mls/tree/view.ts"
import { equal, toHex, utf8 } from "../../src/wire/bytes.ts"
import { Writer } from "../../src/wire/tls.ts"

/**
 * Just enough of a member, for tests alone: it joins by Welcome and follows commits, so that an observer's GroupContext
 * can be held against secrets that only the right context gives.
 */

const NONE = new Uint8Array(0)
const ZEROS = new Uint8Array(32)
const EXPORTER_INIT = utf8("MLS 1.0 external init secret")

/** What a passive-client vector knows of its client. */
export interface Joiner {
  readonly keyPackage: Uint8Array
  readonly initSecretKey: Uint8Array
  readonly encryptionSecretKey: Uint8Array
  /** By the lower-case hexadecimal form of their ids. */
  readonly externalPsks: ReadonlyMap<string, Uint8Array>
}

export class PassiveMember {
  readonly #crypto: CryptoProvider
  readonly #joiner: Joiner
  readonly #leafIndex: number
  /** Secret keys by the hexadecimal form of their public keys. */
  readonly #secretKeys = new Map<string, Uint8Array>()
  readonly #resumption = new Map<bigint, Uint8Array>()
  #epochSecret: Uint8Array

  private constructor(crypto: CryptoProvider, joiner: Joiner, leafIndex: number) {
    this.#crypto = crypto
    this.#joiner = joiner
    this.#leafIndex = leafIndex
    this.#epochSecret = ZEROS
    this.#learn(joiner.encryptionSecretKey)
  }

  /** Joins (RFC 9420 section 12.4.3.1) and returns what an observer needs to begin. */
  static join(
    crypto: CryptoProvider,
    joiner: Joiner,
    welcome: Welcome,
    ratchetTree: Uint8Array | undefined,
  ): { member: PassiveMember; groupInfo: GroupInfo; tree: FlatTree } {
    const ref = keyPackageRef(crypto, joiner.keyPackage)
    const mine = welcome.secrets.find(({ newMember }) => equal(newMember, ref))
    if (mine === undefined) throw new Error("no secrets for the KeyPackage")
    const { initSecretKey } = joiner
    const { encryptedGroupInfo } = welcome
    const secrets = decodeGroupSecrets(
      decryptWithLabel(crypto, initSecretKey, "Welcome", encryptedGroupInfo, mine.encryptedGroupSecrets),
    )
    const pskSecret = combinePsks(crypto, secrets.psks, (id) => externalPsk(joiner, id))
    const memberSecret = crypto.hkdfExtract(secrets.joinerSecret, pskSecret)
    const welcomeSecret = deriveSecret(crypto, memberSecret, "welcome")
    const key = expandWithLabel(crypto, welcomeSecret, "key", NONE, 16)
    const nonce = expandWithLabel(crypto, welcomeSecret, "nonce", NONE, 12)
    const groupInfo = decodeGroupInfo(crypto.aesGcmOpen(key, nonce, NONE, encryptedGroupInfo))
    const treeBytes = ratchetTree ?? findExtension(groupInfo.extensions, ExtensionType.ratchetTree)?.data
    if (treeBytes === undefined) throw new Error("no ratchet tree")
    const tree = FlatTree.decode(crypto, treeBytes)
    const encryptionKey = crypto.x25519Public(joiner.encryptionSecretKey)
    const leafIndex = tree.members().find((leaf) => equal(tree.leaf(leaf)!.encryptionKey, encryptionKey))
    if (leafIndex === undefined) throw new Error("not in the tree")
    const member = new PassiveMember(crypto, joiner, leafIndex)
    if (secrets.pathSecret !== undefined) {
      const path = new Set(directPath(2 * leafIndex, tree.leafWidth))
      const above = directPath(2 * groupInfo.signer, tree.leafWidth).filter((node) => path.has(node))
      member.#follow(secrets.pathSecret, above.filter((node) => !tree.isBlank(node)).length)
    }
    member.#enter(groupInfo.groupContext, memberSecret)
    return { member, groupInfo, tree }
  }

  get epochAuthenticator(): Uint8Array {
    return deriveSecret(this.#crypto, this.#epochSecret, "authentication")
  }

  confirmationTag(context: GroupContext): Uint8Array {
    const key = deriveSecret(this.#crypto, this.#epochSecret, "confirm")
    return this.#crypto.hmacSha256(key, context.confirmedTranscriptHash)
  }

  /** Follows a commit (RFC 9420 section 12.4.2) into the context that the observer arrived at. */
  advance(before: GroupContext, staged: StagedCommit, path: UpdatePath | undefined): void {
    const crypto = this.#crypto
    const { context } = staged.next
    const commitSecret = path === undefined ? ZEROS : this.#openPath(before, staged, path)
    const psks = staged.proposals.flatMap((proposal) => (proposal.kind === "psk" ? [proposal.psk] : []))
    const pskSecret = combinePsks(crypto, psks, (id) => this.#psk(id))
    const extracted = crypto.hkdfExtract(this.#initSecret(staged.proposals), commitSecret)
    const joinerSecret = expandWithLabel(crypto, extracted, "joiner", encodeGroupContext(context), 32)
    this.#enter(context, crypto.hkdfExtract(joinerSecret, pskSecret))
  }

  #enter(context: GroupContext, memberSecret: Uint8Array): void {
    const crypto = this.#crypto
    this.#epochSecret = expandWithLabel(crypto, memberSecret, "epoch", encodeGroupContext(context), 32)
    this.#resumption.set(context.epoch, deriveSecret(crypto, this.#epochSecret, "resumption"))
  }

  #initSecret(proposals: readonly Proposal[]): Uint8Array {
    const crypto = this.#crypto
    const external = proposals.find((proposal) => proposal.kind === "externalInit")
    if (external === undefined) return deriveSecret(crypto, this.#epochSecret, "init")
    const { secretKey } = deriveKeyPair(crypto, deriveSecret(crypto, this.#epochSecret, "external"))
    return exportBaseReceiver(crypto, 16, secretKey, external.kemOutput, NONE, EXPORTER_INIT, 32)
  }

  #psk(id: PreSharedKeyId): Uint8Array {
    if (id.kind === "external") return externalPsk(this.#joiner, id)
    const psk = this.#resumption.get(id.epoch)
    if (psk === undefined) throw new Error("resumption PSK of an epoch not seen")
    return psk
  }

  #openPath(before: GroupContext, staged: StagedCommit, path: UpdatePath): Uint8Array {
    const { tree, committerLeaf, next } = staged
    const provisional = encodeGroupContext({
      ...next.context,
      confirmedTranscriptHash: before.confirmedTranscriptHash,
    })
    const added = new Set(staged.added.map(({ leaf }) => 2 * leaf))
    const steps = filteredDirectPath(tree, committerLeaf)
    const mine = new Set([2 * this.#leafIndex, ...directPath(2 * this.#leafIndex, tree.leafWidth)])
    const at = steps.findIndex(({ copathChild }) => mine.has(copathChild))
    const receivers = resolution(tree, steps[at]!.copathChild).filter((node) => !added.has(node))
    for (const [i, node] of receivers.entries()) {
      const secretKey = mine.has(node) ? this.#secretKeyOf(tree, node) : undefined
      if (secretKey === undefined) continue
      const sealed = path.nodes[at]!.encryptedPathSecrets[i]!
      const pathSecret = decryptWithLabel(this.#crypto, secretKey, "UpdatePathNode", provisional, sealed)
      const derived = this.#follow(pathSecret, steps.length - at)
      steps.slice(at).forEach((step) => {
        if (this.#secretKeyOf(tree, step.node) === undefined) throw new Error("path key differs")
      })
      return derived
    }
    throw new Error("no key for the path")
  }

  #secretKeyOf(tree: FlatTree, node: number): Uint8Array | undefined {
    return this.#secretKeys.get(toHex(tree.entry(node).subarray(3, 35)))
  }

  /** Derives the keys of `count` nodes from the lowest one's path secret and returns the secret after the last. */
  #follow(pathSecret: Uint8Array, count: number): Uint8Array {
    let secret = pathSecret
    for (let i = 0; i < count; i++) {
      this.#learn(deriveKeyPair(this.#crypto, deriveSecret(this.#crypto, secret, "node")).secretKey)
      secret = deriveSecret(this.#crypto, secret, "path")
    }
    return secret
  }

  #learn(secretKey: Uint8Array): void {
    this.#secretKeys.set(toHex(this.#crypto.x25519Public(secretKey)), secretKey)
  }
}

function externalPsk(joiner: Joiner, id: PreSharedKeyId): Uint8Array {
  const psk = id.kind === "external" ? joiner.externalPsks.get(toHex(id.id)) : undefined
  if (psk === undefined) throw new Error("PSK not given")
  return psk
}

/** psk_secret (RFC 9420 section 8.4). */
function combinePsks(
  crypto: CryptoProvider,
  ids: readonly PreSharedKeyId[],
  find: (id: PreSharedKeyId) => Uint8Array,
): Uint8Array {
  return ids.reduce<Uint8Array>((secret, id, index) => {
    const label = new Writer()
    writePreSharedKeyId(label, id)
    label.u16(index).u16(ids.length)
    const extracted = crypto.hkdfExtract(ZEROS, find(id))
    const input = expandWithLabel(crypto, extracted, "derived psk", label.finish(), 32)
    return crypto.hkdfExtract(input, secret)
  }, ZEROS)
}

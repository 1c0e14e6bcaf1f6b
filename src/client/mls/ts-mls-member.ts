import {
  type ClientConfig,
  type ClientState,
  createApplicationMessage,
  createCommit,
  decodeGroupState,
  decodeMlsMessage,
  type EpochReceiverData,
  encodeGroupState,
  encodeMlsMessage,
  type MLSMessage,
  mlsExporter,
  type PrivateMessage,
  type Proposal,
  processPublicMessage,
} from "ts-mls"
import { encodeGroupContext } from "ts-mls/groupContext.js"
import { decodeKeyPackage } from "ts-mls/keyPackage.js"
import { unprotectPrivateMessage } from "ts-mls/messageProtection.js"
import { emptyPskIndex } from "ts-mls/pskIndex.js"
import { encodeRatchetTree } from "ts-mls/ratchetTree.js"
import { allSecretTreeValues } from "ts-mls/secretTree.js"
import { deriveKeyPair } from "../../crypto/hpke.ts"
import { wipe } from "../../crypto/wipe.ts"
import { FORMAT_VERSION } from "../../limits.ts"
import { encodeExtensions } from "../../mls/codec/extension.ts"
import { decodeGroupContext } from "../../mls/codec/group-context.ts"
import { encodeExternalPub } from "../../mls/codec/group-extensions.ts"
import { encodeGroupInfo, groupInfoToBeSigned } from "../../mls/codec/group-info.ts"
import { signWithLabel } from "../../mls/labels.ts"
import { suite1 } from "../../mls/suites/suite1.ts"
import { concat, equal } from "../../wire/bytes.ts"
import {
  type CommitChange,
  type Decrypted,
  type Encrypted,
  type GroupMember,
  MemberError,
  type MemberLeaf,
  type ProcessedCommit,
  type SignedGroupInfo,
  type StagedCommit,
} from "./member.ts"
import { withSoleCommitSecret } from "./sole-commit-secret.ts"
import type { Suite } from "./suite.ts"

/**
 * A member over ts-mls 1.6.4. Known difference from RFC 9420, inside what only members see: a path in a tree whose other
 * half is blank derives one step more than the RFC says.
 */

/** Application messages are padded to a power of two from here on, and to multiples of the last step above it. */
const PADDED_BYTES_MIN = 256
const PADDED_STEP_BYTES_MAX = 16_384
/** What framing adds to the content before padding: signature and vector headers. */
const FRAMING_BYTES = 80

/** Runs ts-mls on bytes of others: whatever it throws, TypeErrors included, is one refusal. */
export async function guarded<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof MemberError) throw error
    throw new MemberError(what)
  }
}

/** Decodes with a ts-mls decoder and refuses trailing bytes. */
export function decodeWhole<T>(
  decode: (bytes: Uint8Array, offset: number) => [T, number] | undefined,
  bytes: Uint8Array,
): T {
  const decoded = decode(bytes, 0)
  if (decoded === undefined || decoded[1] !== bytes.length) throw new MemberError("encoding")
  return decoded[0]
}

function paddedLength(contentLength: number): number {
  const needed = contentLength + FRAMING_BYTES
  let padded = PADDED_BYTES_MIN
  while (padded < needed && padded < PADDED_STEP_BYTES_MAX) padded *= 2
  return Math.ceil(needed / padded) * padded
}

export class TsMlsMember implements GroupMember {
  readonly #suite: Suite
  readonly #state: ClientState

  constructor(suite: Suite, state: ClientState) {
    this.#suite = suite
    this.#state = state
  }

  static restore(suite: Suite, bytes: Uint8Array): TsMlsMember {
    if (bytes[0] !== FORMAT_VERSION) throw new MemberError("state version")
    // A copy: ts-mls may keep views of what it decodes, and its keys are overwritten when they are used up.
    const state = decodeWhole(decodeGroupState, bytes.slice(1))
    return new TsMlsMember(suite, { ...state, clientConfig: suite.config })
  }

  serialize(): Uint8Array {
    const state = encodeGroupState(this.#state)
    const bytes = concat(Uint8Array.of(FORMAT_VERSION), state)
    wipe(state)
    return bytes
  }

  get groupId(): Uint8Array {
    return this.#state.groupContext.groupId
  }

  get epoch(): bigint {
    return this.#state.groupContext.epoch
  }

  get leaf(): number {
    return this.#state.privatePath.leafIndex
  }

  get signatureSeed(): Uint8Array {
    return this.#state.signaturePrivateKey
  }

  members(): MemberLeaf[] {
    return leaves(this.#state)
  }

  ratchetTree(): Uint8Array {
    return encodeRatchetTree(this.#state.ratchetTree)
  }

  groupInfo(): SignedGroupInfo {
    const { crypto } = this.#suite
    const pair = deriveKeyPair(crypto, this.#state.keySchedule.externalSecret)
    wipe(pair.secretKey)
    const unsigned = {
      groupContext: decodeGroupContext(encodeGroupContext(this.#state.groupContext)),
      extensions: [encodeExternalPub(pair.publicKey)],
      confirmationTag: this.#state.confirmationTag,
      signer: this.leaf,
    }
    const signature = signWithLabel(
      suite1(crypto),
      this.signatureSeed,
      "GroupInfoTBS",
      groupInfoToBeSigned(unsigned),
    )
    return {
      bytes: encodeGroupInfo({ ...unsigned, signature }),
      extensions: encodeExtensions(unsigned.extensions),
      signature,
    }
  }

  commit(change: CommitChange): Promise<StagedCommit> {
    return guarded("commit", async () => {
      const adds = (change.adds ?? []).map(
        (bytes): Proposal => ({
          proposalType: "add",
          add: { keyPackage: decodeWhole(decodeKeyPackage, bytes) },
        }),
      )
      const removes = (change.removes ?? []).map(
        (removed): Proposal => ({ proposalType: "remove", remove: { removed } }),
      )
      const result = await createCommit(
        {
          state: this.#state,
          cipherSuite: withSoleCommitSecret(this.#suite, this.#state.keySchedule.initSecret),
        },
        {
          wireAsPublicMessage: true,
          extraProposals: [...removes, ...adds],
          authenticatedData: change.authenticatedData,
          ratchetTreeExtension: false,
        },
      )
      const { welcome } = result
      return {
        commit: encodeMlsMessage(result.commit),
        welcome: welcome && encodeMlsMessage({ version: "mls10", wireformat: "mls_welcome", welcome }),
        next: new TsMlsMember(this.#suite, result.newState),
      }
    })
  }

  process(message: Uint8Array): Promise<ProcessedCommit> {
    return guarded("commit of another member", async () => {
      const decoded = this.#decode(message)
      if (decoded.wireformat !== "mls_public_message") throw new MemberError("wire format")
      const { content } = decoded.publicMessage
      if (content.contentType !== "commit") throw new MemberError("content type")
      const { newState } = await processPublicMessage(
        this.#state,
        decoded.publicMessage,
        emptyPskIndex,
        this.#suite.cs,
      )
      const { added, removed } = compareLeaves(this.members(), leaves(newState))
      const joined = added[0]?.leaf
      const sender = content.sender.senderType === "member" ? content.sender.leafIndex : joined
      if (sender === undefined) throw new MemberError("sender")
      return {
        next: new TsMlsMember(this.#suite, newState),
        sender,
        external: content.sender.senderType !== "member",
        selfRemoved: newState.groupActiveState.kind === "removedFromGroup",
        added,
        removed,
        authenticatedData: content.authenticatedData,
      }
    })
  }

  encrypt(plaintext: Uint8Array): Promise<Encrypted> {
    return guarded("application message", async () => {
      const padUntilLength = paddedLength(plaintext.length)
      const clientConfig: ClientConfig = {
        ...this.#suite.config,
        paddingConfig: { kind: "padUntilLength", padUntilLength },
      }
      const result = await createApplicationMessage(
        { ...this.#state, clientConfig },
        plaintext,
        this.#suite.cs,
      )
      const { privateMessage, consumed } = result
      return {
        message: encodeMlsMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage }),
        next: new TsMlsMember(this.#suite, { ...result.newState, clientConfig: this.#suite.config }),
        consumed,
      }
    })
  }

  decrypt(message: Uint8Array): Promise<Decrypted> {
    return guarded("application message of another member", async () => {
      const decoded = this.#decode(message)
      if (decoded.wireformat !== "mls_private_message") throw new MemberError("wire format")
      const { epoch } = decoded.privateMessage
      const receiver = this.#receiver(epoch)
      const result = await unprotectPrivateMessage(
        receiver.senderDataSecret,
        decoded.privateMessage,
        receiver.secretTree,
        receiver.ratchetTree,
        receiver.groupContext,
        this.#suite.config.keyRetentionConfig,
        this.#suite.cs,
      )
      const { content } = result.content
      if (content.contentType !== "application") throw new MemberError("content type")
      if (content.sender.senderType !== "member") throw new MemberError("sender")
      return {
        plaintext: content.applicationData,
        sender: content.sender.leafIndex,
        epoch,
        next: this.#withSecretTree(epoch, receiver, result.tree),
        consumed: result.consumed,
      }
    })
  }

  #receiver(
    epoch: bigint,
  ): Pick<EpochReceiverData, "senderDataSecret" | "secretTree" | "ratchetTree" | "groupContext"> {
    const state = this.#state
    if (epoch === state.groupContext.epoch) {
      const { secretTree, ratchetTree, groupContext } = state
      return { senderDataSecret: state.keySchedule.senderDataSecret, secretTree, ratchetTree, groupContext }
    }
    const past = state.historicalReceiverData.get(epoch)
    if (past === undefined) throw new MemberError("epoch")
    return past
  }

  #withSecretTree(
    epoch: bigint,
    receiver: Pick<EpochReceiverData, "groupContext">,
    secretTree: EpochReceiverData["secretTree"],
  ): TsMlsMember {
    const state = this.#state
    const past = state.historicalReceiverData.get(epoch)
    if (past === undefined || receiver.groupContext === state.groupContext) {
      return new TsMlsMember(this.#suite, { ...state, secretTree })
    }
    const historicalReceiverData = new Map(state.historicalReceiverData)
    historicalReceiverData.set(epoch, { ...past, secretTree })
    return new TsMlsMember(this.#suite, { ...state, historicalReceiverData })
  }

  #decode(message: Uint8Array): MLSMessage {
    const decoded = decodeWhole(decodeMlsMessage, message.slice())
    if (!equal(groupIdOf(decoded), this.groupId)) throw new MemberError("group id")
    return decoded
  }

  wipe(): void {
    const { keySchedule, secretTree, privatePath, signaturePrivateKey, historicalReceiverData } = this.#state
    wipe(...Object.values(keySchedule), ...Object.values(privatePath.privateKeys), signaturePrivateKey)
    wipe(...allSecretTreeValues(secretTree))
    for (const past of historicalReceiverData.values()) {
      wipe(past.senderDataSecret, past.resumptionPsk, ...allSecretTreeValues(past.secretTree))
    }
  }

  exporter(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    return mlsExporter(this.#state.keySchedule.exporterSecret, label, context, length, this.#suite.cs)
  }
}

function groupIdOf(message: MLSMessage): Uint8Array {
  if (message.wireformat === "mls_public_message") return message.publicMessage.content.groupId
  if (message.wireformat === "mls_private_message")
    return (message.privateMessage satisfies PrivateMessage).groupId
  throw new MemberError("wire format")
}

function leaves(state: Pick<ClientState, "ratchetTree">): MemberLeaf[] {
  const members: MemberLeaf[] = []
  for (const [index, node] of state.ratchetTree.entries()) {
    if (node?.nodeType !== "leaf" || node.leaf.credential.credentialType !== "basic") continue
    const { credential, signaturePublicKey } = node.leaf
    members.push({ leaf: index / 2, identity: credential.identity, signatureKey: signaturePublicKey })
  }
  return members
}

function compareLeaves(
  before: readonly MemberLeaf[],
  after: readonly MemberLeaf[],
): { added: MemberLeaf[]; removed: number[] } {
  const present = (list: readonly MemberLeaf[], { leaf, signatureKey }: MemberLeaf): boolean =>
    list.some((other) => other.leaf === leaf && equal(other.signatureKey, signatureKey))
  return {
    added: after.filter((member) => !present(before, member)),
    removed: before.filter((member) => !present(after, member)).map(({ leaf }) => leaf),
  }
}

import fc from "fast-check"
import type { RequiredCapabilities } from "../../src/mls/codec/capabilities.ts"
import type { Commit } from "../../src/mls/codec/commit.ts"
import type { Credential } from "../../src/mls/codec/credential.ts"
import type { Content, FramedContent, Sender } from "../../src/mls/codec/framing.ts"
import type { GroupContext } from "../../src/mls/codec/group-context.ts"
import type { ExternalSender } from "../../src/mls/codec/group-extensions.ts"
import type { GroupInfo } from "../../src/mls/codec/group-info.ts"
import type { KeyPackage } from "../../src/mls/codec/key-package.ts"
import type { LeafNode, LeafNodeSource } from "../../src/mls/codec/leaf-node.ts"
import type { MlsMessage } from "../../src/mls/codec/message.ts"
import type { Proposal } from "../../src/mls/codec/proposal.ts"
import type { PreSharedKeyId } from "../../src/mls/codec/psk.ts"
import type { GroupSecrets, Welcome } from "../../src/mls/codec/welcome.ts"

/** Any value of each wire structure, valid or not as far as MLS is concerned. */

const bytes = fc.uint8Array({ maxLength: 70 })
const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const numbers = fc.array(u16, { maxLength: 3 })
export const extensions = fc.array(fc.record({ type: u16, data: bytes }), { maxLength: 3 })
const sealed = fc.record({ kemOutput: bytes, ciphertext: bytes })

const credential: fc.Arbitrary<Credential> = fc.oneof(
  fc.record({ kind: fc.constant("basic" as const), identity: bytes }),
  fc.record({ kind: fc.constant("x509" as const), certificates: fc.array(bytes, { maxLength: 2 }) }),
  fc.record({
    kind: fc.constant("private" as const),
    type: fc.integer({ min: 0xf000, max: 0xffff }),
    data: bytes,
  }),
)

const source: fc.Arbitrary<LeafNodeSource> = fc.oneof(
  fc.record({
    kind: fc.constant("keyPackage" as const),
    lifetime: fc.record({ notBefore: u64, notAfter: u64 }),
  }),
  fc.constant({ kind: "update" as const }),
  fc.record({ kind: fc.constant("commit" as const), parentHash: bytes }),
)

export const leafNode: fc.Arbitrary<LeafNode> = fc.record({
  encryptionKey: bytes,
  signatureKey: bytes,
  credential,
  capabilities: fc.record({
    versions: numbers,
    cipherSuites: numbers,
    extensions: numbers,
    proposals: numbers,
    credentials: numbers,
  }),
  source,
  extensions,
  signature: bytes,
})

export const keyPackage: fc.Arbitrary<KeyPackage> = fc.record({
  version: fc.constant(1),
  cipherSuite: u16,
  initKey: bytes,
  leafNode,
  extensions,
  signature: bytes,
})

const psk: fc.Arbitrary<PreSharedKeyId> = fc.oneof(
  fc.record({ kind: fc.constant("external" as const), id: bytes, nonce: bytes }),
  fc.record({
    kind: fc.constant("resumption" as const),
    usage: fc.constantFrom("application", "reinit", "branch"),
    groupId: bytes,
    epoch: u64,
    nonce: bytes,
  }),
)

export const proposal: fc.Arbitrary<Proposal> = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), keyPackage }),
  fc.record({ kind: fc.constant("update" as const), leafNode }),
  fc.record({ kind: fc.constant("remove" as const), removed: u32 }),
  fc.record({ kind: fc.constant("psk" as const), psk }),
  fc.record({
    kind: fc.constant("reInit" as const),
    groupId: bytes,
    version: u16,
    cipherSuite: u16,
    extensions,
  }),
  fc.record({ kind: fc.constant("externalInit" as const), kemOutput: bytes }),
  fc.record({ kind: fc.constant("groupContextExtensions" as const), extensions }),
  fc.constant({ kind: "selfRemove" as const }),
  fc.record({
    kind: fc.constant("custom" as const),
    type: fc.integer({ min: 0xf000, max: 0xffff }),
    payload: bytes,
  }),
)

export const commit: fc.Arbitrary<Commit> = fc.record({
  proposals: fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("proposal" as const), proposal }),
      fc.record({ kind: fc.constant("reference" as const), reference: bytes }),
    ),
    { maxLength: 3 },
  ),
  path: fc.option(
    fc.record({
      leafNode,
      nodes: fc.array(
        fc.record({ encryptionKey: bytes, encryptedPathSecrets: fc.array(sealed, { maxLength: 3 }) }),
        { maxLength: 3 },
      ),
    }),
    { nil: undefined },
  ),
})

export const groupContext: fc.Arbitrary<GroupContext> = fc.record({
  cipherSuite: u16,
  groupId: bytes,
  epoch: u64,
  treeHash: bytes,
  confirmedTranscriptHash: bytes,
  extensions,
})

export const groupInfo: fc.Arbitrary<GroupInfo> = fc.record({
  groupContext,
  extensions,
  confirmationTag: bytes,
  signer: u32,
  signature: bytes,
})

export const groupSecrets: fc.Arbitrary<GroupSecrets> = fc.record({
  joinerSecret: bytes,
  pathSecret: fc.option(bytes, { nil: undefined }),
  psks: fc.array(psk, { maxLength: 3 }),
})

const welcome: fc.Arbitrary<Welcome> = fc.record({
  cipherSuite: u16,
  secrets: fc.array(fc.record({ newMember: bytes, encryptedGroupSecrets: sealed }), { maxLength: 3 }),
  encryptedGroupInfo: bytes,
})

const sender: fc.Arbitrary<Sender> = fc.oneof(
  fc.record({ kind: fc.constant("member" as const), leafIndex: u32 }),
  fc.record({ kind: fc.constant("external" as const), senderIndex: u32 }),
  fc.constant({ kind: "newMemberProposal" as const }),
  fc.constant({ kind: "newMemberCommit" as const }),
)

const content: fc.Arbitrary<Content> = fc.oneof(
  fc.record({ kind: fc.constant("application" as const), data: bytes }),
  fc.record({ kind: fc.constant("proposal" as const), proposal }),
  fc.record({ kind: fc.constant("commit" as const), commit }),
)

const framed: fc.Arbitrary<FramedContent> = fc.record({
  groupId: bytes,
  epoch: u64,
  sender,
  authenticatedData: bytes,
  content,
})

const publicMessage: fc.Arbitrary<MlsMessage> = fc
  .record({ framed, signature: bytes, confirmationTag: bytes, membershipTag: bytes })
  .map(({ framed: content, signature, confirmationTag, membershipTag }) => ({
    kind: "publicMessage",
    message: {
      framed: content,
      auth: {
        signature,
        confirmationTag: content.content.kind === "commit" ? confirmationTag : undefined,
      },
      membershipTag: content.sender.kind === "member" ? membershipTag : undefined,
    },
  }))

const privateMessage: fc.Arbitrary<MlsMessage> = fc.record({
  kind: fc.constant("privateMessage" as const),
  message: fc.record({
    groupId: bytes,
    epoch: u64,
    contentKind: fc.constantFrom("application", "proposal", "commit"),
    authenticatedData: bytes,
    encryptedSenderData: bytes,
    ciphertext: bytes,
  }),
})

export const mlsMessage: fc.Arbitrary<MlsMessage> = fc.oneof(
  publicMessage,
  privateMessage,
  fc.record({ kind: fc.constant("welcome" as const), welcome }),
  fc.record({ kind: fc.constant("groupInfo" as const), groupInfo }),
  fc.record({ kind: fc.constant("keyPackage" as const), keyPackage }),
)

export const publicGroupState = fc.record({
  context: groupContext,
  interimTranscriptHash: bytes,
  confirmationTag: bytes,
})

export const requiredCapabilities: fc.Arbitrary<RequiredCapabilities> = fc.record({
  extensions: numbers,
  proposals: numbers,
  credentials: numbers,
})

export const externalSenders: fc.Arbitrary<readonly ExternalSender[]> = fc.array(
  fc.record({ signatureKey: bytes, credential }),
  { maxLength: 3 },
)

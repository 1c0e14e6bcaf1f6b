/**
 * MLS (RFC 9420) as far as it needs no secrets: the codec, the flat ratchet tree, and an observer that validates
 * handshakes as a delivery service can. The suite is given with each call (suites/suite1.ts; 2 and 3 are beside it). Decoders are strict and throw CodecError; everything that validates
 * throws {@link MlsError} with a rule of rules.ts. Nothing here needs more than a browser.
 */
export type { Capabilities, RequiredCapabilities } from "./codec/capabilities.ts"
export type { Commit, ProposalOrRef } from "./codec/commit.ts"
export { type Credential, encodeCredential } from "./codec/credential.ts"
export { decodeExtensions, type Extension, encodeExtensions, findExtension } from "./codec/extension.ts"
export type { FramedContent, Sender } from "./codec/framing.ts"
export { decodeGroupContext, encodeGroupContext, type GroupContext } from "./codec/group-context.ts"
export {
  decodeExternalPub,
  decodeExternalSenders,
  decodeRequiredCapabilities,
  type ExternalSender,
  encodeExternalPub,
  encodeExternalSenders,
  encodeRequiredCapabilities,
} from "./codec/group-extensions.ts"
export { decodeGroupInfo, encodeGroupInfo, type GroupInfo } from "./codec/group-info.ts"
export { decodeKeyPackage, encodeKeyPackage, type KeyPackage } from "./codec/key-package.ts"
export { decodeLeafNode, encodeLeafNode, type LeafNode, type Lifetime } from "./codec/leaf-node.ts"
export { decodeMlsMessage, encodeMlsMessage, type MlsMessage } from "./codec/message.ts"
export type { PrivateMessage } from "./codec/private-message.ts"
export type { Proposal } from "./codec/proposal.ts"
export { ExtensionType } from "./codec/protocol.ts"
export type { PublicMessage } from "./codec/public-message.ts"
export type { Welcome } from "./codec/welcome.ts"
export { MlsError } from "./error.ts"
export { verifyKeyPackage } from "./group/key-package.ts"
export {
  decryptWithLabel,
  deriveSecret,
  encryptWithLabel,
  expandWithLabel,
  keyPackageRef,
  refHash,
  signWithLabel,
  verifyWithLabel,
} from "./labels.ts"
export { observeApplicationMessage } from "./observer/application.ts"
export { type AddedMember, type CommitOptions, observeCommit, type StagedCommit } from "./observer/commit.ts"
export { type ObservedGroup, observeCreation } from "./observer/creation.ts"
export { verifyGroupInfo } from "./observer/group-info.ts"
export { type AuthenticatedProposal, observeProposal } from "./observer/proposal.ts"
export {
  decodePublicGroupState,
  encodePublicGroupState,
  type PublicGroupState,
  readPublicGroupState,
  writePublicGroupState,
} from "./observer/state.ts"
export { type Rule, rules } from "./rules.ts"
export { FlatTree, LEAF_WIDTH_MAX } from "./tree/flat-tree.ts"

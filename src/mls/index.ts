/**
 * MLS (RFC 9420): the codec, the flat ratchet tree, an observer that validates handshakes without any secret, as a delivery
 * service can, and the member. The suite is given with each call; 0x0002 and 0x0003 are in suites/, to be imported from
 * there by those who want them. Decoders are strict and throw CodecError; everything that validates throws
 * {@link MlsError} with a rule of {@link rules} or {@link memberRules}. Nothing here needs more than a browser.
 * README.md says how to begin.
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
export type { CustomProposal, Proposal, ReInit } from "./codec/proposal.ts"
export { ExtensionType, ProposalType } from "./codec/protocol.ts"
export type { PublicMessage } from "./codec/public-message.ts"
export type { Welcome } from "./codec/welcome.ts"
export { MlsError } from "./error.ts"
export { verifyKeyPackage } from "./group/key-package.ts"
export type { Clock } from "./group/leaf-validity.ts"
export type { CustomProposalType, Policy } from "./group/policy.ts"
export type { CommittedCustomProposal } from "./group/proposal-list.ts"
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
export type { ReceivedApplication, SentApplication } from "./member/application.ts"
export type { OwnCommit, OwnCommitOptions } from "./member/commit.ts"
export type { NewGroup } from "./member/create.ts"
export type { ExternalJoin, ExternalJoinOptions } from "./member/external.ts"
export { Member } from "./member/group.ts"
export type { JoinerKeys, JoinOptions, SuccessorJoinOptions } from "./member/join.ts"
export { createKeyPackage, type KeyPackageSecrets, type OwnKeyPackage } from "./member/key-package.ts"
export type { LeafContent, OwnLeaf } from "./member/leaf.ts"
export { type ClientOf, clientByCredential } from "./member/lineage.ts"
export type { Processed, ProcessOptions } from "./member/process.ts"
export type { OwnProposal, ProposeOptions } from "./member/propose.ts"
export { externalPskProposal, type PskLookup } from "./member/psks.ts"
export { memberRules } from "./member/rules.ts"
export type { BranchOptions, Succession, SuccessorOptions } from "./member/successor.ts"
export { observeApplicationMessage } from "./observer/application.ts"
export { type AddedMember, type CommitOptions, observeCommit, type StagedCommit } from "./observer/commit.ts"
export { type ObservedGroup, observeCreation } from "./observer/creation.ts"
export { type ExternalSenderKeys, proposeFromOutside } from "./observer/external-proposal.ts"
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
export type { CipherSuite, HpkeKeyPair, HpkeSealed } from "./suite.ts"
export { suite1 } from "./suites/suite1.ts"
export { FlatTree, LEAF_WIDTH_MAX } from "./tree/flat-tree.ts"

/**
 * Every rule that the MLS core refuses by: its id, its stable code, the section of RFC 9420 it comes from (or, after
 * "extensions", of draft-ietf-mls-extensions-10) and what it says. A {@link MlsError} always names one of these. Ids are
 * never reused.
 */
export interface Rule {
  readonly id: `DS-VAL-${string}` | `MLS-${string}`
  readonly code: `mls.${string}`
  readonly section: string
  readonly text: string
}

function rule(id: Rule["id"], code: Rule["code"], section: string, text: string): Rule {
  return { id, code, section, text }
}

export const rules = {
  // Encoding
  malformed: rule("DS-VAL-001", "mls.malformed", "2.1", "Input is exactly one canonical encoding."),
  treeTooLarge: rule(
    "DS-VAL-002",
    "mls.tree-too-large",
    "7.7",
    "The tree is within this implementation's bound.",
  ),
  duplicateExtension: rule(
    "DS-VAL-003",
    "mls.duplicate-extension",
    "13.4",
    "Each extension type at most once in a list.",
  ),
  unsupportedSuite: rule(
    "DS-VAL-004",
    "mls.unsupported-suite",
    "5.1",
    "The cipher suite is the one asked for.",
  ),
  keyLength: rule("DS-VAL-005", "mls.key-length", "5.1.1", "Public keys have the form the suite gives them."),

  // Framing
  notPublicMessage: rule("DS-VAL-101", "mls.not-public-message", "6", "A handshake is a PublicMessage."),
  notApplication: rule(
    "DS-VAL-102",
    "mls.not-application",
    "6.3",
    "Application data is a PrivateMessage of that content type.",
  ),
  wrongGroup: rule("DS-VAL-103", "mls.wrong-group", "8.1", "The message is for this group."),
  wrongEpoch: rule("DS-VAL-104", "mls.wrong-epoch", "12.4.2", "The message is for the current epoch."),
  notCommit: rule("DS-VAL-105", "mls.not-commit", "12.4", "The content is a Commit."),
  notProposal: rule("DS-VAL-106", "mls.not-proposal", "12.1", "The content is a Proposal."),
  senderType: rule("DS-VAL-107", "mls.sender-type", "6.1", "The sender type may send this content."),
  unknownSender: rule(
    "DS-VAL-108",
    "mls.unknown-sender",
    "6.1",
    "The sender exists: a leaf that is not blank, or a listed external sender.",
  ),
  messageSignature: rule(
    "DS-VAL-109",
    "mls.invalid-signature",
    "6.1",
    "The message's signature verifies with the sender's key.",
  ),
  tagLength: rule(
    "DS-VAL-110",
    "mls.tag-length",
    "6.1",
    "Confirmation and membership tags are as long as the suite's MAC.",
  ),

  // Leaf nodes
  leafSignature: rule(
    "DS-VAL-201",
    "mls.leaf-signature",
    "7.3",
    "The leaf's signature verifies for its group and place.",
  ),
  leafSource: rule(
    "DS-VAL-202",
    "mls.leaf-source",
    "7.3",
    "The leaf's source is that of the object it came in.",
  ),
  leafLifetime: rule(
    "DS-VAL-203",
    "mls.leaf-lifetime",
    "7.3",
    "The current time is within the leaf's lifetime.",
  ),
  leafLifetimeTooLong: rule(
    "DS-VAL-204",
    "mls.leaf-lifetime-too-long",
    "7.2",
    "The lifetime is not longer than the deployment allows.",
  ),
  leafVersion: rule(
    "DS-VAL-205",
    "mls.leaf-version",
    "7.2",
    "The leaf's capabilities name the group's version and suite.",
  ),
  leafExtensionUnlisted: rule(
    "DS-VAL-206",
    "mls.leaf-extension-unlisted",
    "7.3",
    "Extensions used are in the leaf's own capabilities.",
  ),
  leafCredentialUnlisted: rule(
    "DS-VAL-207",
    "mls.leaf-credential-unlisted",
    "7.2",
    "The credential's type is in the leaf's own capabilities.",
  ),
  leafRequiredCapability: rule(
    "DS-VAL-208",
    "mls.leaf-required-capability",
    "7.3",
    "The leaf has the group's required capabilities.",
  ),
  leafGroupExtension: rule(
    "DS-VAL-209",
    "mls.leaf-group-extension",
    "13.4",
    "The leaf supports every extension of the GroupContext.",
  ),
  leafCredentialSupport: rule(
    "DS-VAL-210",
    "mls.leaf-credential-support",
    "7.3",
    "Every member supports every credential type in use.",
  ),
  duplicateSignatureKey: rule(
    "DS-VAL-211",
    "mls.duplicate-signature-key",
    "7.3",
    "Signature keys are unique in the group.",
  ),
  duplicateEncryptionKey: rule(
    "DS-VAL-212",
    "mls.duplicate-encryption-key",
    "7.3",
    "Encryption keys are unique in the tree.",
  ),
  leafKeyReused: rule(
    "DS-VAL-213",
    "mls.leaf-key-reused",
    "7.3",
    "A new leaf has another encryption key than the leaf it replaces.",
  ),

  // KeyPackages
  keyPackageSuite: rule(
    "DS-VAL-301",
    "mls.key-package-suite",
    "10.1",
    "Version and suite of the KeyPackage are the group's.",
  ),
  keyPackageSignature: rule(
    "DS-VAL-302",
    "mls.key-package-signature",
    "10.1",
    "The KeyPackage's signature verifies with its leaf's key.",
  ),
  keyPackageInitKey: rule(
    "DS-VAL-303",
    "mls.key-package-init-key",
    "10.1",
    "The init key is not the leaf's encryption key.",
  ),

  // Proposals and their lists
  unknownProposal: rule(
    "DS-VAL-401",
    "mls.unknown-proposal",
    "12.4",
    "A referenced proposal was seen in this epoch.",
  ),
  duplicateReference: rule("DS-VAL-402", "mls.duplicate-reference", "12.4", "A proposal is referenced once."),
  updateByCommitter: rule(
    "DS-VAL-403",
    "mls.update-by-committer",
    "12.2",
    "No Update comes from the committer.",
  ),
  updateSender: rule(
    "DS-VAL-404",
    "mls.update-sender",
    "12.1.2",
    "An Update comes from a member, for its own leaf.",
  ),
  removeCommitter: rule("DS-VAL-405", "mls.remove-committer", "12.2", "The committer is not removed."),
  removeBlank: rule("DS-VAL-406", "mls.remove-blank", "12.1.3", "A removed leaf is not blank."),
  sameLeafTwice: rule(
    "DS-VAL-407",
    "mls.same-leaf-twice",
    "12.2",
    "At most one Update, Remove or SelfRemove applies to a leaf.",
  ),
  pskNonce: rule("DS-VAL-408", "mls.psk-nonce", "12.1.4", "A PSK nonce is as long as the suite's hash."),
  pskUsage: rule(
    "DS-VAL-409",
    "mls.psk-usage",
    "12.1.4",
    "A PSK for reinitialization or branching is in the first commit of the group that it begins, one alone.",
  ),
  duplicatePsk: rule("DS-VAL-410", "mls.duplicate-psk", "12.2", "A PSK is named once."),
  multipleGroupContextExtensions: rule(
    "DS-VAL-411",
    "mls.multiple-group-context-extensions",
    "12.2",
    "At most one GroupContextExtensions proposal.",
  ),
  reInitNotAlone: rule("DS-VAL-412", "mls.reinit-not-alone", "12.2", "A ReInit is the only proposal."),
  reInitVersion: rule(
    "DS-VAL-413",
    "mls.reinit-version",
    "12.1.5",
    "A ReInit's version is known and not below the group's.",
  ),
  reInitSuite: rule(
    "DS-VAL-418",
    "mls.reinit-suite",
    "12.1.5",
    "A ReInit's cipher suite is one that the deployment has.",
  ),
  externalInitInRegularCommit: rule(
    "DS-VAL-414",
    "mls.external-init-in-regular-commit",
    "12.2",
    "Only an external commit has an ExternalInit.",
  ),
  proposalSenderType: rule(
    "DS-VAL-415",
    "mls.proposal-sender-type",
    "12.1.8",
    "The sender may send this type of proposal.",
  ),
  tooManyAdds: rule(
    "DS-VAL-417",
    "mls.too-many-adds",
    "12.4",
    "A commit adds no more members than the deployment allows.",
  ),
  groupExtensionMalformed: rule(
    "DS-VAL-416",
    "mls.group-extension-malformed",
    "11.1",
    "Group extensions of known type decode.",
  ),
  undeclaredProposal: rule(
    "DS-VAL-419",
    "mls.undeclared-proposal",
    "13.2",
    "A proposal type for private use is one that the deployment has declared.",
  ),
  customProposalLength: rule(
    "DS-VAL-420",
    "mls.custom-proposal-length",
    "",
    "The payload of a custom proposal is within this implementation's bound.",
  ),
  proposalSupport: rule(
    "DS-VAL-421",
    "mls.proposal-support",
    "12.2",
    "Whoever processes a proposal of a type that is not default supports the type.",
  ),
  selfRemoveByValue: rule(
    "DS-VAL-422",
    "mls.self-remove-by-value",
    "extensions 6.3",
    "A SelfRemove is committed by reference.",
  ),

  // Commits
  pathRequired: rule(
    "DS-VAL-501",
    "mls.path-required",
    "12.4",
    "The path is there if there is no proposal or one of a type that needs it.",
  ),
  pathLength: rule(
    "DS-VAL-502",
    "mls.path-length",
    "7.6",
    "The path has one node for each node of the filtered direct path.",
  ),
  pathCiphertexts: rule(
    "DS-VAL-503",
    "mls.path-ciphertexts",
    "7.6",
    "Each path secret is encrypted once to each node of the copath's resolution.",
  ),
  pathKeyReused: rule(
    "DS-VAL-504",
    "mls.path-key-reused",
    "12.4.2",
    "No key of the path is in the tree already, or twice in the path.",
  ),
  pathParentHash: rule(
    "DS-VAL-505",
    "mls.path-parent-hash",
    "7.9.2",
    "The committer's leaf has the parent hash of its new path.",
  ),
  epochExhausted: rule("DS-VAL-506", "mls.epoch-exhausted", "8.1", "The next epoch's number fits."),

  // External commits
  externalReference: rule(
    "DS-VAL-601",
    "mls.external-reference",
    "12.4.3.2",
    "An external commit refers to no proposals but SelfRemoves.",
  ),
  externalInitCount: rule(
    "DS-VAL-602",
    "mls.external-init-count",
    "12.2",
    "An external commit has exactly one ExternalInit.",
  ),
  externalRemoveCount: rule(
    "DS-VAL-603",
    "mls.external-remove-count",
    "12.2",
    "An external commit has at most one Remove.",
  ),
  externalProposalType: rule(
    "DS-VAL-604",
    "mls.external-proposal-type",
    "12.2",
    "An external commit has only ExternalInit, Remove, PSK and SelfRemove proposals.",
  ),
  externalPath: rule("DS-VAL-605", "mls.external-path", "12.4.3.2", "An external commit has a path."),
  externalKemOutput: rule(
    "DS-VAL-606",
    "mls.external-kem-output",
    "8.3",
    "The KEM output has the suite's form.",
  ),

  // Group state and GroupInfo
  groupInfoSignature: rule(
    "DS-VAL-701",
    "mls.group-info-signature",
    "12.4.3",
    "The GroupInfo's signature verifies with the signer's leaf.",
  ),
  groupInfoSigner: rule("DS-VAL-702", "mls.group-info-signer", "12.4.3", "The signer's leaf is not blank."),
  groupInfoExternalPub: rule(
    "DS-VAL-703",
    "mls.group-info-external-pub",
    "12.4.3.2",
    "The GroupInfo has one external_pub extension of the suite's length.",
  ),
  groupInfoRatchetTree: rule(
    "DS-VAL-704",
    "mls.group-info-ratchet-tree",
    "12.4.3.3",
    "The GroupInfo does not carry the tree that the server keeps.",
  ),
  treeHash: rule(
    "DS-VAL-705",
    "mls.tree-hash",
    "12.4.3.1",
    "The tree's hash is the one in the GroupContext.",
  ),
  parentHash: rule(
    "DS-VAL-706",
    "mls.parent-hash",
    "7.9.2",
    "Every parent that is not blank is parent-hash valid.",
  ),
  unmergedLeaves: rule(
    "DS-VAL-707",
    "mls.unmerged-leaves",
    "12.4.3.1",
    "Unmerged leaves exist below their node and in all nodes between.",
  ),
  treeTrailingBlank: rule(
    "DS-VAL-708",
    "mls.tree-trailing-blank",
    "12.4.3.3",
    "The last node of an encoded tree is a leaf that is not blank.",
  ),
  transcriptHashLength: rule(
    "DS-VAL-709",
    "mls.transcript-hash-length",
    "8.2",
    "The transcript hash is empty in epoch 0 and as long as the suite's hash after it.",
  ),
  snapshot: rule(
    "DS-VAL-710",
    "mls.snapshot",
    "",
    "A stored tree, undo log or state is one that this implementation wrote.",
  ),
} as const satisfies Record<string, Rule>

import type { Rule } from "../rules.ts"

/**
 * The rules that only a member can hold a message against, because they need secrets; those that anybody can check are
 * in ../rules.ts. Ids are never reused.
 */
function rule(id: Rule["id"] & `MLS-${string}`, code: Rule["code"], section: string, text: string): Rule {
  return { id, code, section, text }
}

export const memberRules = {
  // Messages
  membershipTag: rule(
    "MLS-101",
    "mls.membership-tag",
    "6.2",
    "A member's PublicMessage carries the membership tag of its epoch.",
  ),
  confirmationTag: rule(
    "MLS-102",
    "mls.confirmation-tag",
    "12.4.2",
    "A new epoch's confirmation tag is that of its key schedule.",
  ),
  ownMessage: rule("MLS-103", "mls.own-message", "12.4", "A message is another member's."),
  pastEpoch: rule("MLS-104", "mls.past-epoch", "15.3", "The secrets of the message's epoch are still kept."),
  notHandshake: rule("MLS-105", "mls.not-handshake", "6", "The content is a Proposal or a Commit."),
  decryption: rule("MLS-106", "mls.decryption", "6.3", "A PrivateMessage opens with its sender's key."),
  generation: rule(
    "MLS-107",
    "mls.generation",
    "9.1",
    "The key of the message's generation was not used before and is within reach.",
  ),
  padding: rule("MLS-108", "mls.padding", "6.3.1", "The padding is all zero."),
  selfRemoveEncrypted: rule(
    "MLS-109",
    "mls.self-remove-encrypted",
    "extensions 6.3",
    "A SelfRemove is a PublicMessage, so that those can commit it who join from outside.",
  ),

  // Paths
  pathSecret: rule(
    "MLS-201",
    "mls.path-secret",
    "12.4.2",
    "The path holds a secret that opens with a key of the receiver's.",
  ),
  pathKeys: rule("MLS-202", "mls.path-keys", "12.4.2", "A path's secrets give the keys that its nodes have."),

  unusableKey: rule(
    "MLS-203",
    "mls.unusable-key",
    "7.6",
    "Every key that is encrypted to can be encrypted to.",
  ),

  // Joining
  welcomeSecrets: rule(
    "MLS-301",
    "mls.welcome-secrets",
    "12.4.3.1",
    "The Welcome holds secrets for the KeyPackage, and they open.",
  ),
  welcomeSuite: rule(
    "MLS-302",
    "mls.welcome-suite",
    "12.4.3.1",
    "Welcome, GroupInfo and KeyPackage are of one suite.",
  ),
  treeMissing: rule("MLS-303", "mls.tree-missing", "12.4.3.3", "The ratchet tree is given."),
  ownLeaf: rule("MLS-304", "mls.own-leaf", "12.4.3.1", "The tree has the KeyPackage's leaf."),
  welcomePsk: rule(
    "MLS-305",
    "mls.welcome-psk",
    "12.4.3.1",
    "A PSK of a reinitialized or branched group is the only one of its kind, in epoch 1.",
  ),
  welcomeParent: rule(
    "MLS-306",
    "mls.welcome-parent",
    "12.4.3.1",
    "A Welcome to a successor or branch tells of the group that it is joined from, and no other tells of one.",
  ),
  successorParameters: rule(
    "MLS-307",
    "mls.successor-parameters",
    "11.2",
    "A successor has the group id, the suite and the extensions of the ReInit.",
  ),
  successorMembers: rule(
    "MLS-308",
    "mls.successor-members",
    "11.2",
    "A successor has the members of the group that was reinitialized.",
  ),
  branchMembers: rule(
    "MLS-309",
    "mls.branch-members",
    "11.3",
    "The members of a branch are members of the group that it comes from.",
  ),

  // What this member can do
  unknownPsk: rule("MLS-401", "mls.unknown-psk", "8.4", "Each committed PSK is known."),
  groupClosed: rule(
    "MLS-402",
    "mls.group-closed",
    "11.2",
    "The member is in the group, and the group was not reinitialized.",
  ),
  ownUpdate: rule(
    "MLS-403",
    "mls.own-update",
    "12.1.2",
    "A committed Update of one's own was proposed here.",
  ),
  keyPair: rule("MLS-404", "mls.key-pair", "5.1.1", "A secret key is that of the public key it is used for."),
  proposalsFull: rule(
    "MLS-406",
    "mls.proposals-full",
    "12.4",
    "An epoch has no more proposals than this implementation keeps.",
  ),
  selfRemoveRepeated: rule(
    "MLS-407",
    "mls.self-remove-repeated",
    "extensions 6.3",
    "A member proposes a SelfRemove once in an epoch.",
  ),
  notReinitialized: rule(
    "MLS-408",
    "mls.not-reinitialized",
    "11.2",
    "Only a group that was reinitialized has a successor.",
  ),
  memberState: rule(
    "MLS-405",
    "mls.member-state",
    "",
    "A stored member is one that this implementation wrote.",
  ),
} as const satisfies Record<string, Rule>

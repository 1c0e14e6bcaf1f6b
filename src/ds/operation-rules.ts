/**
 * What operations ask of a message beside what RFC 9420 does (docs/protocol.md section 5.3). A message that breaks one is refused
 * with `ds.not-allowed` and the rule's id. Ids are never reused.
 */
export interface OperationRule {
  readonly id: `DS-OP-${string}`
  readonly text: string
}

function rule(id: OperationRule["id"], text: string): OperationRule {
  return { id, text }
}

export const operationRules = {
  // Who
  ownCommit: rule("DS-OP-101", "The request's sender made the commit, as a member."),
  externalCommit: rule("DS-OP-102", "The commit is an external one."),
  admin: rule("DS-OP-103", "The sender is an admin."),

  // What is committed
  onlyAdds: rule("DS-OP-201", "The commit adds members by value and does nothing else."),
  onlyRemoves: rule("DS-OP-202", "The commit removes members by value and does nothing else."),
  onlyUpdate: rule(
    "DS-OP-203",
    "The commit has a path, removes those who are proposed to go, and does nothing else.",
  ),
  onlyJoins: rule("DS-OP-204", "The commit adds its sender and does nothing else."),
  onlyRoles: rule("DS-OP-206", "The commit changes the roles and does nothing else."),
  groupOfOne: rule("DS-OP-205", "A group that is joined from outside has one member."),
  removesOthers: rule("DS-OP-208", "The commit removes all others and does nothing else."),
  onlyResync: rule("DS-OP-209", "The commit replaces its sender's own leaf and does nothing else."),
  keptKey: rule("DS-OP-210", "The new leaf has the signature key of the one that it replaces."),
  noData: rule("DS-OP-207", "There is authenticated data only where the operation defines it."),

  // Leaving
  ownSelfRemove: rule("DS-OP-251", "The proposal is a SelfRemove of the request's sender."),
  somebodyStays: rule("DS-OP-252", "Somebody else stays who can commit that a member leaves."),

  // Credentials and Welcome
  credentialPerAdd: rule("DS-OP-301", "There is an encrypted credential for each member that is added."),
  credentialAnnounced: rule(
    "DS-OP-302",
    "A credential changes only by an update that brings its encryption.",
  ),
  attributionPerAdd: rule("DS-OP-303", "There is an attribution for each member that is added."),
  welcomePerAdd: rule("DS-OP-304", "The Welcome is for those who are added, for each once."),

  // Queues
  ownQueue: rule("DS-OP-401", "A member's queue config decodes and is of this server."),
  livingQueue: rule("DS-OP-402", "The queue of whoever comes exists."),

  // Roles
  contextExtensions: rule("DS-OP-501", "The GroupContext has this server's extensions, each well-formed."),
  removalKey: rule("DS-OP-502", "The external sender is the one that came with the group id."),
  creatorIsAdmin: rule("DS-OP-503", "The creator is the only admin of a new group."),
  adminsAreMembers: rule("DS-OP-505", "Every admin is a member."),
  rolesFollow: rule("DS-OP-504", "The roles after a commit are those before, without who left."),

  // Creation
  firstEpoch: rule("DS-OP-601", "A new group is at epoch 0, has one member and the id that was reserved."),
} as const satisfies Record<string, OperationRule>

import { utf8 } from "../wire/bytes.ts"

/**
 * Every string that separates one use of a key from another: HKDF and HPKE `info`, signature labels, associated
 * data. All begin with `Cinder 1 ` (docs/protocol.md section 9) and none is used twice.
 */
export const labels = {
  /** Encryption at rest of group state (docs/protocol.md section 5.1). */
  earHead: utf8("Cinder 1 ear head"),
  earTree: utf8("Cinder 1 ear tree"),
  earHeadKey: utf8("Cinder 1 ear head key"),
  earTreeKey: utf8("Cinder 1 ear tree key"),
  earHeadCommitment: utf8("Cinder 1 ear head commitment"),
  earTreeCommitment: utf8("Cinder 1 ear tree commitment"),

  /** What the DS signs and opens in one group (sections 5.1 and 5.3). */
  removalKey: utf8("Cinder 1 removal key"),
  reportKey: utf8("Cinder 1 report key"),
  deadQueues: utf8("Cinder 1 dead queues"),

  /** Queue chains (section 6.2). */
  queueChainStart: utf8("Cinder 1 queue chain start"),
  queueChainId: utf8("Cinder 1 queue chain id"),
  queueChainKey: utf8("Cinder 1 queue chain key"),
  queueAddressKey: utf8("Cinder 1 queue address key"),
  queueTag: utf8("Cinder 1 queue tag"),
  queueKey: utf8("Cinder 1 queue key"),
  queueNext: utf8("Cinder 1 queue next"),

  /** Sealed queue configs, their signature, and tickets (section 5.4). */
  queueConfig: utf8("Cinder 1 queue config"),
  queueConfigSignature: utf8("Cinder 1 queue config signature"),
  ticket: utf8("Cinder 1 ticket"),
  pushToken: utf8("Cinder 1 push token"),

  /** Names and bodies of veiled rows, and what their names depend on (section 1). */
  veilName: utf8("Cinder 1 veil name"),
  veilBody: utf8("Cinder 1 veil body"),
  veilEpochs: utf8("Cinder 1 veil epochs"),

  /** Records of QS clients (section 6.1), and the server's key for push services (section 6.3). */
  blockedGroup: utf8("Cinder 1 blocked group"),
  pushKey: utf8("Cinder 1 push key"),

  /** Requests (section 3). */
  request: utf8("Cinder 1 request"),

  /** Credentials (section 4.1). */
  asCredential: utf8("Cinder 1 as credential"),
  asEndorsement: utf8("Cinder 1 as credential endorsement"),
  asIntermediateCredential: utf8("Cinder 1 as intermediate credential"),
  asIntermediateRequest: utf8("Cinder 1 as intermediate credential request"),
  clientCredential: utf8("Cinder 1 client credential"),
  clientRequest: utf8("Cinder 1 client credential request"),
  leafCredential: utf8("Cinder 1 leaf credential"),
  leafRequest: utf8("Cinder 1 leaf credential request"),
  revokedSubject: utf8("Cinder 1 revoked subject"),

  /** Comparing identities out of band (section 7). */
  safetyNumber: utf8("Cinder 1 safety number"),

  /** Invitation codes, and the traces of those that were used (section 4.2). */
  invitation: utf8("Cinder 1 invitation"),
  usedInvitation: utf8("Cinder 1 used invitation"),
  /** Aliases (section 4.5). */
  alias: utf8("Cinder 1 alias"),

  /** Connections between users (sections 4.3 and 7). */
  connectionPackage: utf8("Cinder 1 connection package"),
  aliasConnectionPackage: utf8("Cinder 1 alias connection package"),
  connectionEstablishment: utf8("Cinder 1 connection establishment"),
  connectionEstablishmentSignature: utf8("Cinder 1 connection establishment signature"),
  friendshipPackage: utf8("Cinder 1 friendship package"),
  friendshipToken: utf8("Cinder 1 friendship token"),
  userProfile: utf8("Cinder 1 user profile"),

  /** Anonymous rate limits (section 4.4). */
  tokenContextAs: utf8("Cinder 1 token context as"),
  tokenContextDelivery: utf8("Cinder 1 token context delivery"),
  allowancePseudonym: utf8("Cinder 1 allowance pseudonym"),
  allowanceDraw: utf8("Cinder 1 allowance draw"),

  /** Joining groups (sections 5.3 and 6.3). */
  addPackageCredential: utf8("Cinder 1 add package credential"),
  groupCredential: utf8("Cinder 1 group credential"),
  welcomeEarKey: utf8("Cinder 1 welcome ear key"),
  welcomeAttribution: utf8("Cinder 1 welcome attribution"),
} as const

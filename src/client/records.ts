import { type Static, Type } from "@sinclair/typebox"
import { ALIAS_SALT_BYTES, OPAQUE_KE3_BYTES } from "../limits.ts"
import { closed, fixedBytes } from "../wire/endpoint.ts"
import { AliasHash, Bytes, ClientId, Id, Key, Nullable, Seconds } from "./record-parts.ts"

/** What a client keeps of itself and of other people: one kind of record per schema. See record-store.ts. */

/** Who this client is, and how far its registration came. */
export const Account = closed({
  domain: Type.String(),
  displayName: Type.String(),
  clientId: ClientId,
  clientSeed: Key,
  /** Instead of a password, if the user has chosen none. */
  loginSecret: Nullable(Key),
  /** How the password is stretched: the same at registration and at each login. */
  stretching: Type.Union([Type.Literal("memory-constrained"), Type.Literal("minimal")]),
  /** Proves the first login, until the AS has seen it. */
  firstLogin: Nullable(fixedBytes(OPAQUE_KE3_BYTES, "OPAQUE KE3")),
  /** Set by the first steps of the registration. */
  credential: Nullable(Bytes),
  /** The first ones, until the AS has them: a repetition has to bring the same. */
  connectionPackages: Type.Array(Bytes),
  connectionQueueKey: Key,
  friendshipToken: Key,
  friendshipKey: Key,
  profileKey: Key,
  qsUserSeed: Key,
  qsClientSeed: Key,
  queueKey: Key,
  /** In all queue configs, also while the client wants no pushes. */
  pushTokenKey: Key,
  /** Set when the QS knows the client. */
  qs: Nullable(closed({ user: Id, client: Id, configKey: Key })),
  stage: Type.Union([
    Type.Literal("new"),
    Type.Literal("credential"),
    Type.Literal("registered"),
    Type.Literal("queued"),
    Type.Literal("ready"),
    /** The AS was asked to delete the user, and may have done so. */
    Type.Literal("leaving"),
  ]),
})
export type Account = Static<typeof Account>
/** One whose registration is complete, or nearly so. */
export type RegisteredAccount = Account & {
  readonly credential: Uint8Array
  readonly qs: NonNullable<Account["qs"]>
}

/**
 * The roots that are trusted, what the AS published beside them when last asked, and the salt as it was at registration.
 */
export const Anchors = closed({
  /** Those that were seen at registration, that these vouched for since, and that the user compared. */
  roots: Type.Array(Bytes),
  /** Published as well, but nobody vouches for them. */
  unknownRoots: Type.Array(Bytes),
  intermediates: Type.Array(Bytes),
  revoked: Type.Array(Bytes),
  aliasSalt: fixedBytes(ALIAS_SALT_BYTES, "salt of alias hashes"),
})
export type Anchors = Static<typeof Anchors>

/** When the client next does by itself what it does now and then. */
export const Schedule = closed({
  /** Asks for what the AS publishes. */
  trust: Seconds,
  /** Renews its credential. */
  credential: Seconds,
  /** Looks whether connection packages are left. */
  connectionPackages: Seconds,
  /** Publishes AddPackages. */
  addPackages: Seconds,
  /** Gives its contacts another token and other keys. */
  friendship: Seconds,
})
export type Schedule = Static<typeof Schedule>

/** An AddPackage of ours and its secrets. */
export const StoredKeyPackage = closed({
  /** The client's credential that it was made with. */
  credential: Bytes,
  /** When its leaf's credential ends. */
  notAfter: Seconds,
  keyPackage: Bytes,
  initKey: Key,
  encryptionKey: Key,
  signatureSeed: Key,
  lastResort: Type.Boolean(),
})
export type StoredKeyPackage = Static<typeof StoredKeyPackage>

/** The AddPackages that can be claimed. */
export const PublishedAddPackages = closed({
  /** References in hexadecimal, without the one of last resort. */
  refs: Type.Array(Type.String()),
  /** The client's credential that they were made with. */
  credential: Bytes,
})

/** The secret of a connection package of ours. */
export const StoredConnectionPackage = closed({
  secretKey: Key,
  /** What it was published under: an alias, or the user id. */
  alias: Nullable(Type.String()),
  /** The last second in which it can be claimed. */
  expires: Type.Integer({ minimum: 0 }),
  /** `made`: nobody knows whether the AS got it. `used`: somebody asked for a connection with it. */
  state: Type.Union([Type.Literal("made"), Type.Literal("published"), Type.Literal("used")]),
})
export type StoredConnectionPackage = Static<typeof StoredConnectionPackage>

/** The own profile. */
export const OwnProfile = closed({
  displayName: Type.String(),
  avatar: Bytes,
  /** As it is to be stored by the AS; null once it is there. */
  sealed: Nullable(Bytes),
})

/** Where pushes go. */
export const PushSubscription = closed({
  /** The push token; null: nowhere. */
  token: Nullable(Bytes),
  /** Whether the QS has it. */
  sent: Type.Boolean(),
})

/** A group whose messages this client does not want. `blocking` and `unblocking`: until the QS has said that it knows. */
export const BlockedGroup = closed({
  stage: Type.Union([Type.Literal("blocking"), Type.Literal("blocked"), Type.Literal("unblocking")]),
})
export type BlockedGroup = Static<typeof BlockedGroup>

/** A friendship rotation under way: the keys that are to take the place of the account's, then what is left to do. */
export const Rotation = closed({
  friendshipToken: Key,
  friendshipKey: Key,
  profileKey: Key,
  stage: Type.Union([
    /** The QS is to know the new token; then the account has the keys. */
    Type.Literal("token"),
    Type.Literal("packages"),
    Type.Literal("contacts"),
    Type.Literal("profile"),
  ]),
  /** When that is done. */
  due: Seconds,
})
export type Rotation = Static<typeof Rotation>

/** What is there or not, and says nothing else. */
export const Mark = closed({})

/** Friendship encryption keys that the account had, newest first. */
export const EarlierFriendships = closed({
  keys: Type.Array(closed({ friendshipKey: Key, until: Seconds })),
})

/** An alias of ours. Its keys are used for nothing else. */
export const AliasRecord = closed({
  hash: AliasHash,
  authSeed: Key,
  queueKey: Key,
  /** The first ones, until the AS has them: a repetition brings the same. */
  connectionPackages: Type.Array(Bytes),
  /** `new` and `deleted`: until the AS has said that it knows. */
  stage: Type.Union([Type.Literal("new"), Type.Literal("registered"), Type.Literal("deleted")]),
})
export type AliasRecord = Static<typeof AliasRecord>

export const Contact = closed({
  friendshipToken: Key,
  friendshipKey: Key,
  profileKey: Key,
  /** The one before: the contact's profile follows its keys some time later. */
  earlierProfileKey: Nullable(Key),
  /** The connection group. */
  groupId: Id,
})
export type Contact = Static<typeof Contact>

/** A connection request of ours, until the other has joined. */
export const OutgoingRequest = closed({
  groupId: Id,
  /** Whose connection queue it goes to. */
  recipient: Type.Union([closed({ client: ClientId }), closed({ alias: AliasHash })]),
  /** What is put into the recipient's connection queue; null once it is there. */
  message: Nullable(Bytes),
})
export type OutgoingRequest = Static<typeof OutgoingRequest>

/** A connection request of somebody else, until it is accepted. */
export const IncomingRequest = closed({
  from: Type.String(),
  sender: ClientId,
  groupId: Id,
  earKey: Key,
  credentialKey: Key,
})
export type IncomingRequest = Static<typeof IncomingRequest>

/** What makes a group a connection group. */
export const Connection = closed({
  /** The user at the other end; null as long as nobody has answered under the alias. */
  peer: Nullable(Type.String()),
  /** The alias of somebody else that this client asked, if it was one. */
  alias: Nullable(Type.String()),
})
export type Connection = Static<typeof Connection>

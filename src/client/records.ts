import { type Static, type TSchema, Type } from "@sinclair/typebox"
import { Value } from "@sinclair/typebox/value"
import {
  ALIAS_SALT_BYTES,
  CLIENT_ID_BYTES,
  HASH_BYTES,
  ID_BYTES,
  KEY_BYTES,
  OPAQUE_KE3_BYTES,
} from "../limits.ts"
import { toHex } from "../wire/bytes.ts"
import { decodeBody, encodeBody } from "../wire/cbor.ts"
import { closed, fixedBytes, type TokenService } from "../wire/endpoint.ts"
import { CodecError } from "../wire/tls.ts"
import { ClientError } from "./errors.ts"
import type { ClientStore, StoreChange } from "./store.ts"

/** What a client keeps: one kind of record per schema, as version byte and CBOR, under the keys that {@link at} names. */

const Bytes = Type.Uint8Array()
const Id = fixedBytes(ID_BYTES, "id")
const Key = fixedBytes(KEY_BYTES, "key")
const ClientId = fixedBytes(CLIENT_ID_BYTES, "client id")
const AliasHash = fixedBytes(HASH_BYTES, "hash of an alias")
const Seconds = Type.Integer({ minimum: 0, description: "since 1970" })
const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

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

export const MemberRecord = closed({
  leaf: Type.Integer({ minimum: 0 }),
  user: Type.String(),
  client: ClientId,
  /** Public key of the client's credential. */
  key: Key,
})
export type MemberRecord = Static<typeof MemberRecord>

export const ContentKind = Type.Union([
  Type.Literal("application"),
  Type.Literal("friendship"),
  Type.Literal("receipt"),
])

export type ContentKind = Static<typeof ContentKind>

/** `read` implies `delivered`. */
export const ReceiptStatus = Type.Union([Type.Literal("delivered"), Type.Literal("read")])
export type ReceiptStatus = Static<typeof ReceiptStatus>

/** Up to which sequence number, exclusively, a client's messages are known to be delivered and read. */
const Acknowledged = closed({
  delivered: Type.Integer({ minimum: 0 }),
  read: Type.Integer({ minimum: 0 }),
})

/** Receipts between this client and another one in a group. */
export const ReceiptState = closed({
  client: ClientId,
  /** Of the other's messages, as the application said. */
  given: Acknowledged,
  /** As far as the group was told. */
  sent: Acknowledged,
  /** Of own messages, as the other said. */
  got: Acknowledged,
})
export type ReceiptState = Static<typeof ReceiptState>

/** The own leaf in a group. */
export const OwnLeafLife = closed({
  /** The client's credential that it was made with. */
  credential: Bytes,
  /** When its own credential ends. */
  notAfter: Seconds,
  /** When it is replaced, if the client has another credential by then. */
  renewal: Seconds,
})
export type OwnLeafLife = Static<typeof OwnLeafLife>

/** An operation that may have reached the server. It is written before the first attempt and goes with the answer. */
export const PendingOperation = Type.Union([
  closed({
    kind: Type.Literal("send"),
    id: Type.String(),
    content: ContentKind,
    sequence: Type.Integer({ minimum: 0 }),
    body: Bytes,
    /** MLSMessage. */
    message: Bytes,
  }),
  closed({
    kind: Type.Literal("commit"),
    id: Type.String(),
    operation: Type.Union([
      Type.Literal("addUsers"),
      Type.Literal("removeUsers"),
      Type.Literal("updateClient"),
      Type.Literal("changeRoles"),
      Type.Literal("joinConnectionGroup"),
      Type.Literal("deleteGroup"),
    ]),
    commit: Bytes,
    extensions: Bytes,
    signature: Bytes,
    welcome: Nullable(Bytes),
    attributions: Type.Array(Bytes),
    queueConfig: Nullable(Bytes),
    /** State and members once it is accepted. */
    next: Bytes,
    nextMembers: Type.Array(MemberRecord),
    nextLeaf: OwnLeafLife,
  }),
  closed({
    kind: Type.Literal("leave"),
    id: Type.String(),
    /** MLSMessage; the member's state has it already. */
    proposal: Bytes,
  }),
])
export type PendingOperation = Static<typeof PendingOperation>

export const GroupRecord = closed({
  earKey: Key,
  credentialKey: Key,
  /** GroupMember state. For a join by external commit that is still pending, the one that it leads to. */
  member: Bytes,
  members: Type.Array(MemberRecord),
  ownLeaf: OwnLeafLife,
  /** Sequence number of the next message. */
  sequence: Type.Integer({ minimum: 0 }),
  /** Per leaf, the next sequence number that is new. */
  received: Type.Array(closed({ leaf: Type.Integer({ minimum: 0 }), next: Type.Integer({ minimum: 0 }) })),
  receipts: Type.Array(ReceiptState),
  /** Who is gone and may have sent something that is still to come, until the end of epoch `through`; oldest first. */
  former: Type.Array(
    closed({
      member: MemberRecord,
      through: Type.Integer({ minimum: 0 }),
      next: Type.Integer({ minimum: 0 }),
    }),
  ),
  pending: Nullable(PendingOperation),
  connection: Nullable(Connection),
  /** For connection groups: the own friendship package is still to be sent. */
  owesFriendship: Type.Boolean(),
  /** The group has gone on without this client, which the application was told by `failed`. */
  behind: Type.Boolean(),
})
export type GroupRecord = Static<typeof GroupRecord>

/** Something that happened and was not handed over yet. Names of groups and requests are hexadecimal. */
export const StoredEvent = Type.Union([
  closed({
    type: Type.Literal("message"),
    group: Type.String(),
    sender: Type.String(),
    /** The sending client's id in hexadecimal; with it and the group, `message` names the message. */
    client: Type.String(),
    /** Its number among what this client sent to the group, as {@link Group.send} told the sender. */
    message: Type.Integer({ minimum: 0 }),
    bytes: Bytes,
  }),
  closed({
    type: Type.Literal("receipt"),
    group: Type.String(),
    user: Type.String(),
    /** Client id in hexadecimal. */
    client: Type.String(),
    status: ReceiptStatus,
    /** The number of an own message: it and those before were delivered to that client, or read there. */
    through: Type.Integer({ minimum: 0 }),
  }),
  closed({ type: Type.Literal("joined"), group: Type.String(), by: Type.String() }),
  closed({ type: Type.Literal("added"), group: Type.String(), user: Type.String(), by: Type.String() }),
  closed({
    type: Type.Literal("removed"),
    group: Type.String(),
    user: Type.String(),
    /** The user itself: it left. Null: the server had proposed it, because the user was away for too long. */
    by: Nullable(Type.String()),
  }),
  closed({
    type: Type.Literal("left"),
    group: Type.String(),
    /** As in `removed`. */
    by: Nullable(Type.String()),
    /** Nobody else is left either, but who did it: the group was ended, or had only two members. */
    ended: Type.Boolean(),
  }),
  closed({
    type: Type.Literal("roles"),
    group: Type.String(),
    /** Users who are admins from now on, all of them. */
    admins: Type.Array(Type.String()),
    by: Type.String(),
  }),
  closed({ type: Type.Literal("failed"), group: Type.String() }),
  closed({
    type: Type.Literal("connection-request"),
    request: Type.String(),
    from: Type.String(),
    /** The own alias that was asked; null: the user id. */
    alias: Nullable(Type.String()),
  }),
  closed({
    type: Type.Literal("connected"),
    user: Type.String(),
    /** The alias under which this client had asked for the user; null: the user id, or the other has asked. */
    alias: Nullable(Type.String()),
  }),
  closed({ type: Type.Literal("unknown-root"), fingerprints: Type.Array(Type.String()) }),
  closed({ type: Type.Literal("revoked") }),
])
export type StoredEvent = Static<typeof StoredEvent>

export const EventCounter = closed({ next: Type.Integer({ minimum: 0 }) })

/** Names of records. */
export const at = {
  account: "account",
  anchors: "anchors",
  schedule: "schedule",
  addPackages: "published/add-packages",
  queue: "queue/qs",
  profile: "profile",
  push: "push",
  rotation: "friendship/rotation",
  /** Another rotation is to begin, whatever became of the one under way. */
  rotationWanted: "friendship/wanted",
  earlierFriendships: "friendship/earlier",
  blocked: (user: string) => `blocked/${user}`,
  blockedGroup: (group: string) => `blocked-group/${group}`,
  connectionQueue: "queue/as",
  aliasQueue: (alias: string) => `queue/alias/${alias}`,
  alias: (alias: string) => `alias/${alias}`,
  events: "events",
  event: (number: number) => `event/${number.toString().padStart(15, "0")}`,
  keyPackage: (ref: string) => `key-package/${ref}`,
  connectionPackage: (ref: Uint8Array) => `connection-package/${toHex(ref)}`,
  contact: (user: string) => `contact/${user}`,
  /** By user id or alias: only user ids have an `@`. */
  outgoing: (name: string) => `outgoing/${name}`,
  incoming: (request: string) => `incoming/${request}`,
  group: (id: string) => `group/${id}`,
  tokens: (service: TokenService) => `token/${service}/`,
  token: (service: TokenService, name: string) => `token/${service}/${name}`,
  pendingTokens: (service: TokenService) => `tokens-pending/${service}`,
} as const

/** Lists the last part of the names under a prefix such as `group/`. */
export async function names(store: ClientStore, prefix: string): Promise<string[]> {
  return (await store.list(prefix)).map((key) => key.slice(prefix.length))
}

/** Throws ClientError `client.damaged-store` if the value is not of this kind. */
export async function load<T extends TSchema>(
  store: ClientStore,
  schema: T,
  key: string,
): Promise<Static<T> | undefined> {
  const bytes = await store.get(key)
  if (bytes === undefined) return undefined
  try {
    const value = decodeBody(bytes)
    if (Value.Check(schema, value)) return value
  } catch (error) {
    if (!(error instanceof CodecError)) throw error
  }
  throw new ClientError("client.damaged-store")
}

export function change<T extends TSchema>(_schema: T, key: string, value: Static<T>): StoreChange {
  return { key, value: encodeBody(value) }
}

export function removal(key: string): StoreChange {
  return { key, value: undefined }
}

import { type Static, type TSchema, Type } from "@sinclair/typebox"
import { Value } from "@sinclair/typebox/value"
import { CLIENT_ID_BYTES, ID_BYTES, KEY_BYTES } from "../limits.ts"
import { toHex } from "../wire/bytes.ts"
import { decodeBody, encodeBody } from "../wire/cbor.ts"
import { closed, fixedBytes } from "../wire/endpoint.ts"
import { CodecError } from "../wire/tls.ts"
import { ClientError } from "./errors.ts"
import type { ClientStore, StoreChange } from "./store.ts"

/** What a client keeps: one kind of record per schema, as version byte and CBOR, under the keys that {@link at} names. */

const Bytes = Type.Uint8Array()
const Id = fixedBytes(ID_BYTES, "id")
const Key = fixedBytes(KEY_BYTES, "key")
const ClientId = fixedBytes(CLIENT_ID_BYTES, "client id")
const Seconds = Type.Integer({ minimum: 0, description: "since 1970" })
const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** Who this client is, and how far its registration came. */
export const Account = closed({
  domain: Type.String(),
  displayName: Type.String(),
  clientId: ClientId,
  clientSeed: Key,
  /** Set by the first step of the registration. */
  credential: Nullable(Bytes),
  /** The first ones, until the AS has them: a repetition has to bring the same. */
  connectionPackages: Type.Array(Bytes),
  connectionQueueKey: Key,
  friendshipToken: Key,
  friendshipKey: Key,
  qsUserSeed: Key,
  qsClientSeed: Key,
  queueKey: Key,
  /** Set when the QS knows the client. */
  qs: Nullable(closed({ user: Id, client: Id, configKey: Key })),
  stage: Type.Union([
    Type.Literal("new"),
    Type.Literal("credential"),
    Type.Literal("registered"),
    Type.Literal("queued"),
    Type.Literal("ready"),
  ]),
})
export type Account = Static<typeof Account>
/** One whose registration is complete, or nearly so. */
export type RegisteredAccount = Account & {
  readonly credential: Uint8Array
  readonly qs: NonNullable<Account["qs"]>
}

/** The roots that are trusted, and what the AS published beside them when last asked. */
export const Anchors = closed({
  /** Those that were seen at registration, that these vouched for since, and that the user compared. */
  roots: Type.Array(Bytes),
  /** Published as well, but nobody vouches for them. */
  unknownRoots: Type.Array(Bytes),
  intermediates: Type.Array(Bytes),
  revoked: Type.Array(Bytes),
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
})
export type Schedule = Static<typeof Schedule>

/** An AddPackage of ours and its secrets. */
export const StoredKeyPackage = closed({
  /** When its credential ends. */
  notAfter: Seconds,
  keyPackage: Bytes,
  initKey: Key,
  encryptionKey: Key,
  signatureSeed: Key,
  lastResort: Type.Boolean(),
})
export type StoredKeyPackage = Static<typeof StoredKeyPackage>

/** The AddPackages that can be claimed: references in hexadecimal, without the one of last resort. */
export const PublishedAddPackages = closed({ refs: Type.Array(Type.String()), notAfter: Seconds })

/** The secret of a connection package of ours. */
export const StoredConnectionPackage = closed({ secretKey: Key, notAfter: Seconds })

/** When the connection packages that were published last end. */
export const PublishedConnectionPackages = closed({ notAfter: Seconds })

export const Contact = closed({
  friendshipToken: Key,
  friendshipKey: Key,
  /** The connection group. */
  groupId: Id,
})
export type Contact = Static<typeof Contact>

/** A connection request of ours, until the other has joined. */
export const OutgoingRequest = closed({
  groupId: Id,
  recipient: ClientId,
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

export const MemberRecord = closed({
  leaf: Type.Integer({ minimum: 0 }),
  user: Type.String(),
  client: ClientId,
  /** Public key of the client's credential. */
  key: Key,
})
export type MemberRecord = Static<typeof MemberRecord>

export const ContentKind = Type.Union([Type.Literal("application"), Type.Literal("friendship")])

export type ContentKind = Static<typeof ContentKind>

/** The own leaf in a group: when its credential ends, and when it is replaced if the client's own lasts longer. */
export const OwnLeafLife = closed({ notAfter: Seconds, renewal: Seconds })
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
      Type.Literal("joinConnectionGroup"),
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
  pending: Nullable(PendingOperation),
  /** For connection groups, the user at the other end. */
  peer: Nullable(Type.String()),
  /** For connection groups: the own friendship package is still to be sent. */
  owesFriendship: Type.Boolean(),
})
export type GroupRecord = Static<typeof GroupRecord>

/** Something that happened and was not handed over yet. Names of groups and requests are hexadecimal. */
export const StoredEvent = Type.Union([
  closed({ type: Type.Literal("message"), group: Type.String(), sender: Type.String(), bytes: Bytes }),
  closed({ type: Type.Literal("joined"), group: Type.String(), by: Type.String() }),
  closed({ type: Type.Literal("added"), group: Type.String(), user: Type.String(), by: Type.String() }),
  closed({ type: Type.Literal("removed"), group: Type.String(), user: Type.String(), by: Type.String() }),
  closed({ type: Type.Literal("left"), group: Type.String(), by: Type.String() }),
  closed({ type: Type.Literal("failed"), group: Type.String() }),
  closed({ type: Type.Literal("connection-request"), request: Type.String(), from: Type.String() }),
  closed({ type: Type.Literal("connected"), user: Type.String() }),
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
  connectionPackages: "published/connection-packages",
  queue: "queue/qs",
  connectionQueue: "queue/as",
  events: "events",
  event: (number: number) => `event/${number.toString().padStart(15, "0")}`,
  keyPackage: (ref: string) => `key-package/${ref}`,
  connectionPackage: (ref: Uint8Array) => `connection-package/${toHex(ref)}`,
  contact: (user: string) => `contact/${user}`,
  outgoing: (user: string) => `outgoing/${user}`,
  incoming: (request: string) => `incoming/${request}`,
  group: (id: string) => `group/${id}`,
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

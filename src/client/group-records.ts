import { type Static, Type } from "@sinclair/typebox"
import { closed } from "../wire/endpoint.ts"
import { Bytes, ClientId, Key, Nullable, Seconds } from "./record-parts.ts"
import { Connection } from "./records.ts"

/** What a client keeps of each group. See record-store.ts. */

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

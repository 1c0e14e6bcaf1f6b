import { type Static, Type } from "@sinclair/typebox"
import { closed } from "../wire/endpoint.ts"
import { ReceiptStatus } from "./group-records.ts"
import { Bytes, Nullable } from "./record-parts.ts"

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

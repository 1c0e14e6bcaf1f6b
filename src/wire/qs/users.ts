import { Type } from "@sinclair/typebox"
import { CLIENTS_PER_USER_MAX, HASH_BYTES, SMALL_REQUEST_BODY_BYTES_MAX } from "../../limits.ts"
import { closed, endpoint, fixedBytes, Id, Key, Nothing } from "../endpoint.ts"

const record = {
  userAuthKey: Key("Ed25519 key of the QS user"),
  friendshipTokenHash: fixedBytes(HASH_BYTES, "SHA-256 of the friendship token"),
}

/** Pseudonymous users of the QS (docs/protocol.md section 6.1). */
export const users = {
  createUser: endpoint({
    name: "qs.create-user",
    path: "/qs/create-user",
    sender: "none",
    summary: "Creates a pseudonymous QS user with its first client and queue.",
    params: closed({
      ...record,
      clientAuthKey: Key("Ed25519 key of the QS client"),
      queueKey: Key("HPKE public key of the queue"),
    }),
    result: closed({ user: Id("QS user id"), client: Id("QS client id") }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["qs.token-taken"],
  }),
  updateUser: endpoint({
    name: "qs.update-user",
    path: "/qs/update-user",
    sender: "qs-user",
    summary: "Replaces the user's key and friendship token; the old token is worth nothing from then on.",
    params: closed(record),
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["qs.token-taken"],
  }),
  getUser: endpoint({
    name: "qs.get-user",
    path: "/qs/get-user",
    sender: "qs-user",
    summary: "The own user record, and its clients.",
    params: Nothing,
    result: closed({
      ...record,
      clients: Type.Array(Id("QS client id"), { minItems: 1, maxItems: CLIENTS_PER_USER_MAX }),
    }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
  deleteUser: endpoint({
    name: "qs.delete-user",
    path: "/qs/delete-user",
    sender: "qs-user",
    summary: "Deletes the own user record with all its clients, their queues and AddPackages.",
    params: Nothing,
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
} as const

import { Type } from "@sinclair/typebox"
import {
  ADD_PACKAGES_MAX,
  BLOCKED_GROUPS_MAX,
  EARLIER_AUTH_KEYS_MAX,
  SMALL_REQUEST_BODY_BYTES_MAX,
} from "../../limits.ts"
import { Count, closed, endpoint, Id, Key, Nothing, secretBytes } from "../endpoint.ts"
import { PUSH_TOKEN_BYTES } from "../push-token.ts"

const record = {
  clientAuthKey: Key("Ed25519 key of the QS client"),
  queueKey: Key("HPKE public key of the queue"),
}

const changeable = closed({
  ...record,
  pushToken: Type.Union([secretBytes(PUSH_TOKEN_BYTES, "sealed push token"), Type.Null()], {
    description: "where pushes go, sealed by the client; null for no pushes",
  }),
})

/** Clients of a QS user, each with a queue (docs/protocol.md section 6.1). */
export const clients = {
  createClient: endpoint({
    name: "qs.create-client",
    path: "/qs/create-client",
    sender: "qs-user",
    summary: "Gives the user one more client, with a queue of its own.",
    params: changeable,
    result: closed({ client: Id("QS client id") }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["qs.too-many-clients"],
  }),
  updateClient: endpoint({
    name: "qs.update-client",
    path: "/qs/update-client",
    sender: "qs-client",
    summary: `Replaces the client's keys and push token. Queue configs that one of the ${EARLIER_AUTH_KEYS_MAX} keys before signed stay good; what is queued stays sealed to the key it was sealed to.`,
    params: changeable,
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
  getClient: endpoint({
    name: "qs.get-client",
    path: "/qs/get-client",
    sender: "qs-client",
    summary: "The own client record.",
    params: Nothing,
    result: closed({
      ...record,
      user: Id("QS user id"),
      hasPushToken: Type.Boolean(),
      addPackages: Count(ADD_PACKAGES_MAX, "AddPackages that are left beside the last resort"),
      blockedGroups: Count(BLOCKED_GROUPS_MAX, "groups on the block list"),
    }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
  deleteClient: endpoint({
    name: "qs.delete-client",
    path: "/qs/delete-client",
    sender: "qs-client",
    summary: "Deletes the client itself with its queue and AddPackages; the user goes with its last client.",
    params: Nothing,
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
  removeClient: endpoint({
    name: "qs.remove-client",
    path: "/qs/remove-client",
    sender: "qs-user",
    summary: "The same for one of the user's clients, which may be lost.",
    params: closed({ client: Id("QS client id") }),
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
} as const

import { Type } from "@sinclair/typebox"
import {
  CLIENT_ID_BYTES,
  CONNECTION_MESSAGE_BYTES_MAX,
  CONNECTION_PACKAGE_BYTES_MAX,
  CONNECTION_PACKAGES_MAX,
  SMALL_REQUEST_BODY_BYTES_MAX,
} from "../../limits.ts"
import { boundedBytes, Count, closed, endpoint, fixedBytes, Id, Nothing } from "../endpoint.ts"
import { DequeueParams, DequeueResult } from "../queue.ts"

const ConnectionPackage = boundedBytes(CONNECTION_PACKAGE_BYTES_MAX, "ConnectionPackage")

export const ConnectionPackages = Type.Array(ConnectionPackage, {
  minItems: 1,
  maxItems: CONNECTION_PACKAGES_MAX,
})

/** How users who know each other's id find each other (docs/protocol.md section 4.3). */
export const connections = {
  publishConnectionPackages: endpoint({
    name: "as.publish-connection-packages",
    path: "/as/publish-connection-packages",
    sender: "client",
    summary:
      "Adds connection packages under which others can connect to this client, or none, and tells how many there are.",
    params: closed({
      connectionPackages: Type.Array(ConnectionPackage, { maxItems: CONNECTION_PACKAGES_MAX }),
    }),
    result: closed({ left: Count(CONNECTION_PACKAGES_MAX, "connection packages that can be claimed") }),
    problems: ["as.invalid-connection-package", "as.too-many-connection-packages"],
  }),
  claimConnectionPackage: endpoint({
    name: "as.claim-connection-package",
    path: "/as/claim-connection-package",
    sender: "none",
    summary: "Takes one of a user's connection packages. The last one stays and is handed out again.",
    params: closed({ user: Id("user id") }),
    result: closed({ connectionPackage: boundedBytes(CONNECTION_PACKAGE_BYTES_MAX, "ConnectionPackage") }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["as.no-connection-package"],
  }),
  enqueue: endpoint({
    name: "as.enqueue",
    path: "/as/enqueue",
    sender: "none",
    summary: "Puts an encrypted connection request into a client's connection queue.",
    params: closed({
      client: fixedBytes(CLIENT_ID_BYTES, "client id: user id and client uuid"),
      message: boundedBytes(CONNECTION_MESSAGE_BYTES_MAX, "encrypted ConnectionEstablishmentPackage"),
    }),
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["as.unknown-queue", "queue.full"],
  }),
  dequeue: endpoint({
    name: "as.dequeue",
    path: "/as/dequeue",
    sender: "client",
    token: false,
    summary: "Reads the own connection queue and deletes what is acknowledged.",
    params: DequeueParams,
    result: DequeueResult,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["queue.invalid-cursor"],
  }),
} as const

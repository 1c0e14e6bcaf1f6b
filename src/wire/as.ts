import { Type } from "@sinclair/typebox"
import {
  CLIENT_ID_BYTES,
  CONNECTION_MESSAGE_BYTES_MAX,
  CONNECTION_PACKAGE_BYTES_MAX,
  CONNECTION_PACKAGES_MAX,
  CREDENTIAL_BYTES_MAX,
  HASH_BYTES,
  SMALL_REQUEST_BODY_BYTES_MAX,
} from "../limits.ts"
import { boundedBytes, closed, endpoint, fixedBytes, Id, Key, Nothing } from "./endpoint.ts"
import { DequeueParams, DequeueResult } from "./queue.ts"

const credential = (description: string) => boundedBytes(CREDENTIAL_BYTES_MAX, description)
const ConnectionPackages = Type.Array(boundedBytes(CONNECTION_PACKAGE_BYTES_MAX, "ConnectionPackage"), {
  minItems: 1,
  maxItems: CONNECTION_PACKAGES_MAX,
})

/** The authentication service's operations (PROTOCOL.md section 4.3). */
export const as = {
  getCredentials: endpoint({
    name: "as.get-credentials",
    path: "/as/get-credentials",
    sender: "none",
    token: false,
    summary:
      "The AS credentials, the intermediates they signed, and the fingerprints of revoked credentials.",
    params: Nothing,
    result: closed({
      credentials: Type.Array(credential("AsCredential")),
      intermediates: Type.Array(credential("AsIntermediateCredential")),
      revoked: Type.Array(fixedBytes(HASH_BYTES, "fingerprint of a revoked credential")),
    }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
  initRegistration: endpoint({
    name: "as.init-registration",
    path: "/as/init-registration",
    sender: "none",
    token: false,
    summary:
      "First step of a registration: has a client credential signed. Kept in memory until it is finished.",
    params: closed({ csr: credential("ClientCredentialCsr, with its self-signature") }),
    result: closed({ credential: credential("ClientCredential") }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["as.invalid-csr", "as.client-exists"],
  }),
  finishRegistration: endpoint({
    name: "as.finish-registration",
    path: "/as/finish-registration",
    sender: "client",
    token: false,
    summary: "Second step: stores the client with its connection queue and first connection packages.",
    params: closed({
      queueKey: Key("HPKE public key of the connection queue"),
      connectionPackages: ConnectionPackages,
    }),
    result: Nothing,
    problems: ["as.client-exists", "as.invalid-connection-package"],
  }),
  publishConnectionPackages: endpoint({
    name: "as.publish-connection-packages",
    path: "/as/publish-connection-packages",
    sender: "client",
    summary: "Adds connection packages under which others can connect to this client.",
    params: closed({ connectionPackages: ConnectionPackages }),
    result: Nothing,
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

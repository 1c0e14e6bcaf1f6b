import { Type } from "@sinclair/typebox"
import {
  ADD_PACKAGES_MAX,
  CLIENTS_PER_USER_MAX,
  ENCRYPTED_CREDENTIAL_BYTES_MAX,
  HASH_BYTES,
  KEY_PACKAGE_BYTES_MAX,
  SMALL_REQUEST_BODY_BYTES_MAX,
} from "../limits.ts"
import { boundedBytes, closed, endpoint, fixedBytes, Id, Key, Nothing } from "./endpoint.ts"
import { DequeueParams, DequeueResult } from "./queue.ts"

/** A KeyPackage with what a friend needs to find out whose it is (PROTOCOL.md section 6.3). */
export const AddPackage = closed({
  keyPackage: boundedBytes(KEY_PACKAGE_BYTES_MAX, "MLS KeyPackage with a queue config extension"),
  encryptedCredential: boundedBytes(
    ENCRYPTED_CREDENTIAL_BYTES_MAX,
    "client credential and signature encryption key, both under the friendship encryption key",
  ),
})

/** The queuing service's operations (PROTOCOL.md section 6.3); the stream is in queue.ts. */
export const qs = {
  publicKeys: endpoint({
    name: "qs.public-keys",
    path: "/qs/public-keys",
    sender: "none",
    token: false,
    summary: "The QS's keys: queue configs are sealed to the first, the second signs federated messages.",
    params: Nothing,
    result: closed({ configKey: Key("X25519 queue config key"), signingKey: Key("Ed25519 signing key") }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
  createUser: endpoint({
    name: "qs.create-user",
    path: "/qs/create-user",
    sender: "none",
    summary: "Creates a pseudonymous QS user with its first client and queue.",
    params: closed({
      userAuthKey: Key("Ed25519 key of the QS user"),
      friendshipTokenHash: fixedBytes(HASH_BYTES, "SHA-256 of the friendship token"),
      clientAuthKey: Key("Ed25519 key of the QS client"),
      queueKey: Key("HPKE public key of the queue"),
    }),
    result: closed({ user: Id("QS user id"), client: Id("QS client id") }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["qs.token-taken"],
  }),
  publishAddPackages: endpoint({
    name: "qs.publish-add-packages",
    path: "/qs/publish-add-packages",
    sender: "qs-client",
    summary: "Replaces all AddPackages of this client; exactly one is of last resort.",
    params: closed({ addPackages: Type.Array(AddPackage, { minItems: 1, maxItems: ADD_PACKAGES_MAX }) }),
    result: Nothing,
    problems: ["qs.invalid-add-packages"],
  }),
  claimAddPackages: endpoint({
    name: "qs.claim-add-packages",
    path: "/qs/claim-add-packages",
    sender: "none",
    summary: "One AddPackage of each client of the user whose friendship token this is.",
    params: closed({ friendshipToken: Key("friendship token") }),
    result: closed({ addPackages: Type.Array(AddPackage, { minItems: 1, maxItems: CLIENTS_PER_USER_MAX }) }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["qs.no-add-package"],
  }),
  dequeue: endpoint({
    name: "qs.dequeue",
    path: "/qs/dequeue",
    sender: "qs-client",
    token: false,
    summary: "Reads the own queue without a stream and deletes what is acknowledged.",
    params: DequeueParams,
    result: DequeueResult,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["queue.invalid-cursor"],
  }),
} as const

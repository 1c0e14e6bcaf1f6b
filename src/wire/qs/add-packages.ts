import { Type } from "@sinclair/typebox"
import {
  ADD_PACKAGES_MAX,
  CLIENTS_PER_USER_MAX,
  ENCRYPTED_CREDENTIAL_BYTES_MAX,
  KEY_PACKAGE_BYTES_MAX,
  SMALL_REQUEST_BODY_BYTES_MAX,
} from "../../limits.ts"
import { boundedBytes, closed, endpoint, Nothing, SecretKey } from "../endpoint.ts"

/** A KeyPackage with what a friend needs to find out whose it is (docs/protocol.md section 6.3). */
export const AddPackage = closed({
  keyPackage: boundedBytes(KEY_PACKAGE_BYTES_MAX, "MLS KeyPackage with a queue config extension"),
  encryptedCredential: boundedBytes(
    ENCRYPTED_CREDENTIAL_BYTES_MAX,
    "client credential and signature encryption key, both under the friendship encryption key",
  ),
})

/** How friends get what they need to add a user to a group. */
export const addPackages = {
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
    params: closed({ friendshipToken: SecretKey("friendship token") }),
    result: closed({ addPackages: Type.Array(AddPackage, { minItems: 1, maxItems: CLIENTS_PER_USER_MAX }) }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["qs.no-add-package"],
  }),
} as const

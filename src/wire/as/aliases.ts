import { Type } from "@sinclair/typebox"
import {
  CONNECTION_MESSAGE_BYTES_MAX,
  CONNECTION_PACKAGES_MAX,
  HASH_BYTES,
  SMALL_REQUEST_BODY_BYTES_MAX,
} from "../../limits.ts"
import { ALIAS_PACKAGE_BYTES } from "../alias-package.ts"
import { boundedBytes, closed, endpoint, fixedBytes, Key, Nothing } from "../endpoint.ts"
import { DequeueParams, DequeueResult } from "../queue.ts"

const Alias = fixedBytes(HASH_BYTES, "hash of the alias")
const AliasPackage = fixedBytes(ALIAS_PACKAGE_BYTES, "AliasConnectionPackage")
const AliasPackages = Type.Array(AliasPackage, { minItems: 1, maxItems: CONNECTION_PACKAGES_MAX })

/** How users find each other by aliases, of which the server knows hashes only (docs/protocol.md section 4.5). */
export const aliases = {
  registerAlias: endpoint({
    name: "as.register-alias",
    path: "/as/register-alias",
    sender: "alias",
    summary:
      "Registers the alias that signs, with its key, connection queue and first connection packages. Whoever comes first has it.",
    params: closed({
      authKey: Key(
        "Ed25519 key of the alias, which signs this request: nobody can register somebody else's key",
      ),
      queueKey: Key("HPKE public key of the alias's connection queue"),
      connectionPackages: AliasPackages,
    }),
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["as.alias-exists", "as.invalid-connection-package"],
  }),
  deleteAlias: endpoint({
    name: "as.delete-alias",
    path: "/as/delete-alias",
    sender: "alias",
    summary: "Deletes the alias with its connection queue and connection packages.",
    params: Nothing,
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
  publishAliasConnectionPackages: endpoint({
    name: "as.publish-alias-connection-packages",
    path: "/as/publish-alias-connection-packages",
    sender: "alias",
    summary: "Adds connection packages under which others can connect to the alias's owner.",
    params: closed({ connectionPackages: AliasPackages }),
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["as.invalid-connection-package", "as.too-many-connection-packages"],
  }),
  claimAliasConnectionPackage: endpoint({
    name: "as.claim-alias-connection-package",
    path: "/as/claim-alias-connection-package",
    sender: "none",
    summary: "Takes one of an alias's connection packages. The last one stays and is handed out again.",
    params: closed({ alias: Alias }),
    result: closed({ connectionPackage: AliasPackage }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["as.no-connection-package"],
  }),
  enqueueAlias: endpoint({
    name: "as.enqueue-alias",
    path: "/as/enqueue-alias",
    sender: "none",
    summary: "Puts an encrypted connection request into an alias's connection queue.",
    params: closed({
      alias: Alias,
      message: boundedBytes(CONNECTION_MESSAGE_BYTES_MAX, "encrypted ConnectionEstablishmentPackage"),
    }),
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["as.unknown-queue", "queue.full"],
  }),
  dequeueAlias: endpoint({
    name: "as.dequeue-alias",
    path: "/as/dequeue-alias",
    sender: "alias",
    token: false,
    summary: "Reads the alias's connection queue and deletes what is acknowledged.",
    params: DequeueParams,
    result: DequeueResult,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["queue.invalid-cursor"],
  }),
} as const

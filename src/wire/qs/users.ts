import { HASH_BYTES, SMALL_REQUEST_BODY_BYTES_MAX } from "../../limits.ts"
import { closed, endpoint, fixedBytes, Id, Key } from "../endpoint.ts"

/** Pseudonymous users of the QS (PROTOCOL.md section 6.1). */
export const users = {
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
} as const

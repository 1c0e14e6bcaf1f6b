import { SMALL_REQUEST_BODY_BYTES_MAX } from "../../limits.ts"
import { closed, endpoint, Key, Nothing } from "../endpoint.ts"

/** The QS's own keys. */
export const keys = {
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
} as const

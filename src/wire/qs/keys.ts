import { PUSH_KEY_BYTES, SMALL_REQUEST_BODY_BYTES_MAX } from "../../limits.ts"
import { closed, endpoint, fixedBytes, Key, Nothing } from "../endpoint.ts"

/** The QS's own keys. */
export const keys = {
  publicKeys: endpoint({
    name: "qs.public-keys",
    path: "/qs/public-keys",
    sender: "none",
    token: false,
    summary:
      "The QS's keys: queue configs are sealed to the first, the second signs federated messages, the third signs pushes.",
    params: Nothing,
    result: closed({
      configKey: Key("X25519 queue config key"),
      signingKey: Key("Ed25519 signing key"),
      pushKey: fixedBytes(
        PUSH_KEY_BYTES,
        "P-256 key, uncompressed, to subscribe with at push services (RFC 8292)",
      ),
    }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
} as const

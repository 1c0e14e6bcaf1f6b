import { Type } from "@sinclair/typebox"
import {
  ALIAS_SALT_BYTES,
  CREDENTIAL_BYTES_MAX,
  HASH_BYTES,
  SMALL_REQUEST_BODY_BYTES_MAX,
} from "../../limits.ts"
import { boundedBytes, closed, endpoint, fixedBytes, Nothing } from "../endpoint.ts"

export const credential = (description: string) => boundedBytes(CREDENTIAL_BYTES_MAX, description)

/** The chain that clients are verified by (PROTOCOL.md section 4.1). */
export const credentials = {
  getCredentials: endpoint({
    name: "as.get-credentials",
    path: "/as/get-credentials",
    sender: "none",
    token: false,
    summary:
      "The AS credentials, the intermediates they signed, the fingerprints of revoked credentials, and the salt of alias hashes.",
    params: Nothing,
    result: closed({
      credentials: Type.Array(credential("AsCredential")),
      intermediates: Type.Array(credential("AsIntermediateCredential")),
      revoked: Type.Array(fixedBytes(HASH_BYTES, "fingerprint of a revoked credential")),
      aliasSalt: fixedBytes(
        ALIAS_SALT_BYTES,
        "what aliases of this server are hashed with; it never changes",
      ),
    }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
} as const

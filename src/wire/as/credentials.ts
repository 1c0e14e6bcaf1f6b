import { Type } from "@sinclair/typebox"
import {
  ALIAS_SALT_BYTES,
  AS_CREDENTIALS_MAX,
  AS_ENDORSEMENTS_MAX,
  AS_INTERMEDIATES_MAX,
  CREDENTIAL_BYTES_MAX,
  HASH_BYTES,
  REVOCATIONS_MAX,
  SMALL_REQUEST_BODY_BYTES_MAX,
} from "../../limits.ts"
import { AS_ENDORSEMENT_BYTES } from "../endorsement.ts"
import { boundedBytes, closed, endpoint, fixedBytes, Nothing } from "../endpoint.ts"

export const credential = (description: string) => boundedBytes(CREDENTIAL_BYTES_MAX, description)

/** The chain that clients are verified by, and their own place in it (docs/protocol.md section 4.1). */
export const credentials = {
  getCredentials: endpoint({
    name: "as.get-credentials",
    path: "/as/get-credentials",
    sender: "none",
    token: false,
    summary:
      "The AS credentials with what vouches for later ones, the intermediates they signed, what is revoked, and the salt of alias hashes.",
    params: Nothing,
    result: closed({
      credentials: Type.Array(credential("AsCredential"), { maxItems: AS_CREDENTIALS_MAX }),
      endorsements: Type.Array(fixedBytes(AS_ENDORSEMENT_BYTES, "AsEndorsement"), {
        maxItems: AS_ENDORSEMENTS_MAX,
      }),
      intermediates: Type.Array(credential("AsIntermediateCredential"), { maxItems: AS_INTERMEDIATES_MAX }),
      revoked: Type.Array(fixedBytes(HASH_BYTES, "fingerprint of a revoked credential, client or user"), {
        maxItems: REVOCATIONS_MAX,
      }),
      aliasSalt: fixedBytes(
        ALIAS_SALT_BYTES,
        "what aliases of this server are hashed with; it never changes",
      ),
    }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
  renewCredential: endpoint({
    name: "as.renew-credential",
    path: "/as/renew-credential",
    sender: "client",
    summary:
      "Signs a client's next credential, for the same key or another one, and puts it in the place of the one before. A repetition is signed with the key that the server knows by then.",
    params: closed({ csr: credential("ClientCredentialCsr of the sender's client id") }),
    result: closed({ credential: credential("ClientCredential") }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["as.invalid-csr", "as.credential-expired"],
  }),
} as const

import { Type } from "@sinclair/typebox"
import {
  INVITATION_BYTES,
  OPAQUE_KE1_BYTES,
  OPAQUE_KE2_BYTES,
  OPAQUE_KE3_BYTES,
  OPAQUE_RECORD_BYTES,
  OPAQUE_REQUEST_BYTES,
  OPAQUE_RESPONSE_BYTES,
  SMALL_REQUEST_BODY_BYTES_MAX,
} from "../../limits.ts"
import { closed, endpoint, fixedBytes, Key, Nothing, secretBytes } from "../endpoint.ts"
import { ConnectionPackages } from "./connections.ts"
import { credential } from "./credentials.ts"

const Ke1 = fixedBytes(OPAQUE_KE1_BYTES, "OPAQUE KE1")
const Ke2 = fixedBytes(OPAQUE_KE2_BYTES, "OPAQUE KE2")
const Ke3 = fixedBytes(OPAQUE_KE3_BYTES, "OPAQUE KE3")

/**
 * How users come and go (docs/protocol.md section 4.2). Both take two factors: the client's signature, and a login with the
 * user's password (OPAQUE, RFC 9807), which the server never sees.
 */
export const accounts = {
  initRegistration: endpoint({
    name: "as.init-registration",
    path: "/as/init-registration",
    sender: "none",
    token: false,
    summary:
      "First step of a registration: has a client credential signed and a password's record prepared. Kept in memory until it is finished.",
    params: closed({
      csr: credential("ClientCredentialCsr, with its self-signature"),
      opaqueRequest: fixedBytes(OPAQUE_REQUEST_BYTES, "OPAQUE RegistrationRequest"),
      invitation: Type.Union([
        secretBytes(INVITATION_BYTES, "invitation code, where the server wants one"),
        Type.Null(),
      ]),
    }),
    result: closed({
      credential: credential("ClientCredential"),
      opaqueResponse: fixedBytes(OPAQUE_RESPONSE_BYTES, "OPAQUE RegistrationResponse"),
    }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["as.invalid-csr", "as.client-exists", "as.invitation-required", "as.invalid-invitation"],
  }),
  startRegistrationLogin: endpoint({
    name: "as.start-registration-login",
    path: "/as/start-registration-login",
    sender: "client",
    token: false,
    summary:
      "Second step: begins a first login with the record that is to be stored, which proves that the password fits.",
    params: closed({
      record: fixedBytes(OPAQUE_RECORD_BYTES, "OPAQUE RegistrationRecord"),
      ke1: Ke1,
    }),
    result: closed({ ke2: Ke2 }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
  finishRegistration: endpoint({
    name: "as.finish-registration",
    path: "/as/finish-registration",
    sender: "client",
    token: false,
    summary:
      "Third step: completes the login and stores the user and the client with its connection queue and first connection packages.",
    params: closed({
      ke3: Ke3,
      queueKey: Key("HPKE public key of the connection queue"),
      connectionPackages: ConnectionPackages,
    }),
    result: Nothing,
    problems: ["as.client-exists", "as.invalid-connection-package", "as.invalid-invitation"],
  }),
  startLogin: endpoint({
    name: "as.start-login",
    path: "/as/start-login",
    sender: "client",
    summary: "Begins a login, for an operation that takes two factors. A client has one at a time.",
    params: closed({ ke1: Ke1 }),
    result: closed({ ke2: Ke2 }),
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["as.too-many-logins"],
  }),
  deleteAccount: endpoint({
    name: "as.delete-account",
    path: "/as/delete-account",
    sender: "client",
    summary: "Completes the login and deletes the user with all that the AS keeps of them.",
    params: closed({ ke3: Ke3 }),
    result: Nothing,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
  }),
} as const

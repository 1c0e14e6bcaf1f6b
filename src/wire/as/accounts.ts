import { SMALL_REQUEST_BODY_BYTES_MAX } from "../../limits.ts"
import { closed, endpoint, Key, Nothing } from "../endpoint.ts"
import { ConnectionPackages } from "./connections.ts"
import { credential } from "./credentials.ts"

/** How users come and go (PROTOCOL.md section 4.2). */
export const accounts = {
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
} as const

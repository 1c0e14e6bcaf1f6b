import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import {
  KEY_BYTES,
  OPAQUE_KE1_BYTES,
  OPAQUE_KE3_BYTES,
  OPAQUE_RECORD_BYTES,
  OPAQUE_REQUEST_BYTES,
} from "../../../src/limits.ts"
import type { accounts } from "../../../src/wire/as/accounts.ts"
import { decodeSigningRequest, encodeSigningRequest } from "../../../src/wire/credential-format.ts"
import { makeClientCsr, makeIntermediateCsr } from "../../../src/wire/credentials.ts"
import { flipBit } from "../../as/fixtures.ts"
import type { Attacks, Forger } from "../forger.ts"
import { DOMAIN } from "../homeserver.ts"
import { clientPackages } from "./connection-packages.ts"
import { ke1Of } from "./exhaustion.ts"
import type { Neighbour } from "./neighbour.ts"
import { filled, noElements, signedBy, unusableQueueKey, variants } from "./parts.ts"
import type { AttackTable } from "./siege.ts"

const { random } = crypto

/** Requests for a client's credential that are not what they claim. */
export function hostileCsrs(forger: Forger): Attacks {
  const csr = forger.claimed["csr"] as Uint8Array
  const request = decodeSigningRequest("client", csr)
  const { subject } = request
  const forged = (changes: Partial<typeof request>) => encodeSigningRequest({ ...request, ...changes })
  const publicKey = crypto.ed25519Public(random(KEY_BYTES))
  const csrs = {
    "somebody else's key": forged({ publicKey }),
    "somebody else's id": forged({ subject: random(32) }),
    "no key": forged({ publicKey: filled(KEY_BYTES, 0), selfSignature: filled(64, 0) }),
    "nobody's signature": forged({ selfSignature: random(64) }),
    "another domain, with the old signature": forged({ domain: "other.example" }),
    "another domain": makeClientCsr(crypto, random(32), subject, "other.example"),
    "a domain below this one": makeClientCsr(crypto, random(32), subject, `a.${DOMAIN}`),
    "an intermediate's": makeIntermediateCsr(crypto, random(32), DOMAIN),
    "a changed signature": flipBit(csr, 8 * csr.length - 1),
    "another version": flipBit(csr, 0),
    "half of it": csr.subarray(0, csr.length / 2),
    "a byte too much": Uint8Array.of(...csr, 0),
    "a byte": Uint8Array.of(1),
    anything: random(csr.length),
  }
  return variants(forger, "csr", csrs)
}

/** With the client's key, but without the user's password. */
export function wrongPasswords(forger: Forger): Attacks {
  return {
    "no proof": forger.params({ ke3: new Uint8Array(OPAQUE_KE3_BYTES) }),
    "any proof": forger.params({ ke3: random(OPAQUE_KE3_BYTES) }),
  }
}

/** What the coming and going of users is attacked with. The neighbour's logins are used up. */
export function accountAttacks(neighbour: Neighbour): AttackTable<typeof accounts> {
  const { clientId } = neighbour.store.account()
  const client = neighbour.identity("client")
  const foreign = (subject: Uint8Array) => makeClientCsr(crypto, random(32), subject, DOMAIN)
  return {
    initRegistration: (forger) => ({
      "as.invalid-csr": hostileCsrs(forger),
      "as.client-exists": variants(forger, "csr", {
        "somebody's client": foreign(clientId),
        "one more client of somebody": foreign(Uint8Array.of(...clientId.subarray(0, 16), ...random(16))),
      }),
      "request.malformed": noElements("opaqueRequest", OPAQUE_REQUEST_BYTES, forger),
    }),

    startRegistrationLogin: (forger) => ({
      "request.malformed": {
        ...noElements("ke1", OPAQUE_KE1_BYTES, forger),
        ...noElements("record", OPAQUE_RECORD_BYTES, forger),
      },
      "auth.refused": { "by who is registered": signedBy(client, forger) },
    }),

    finishRegistration: (forger) => ({
      "auth.refused": {
        ...wrongPasswords(forger),
        "somebody else's proof, which was accepted once": forger.params({ ke3: neighbour.ke3 }),
      },
      "as.invalid-connection-package": {
        ...variants(forger, "connectionPackages", clientPackages(forger, neighbour.connectionPackages)),
        "by who is registered": signedBy(client, forger),
      },
      "as.client-exists": {
        "by who is registered, with another queue": signedBy(client, forger, {
          ...forger.claimed,
          connectionPackages: neighbour.connectionPackages,
        }),
      },
      "request.malformed": unusableQueueKey(forger),
    }),

    startLogin: (forger) => ({
      "request.malformed": noElements("ke1", OPAQUE_KE1_BYTES, forger),
      "as.too-many-logins": { "one more": signedBy(client, forger, { ke1: ke1Of(clientId) }) },
    }),

    // That a wrong proof uses the login up, and the right one comes too late then, is in accounts.test.ts.
    deleteAccount: (forger) => ({
      "auth.refused": { "by somebody who did not log in": signedBy(client, forger) },
    }),
  }
}

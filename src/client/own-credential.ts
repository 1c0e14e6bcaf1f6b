import type { CryptoProvider } from "../crypto/provider.ts"
import { equal } from "../wire/bytes.ts"
import {
  CredentialError,
  makeClientCsr,
  type VerifiedClientCredential,
  verifyChain,
} from "../wire/credentials.ts"
import { ClientError } from "./errors.ts"
import type { Account } from "./records.ts"
import type { Transport } from "./transport.ts"
import type { Trust } from "./trust.ts"

/** Asking for a credential of one's own, and checking what comes back: at registration and at each renewal. */

type Owner = Pick<Account, "clientId" | "clientSeed" | "domain">

interface Parts {
  readonly crypto: CryptoProvider
  readonly trust: Trust
  readonly transport: Transport
}

/** The same for the same client and key, so that asking again is asking for the same. */
export function ownCsr(
  { crypto }: Pick<Parts, "crypto">,
  { clientId, clientSeed, domain }: Owner,
): Uint8Array {
  return makeClientCsr(crypto, clientSeed, clientId, domain)
}

/**
 * Checks that a credential chains up to a trusted root and is for the own client and key.
 *
 * @throws ClientError client.unexpected-response, client.unknown-root
 */
export async function verifyOwnCredential(
  { crypto, trust, transport }: Parts,
  { clientId, clientSeed, domain }: Owner,
  credential: Uint8Array,
): Promise<VerifiedClientCredential> {
  const verified = await trust
    .verify((source) => {
      const anchors = source(domain)
      if (anchors === undefined) throw new CredentialError("wrong-domain")
      return verifyChain(crypto, anchors, credential, transport.now())
    })
    .catch((error: unknown) => {
      throw trust.explain(error, "client.unexpected-response")
    })
  if (!equal(verified.clientId, clientId) || !equal(verified.publicKey, crypto.ed25519Public(clientSeed)))
    throw new ClientError("client.unexpected-response")
  return verified
}

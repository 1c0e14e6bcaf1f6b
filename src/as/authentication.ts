import type { CryptoProvider } from "../crypto/provider.ts"
import { CLIENT_ID_BYTES, HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES } from "../limits.ts"
import type { Reader } from "../store/database.ts"
import type { SignedCall, Verified } from "../wire/call.ts"
import { decodeIssuedCredential, encodeIssuedCredential } from "../wire/credential-format.ts"
import { Problem } from "../wire/problem.ts"
import type { Authority } from "./authority.ts"
import type { PendingRegistrations } from "./pending.ts"
import { clientKey, clients } from "./tables.ts"

/** A request whose signature was checked with its sender's registered, or pending, credential. */
export interface Authenticated<P> {
  /** 32 bytes. */
  readonly clientId: Uint8Array
  readonly credential: Uint8Array
  readonly params: Verified<P>
}

/**
 * Authenticates clients by the credential that the AS issued to them. Expiry is not asked for here: an expired
 * client can still empty its queue and renew its credential, but nothing it publishes is accepted.
 *
 * An unknown or revoked client costs the same work as a known one, with a credential that nobody has the key of, and
 * ends in the same refusal as a wrong signature.
 */
export class Authentication {
  readonly #store: Reader
  readonly #authority: Authority
  readonly #dummy: Uint8Array

  constructor(crypto: CryptoProvider, store: Reader, domain: string, authority: Authority) {
    this.#store = store
    this.#authority = authority
    this.#dummy = dummyCredential(crypto, domain)
  }

  /** @throws Problem auth.refused or auth.replayed */
  client<P>(call: SignedCall<P>): Authenticated<P> {
    return this.#verify(call, (clientId) => this.#registered(clientId))
  }

  /** The same, and a client between the two steps of its registration may be the sender as well. */
  newClient<P>(call: SignedCall<P>, pending: PendingRegistrations): Authenticated<P> {
    return this.#verify(call, (id) => this.#registered(id) ?? pending.get(id)?.credential)
  }

  #registered(clientId: Uint8Array): Uint8Array | undefined {
    return this.#store.get(clients, clientKey(clientId))?.credential
  }

  #verify<P>(call: SignedCall<P>, find: (clientId: Uint8Array) => Uint8Array | undefined): Authenticated<P> {
    if (call.sender.kind !== "client") throw new Problem("auth.refused")
    const clientId = call.sender.id.slice()
    const found = find(clientId)
    const usable = found !== undefined && !this.#authority.isRevoked(found)
    const credential = usable ? found : this.#dummy
    const params = call.verify(decodeIssuedCredential("client", credential).request.publicKey)
    if (!usable) throw new Problem("auth.refused")
    return { clientId, credential, params }
  }
}

/** A credential of nobody, for work that must look like the verification of somebody. */
function dummyCredential(crypto: CryptoProvider, domain: string): Uint8Array {
  const publicKey = crypto.ed25519Public(crypto.random(KEY_BYTES))
  return encodeIssuedCredential({
    request: {
      subject: crypto.random(CLIENT_ID_BYTES),
      domain,
      publicKey,
      selfSignature: crypto.random(SIGNATURE_BYTES),
    },
    expiration: { notBefore: 0, notAfter: 0 },
    signerFingerprint: crypto.random(HASH_BYTES),
    signature: crypto.random(SIGNATURE_BYTES),
  })
}

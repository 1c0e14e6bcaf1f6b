import type { CryptoProvider } from "../crypto/provider.ts"
import { CREDENTIAL_RENEWAL_GRACE_SECONDS } from "../limits.ts"
import { toHex } from "../wire/bytes.ts"
import { decodeIssuedCredential } from "../wire/credential-format.ts"
import { CredentialError, issueClientCredential } from "../wire/credentials.ts"
import { Problem } from "../wire/problem.ts"
import { clientFingerprints } from "../wire/revocation.ts"

/** The AS's credentials, as published, and the key that signs clients. The root's key is not needed here. */
export interface AsKeys {
  /** Encoded AsCredentials. */
  readonly asCredentials: readonly Uint8Array[]
  /** Encoded AsEndorsements of later roots by earlier ones. */
  readonly endorsements: readonly Uint8Array[]
  /** Encoded AsIntermediateCredentials, {@link intermediate} among them. */
  readonly intermediates: readonly Uint8Array[]
  /** The intermediate that signs new clients, and its Ed25519 seed. */
  readonly intermediate: Uint8Array
  readonly intermediateSeed: Uint8Array
  readonly revocations: readonly Revoked[]
}

/** A revoked credential, client or user, and when what it names has expired at the latest (seconds since 1970). */
export interface Revoked {
  readonly fingerprint: Uint8Array
  readonly notAfter: number
}

/** What the AS says of credentials: which it publishes, which it issues, which it refuses. Its keys can be replaced. */
export class Authority {
  readonly #crypto: CryptoProvider
  readonly #seconds: () => number
  #keys: AsKeys
  #revoked: ReadonlyMap<string, Revoked>

  /** `seconds` since 1970. */
  constructor(crypto: CryptoProvider, keys: AsKeys, seconds: () => number) {
    this.#crypto = crypto
    this.#seconds = seconds
    this.#keys = keys
    this.#revoked = byFingerprint(keys)
  }

  /** From now on these count. The caller overwrites the key before. */
  replace(keys: AsKeys): void {
    this.#keys = keys
    this.#revoked = byFingerprint(keys)
  }

  /** For everybody. A revocation is left out once nothing that it names is valid any more. */
  published() {
    const { asCredentials, endorsements, intermediates, revocations } = this.#keys
    const now = this.#seconds()
    return {
      credentials: [...asCredentials],
      endorsements: [...endorsements],
      intermediates: [...intermediates],
      revoked: revocations.filter(({ notAfter }) => notAfter >= now).map(({ fingerprint }) => fingerprint),
    }
  }

  /**
   * Issues a client credential. An expired issuer is the server's fault, everything else the request's.
   *
   * @throws Problem as.invalid-csr, also if the client or its user is revoked
   */
  issue(csr: Uint8Array): Uint8Array {
    const { intermediate, intermediateSeed } = this.#keys
    let credential: Uint8Array
    try {
      credential = issueClientCredential(this.#crypto, intermediateSeed, intermediate, csr, this.#seconds())
    } catch (error) {
      if (error instanceof CredentialError && error.code !== "not-valid-now")
        throw new Problem("as.invalid-csr")
      throw error
    }
    if (this.isRevoked(credential)) throw new Problem("as.invalid-csr")
    return credential
  }

  /** Whether a client credential is revoked, by itself or with its client or user, for as long as it could be renewed. */
  isRevoked(credential: Uint8Array): boolean {
    const { subject } = decodeIssuedCredential("client", credential).request
    return clientFingerprints(this.#crypto, credential, subject).some((one) => this.#counts(one))
  }

  /** Whether neither a client credential nor its issuer is revoked: others accept it while it lasts. */
  isAccepted(credential: Uint8Array): boolean {
    const { signerFingerprint } = decodeIssuedCredential("client", credential)
    return !this.#counts(signerFingerprint) && !this.isRevoked(credential)
  }

  #counts(fingerprint: Uint8Array): boolean {
    const revoked = this.#revoked.get(toHex(fingerprint))
    return revoked !== undefined && this.#seconds() <= revoked.notAfter + CREDENTIAL_RENEWAL_GRACE_SECONDS
  }
}

function byFingerprint({ revocations }: AsKeys): ReadonlyMap<string, Revoked> {
  return new Map(revocations.map((revoked) => [toHex(revoked.fingerprint), revoked]))
}

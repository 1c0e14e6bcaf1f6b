import type { CryptoProvider } from "../../crypto/provider.ts"
import { equal, toHex } from "../../wire/bytes.ts"
import { decodeAsCredential, decodeIssuedCredential, type Expiration } from "../../wire/credential-format.ts"
import { decodeEndorsement } from "../../wire/endorsement.ts"
import { credentialFingerprint } from "../../wire/revocation.ts"
import type { AuthoritySecrets } from "./secrets.ts"

/** What an operator may see of the AS's credentials: everything but the keys. Fingerprints are hexadecimal, times ISO 8601. */
export interface AuthorityDescription {
  readonly domain: string
  /** Whether the seed of the last root is in the secrets. */
  readonly rootSeed: boolean
  /** Whether a request waits for its answer. */
  readonly requestPending: boolean
  readonly roots: readonly DescribedRoot[]
  readonly intermediates: readonly DescribedIntermediate[]
  readonly revoked: readonly { readonly fingerprint: string; readonly until: string }[]
}

interface Described {
  readonly fingerprint: string
  readonly notBefore: string
  readonly notAfter: string
  readonly revoked: boolean
}

interface DescribedRoot extends Described {
  /** The root that vouches for this one. */
  readonly endorsedBy: string | null
}

interface DescribedIntermediate extends Described {
  readonly root: string
  /** Whether it signs clients now. */
  readonly signs: boolean
}

export function describeAuthority(
  crypto: CryptoProvider,
  domain: string,
  authority: AuthoritySecrets,
): AuthorityDescription {
  const { roots, endorsements, rootSeed, intermediates, pendingSeed, revocations } = authority
  const describe = (credential: Uint8Array, expiration: Expiration): Described => {
    const fingerprint = credentialFingerprint(crypto, credential)
    return {
      fingerprint: toHex(fingerprint),
      notBefore: formatTime(expiration.notBefore),
      notAfter: formatTime(expiration.notAfter),
      revoked: revocations.some((revocation) => equal(revocation.fingerprint, fingerprint)),
    }
  }
  const endorser = (fingerprint: string): string | null => {
    const found = endorsements.map(decodeEndorsement).find(({ subject }) => toHex(subject) === fingerprint)
    return found === undefined ? null : toHex(found.signer)
  }
  return {
    domain,
    rootSeed: rootSeed !== undefined,
    requestPending: pendingSeed !== undefined,
    roots: roots.map((credential) => {
      const described = describe(credential, decodeAsCredential(credential).expiration)
      return { ...described, endorsedBy: endorser(described.fingerprint) }
    }),
    intermediates: intermediates.map((credential, i) => {
      const { expiration, signerFingerprint } = decodeIssuedCredential("intermediate", credential)
      const signs = i === intermediates.length - 1
      return { ...describe(credential, expiration), root: toHex(signerFingerprint), signs }
    }),
    revoked: revocations.map(({ fingerprint, notAfter }) => ({
      fingerprint: toHex(fingerprint),
      until: formatTime(notAfter),
    })),
  }
}

/** ISO 8601 in UTC, to the second. */
export function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z")
}

/** In groups of four digits, as people compare them. */
export function formatFingerprint(hex: string): string {
  return hex.match(/.{1,4}/g)?.join(" ") ?? ""
}

import type { CryptoProvider } from "../../crypto/provider.ts"
import { CREDENTIAL_RENEWAL_GRACE_SECONDS, KEY_BYTES } from "../../limits.ts"
import { includesBytes } from "../../wire/bytes.ts"
import { decodeAsCredential, decodeIssuedCredential } from "../../wire/credential-format.ts"
import { issueIntermediate, makeAsCredential, makeIntermediateCsr } from "../../wire/credentials.ts"
import { decodeEndorsement, makeEndorsement } from "../../wire/endorsement.ts"
import { credentialFingerprint } from "../../wire/revocation.ts"
import { ConfigError } from "../config.ts"
import { type AuthoritySecrets, emptyAuthority } from "./secrets.ts"

/** New roots and intermediates for an AS whose root is in its secrets file. All times are seconds since 1970. */

/** An intermediate with less than this to live is followed by a new one. */
const RENEWAL_SECONDS = 180 * 86_400

/** A new root with its first intermediate. */
export function makeAuthority(crypto: CryptoProvider, domain: string, now: number): AuthoritySecrets {
  const rootSeed = crypto.random(KEY_BYTES)
  const roots = [makeAsCredential(crypto, rootSeed, domain, now)]
  return withNewIntermediate(crypto, { ...emptyAuthority, roots, rootSeed }, domain, now)
}

/**
 * With a new intermediate, which signs from now on; the earlier ones remain published while they live.
 *
 * @throws ConfigError the root is kept offline
 */
export function withNewIntermediate(
  crypto: CryptoProvider,
  authority: AuthoritySecrets,
  domain: string,
  now: number,
): AuthoritySecrets {
  const { root, rootSeed } = requireRootSeed(authority)
  const intermediateSeed = crypto.random(KEY_BYTES)
  const csr = makeIntermediateCsr(crypto, intermediateSeed, domain)
  const intermediate = issueIntermediate(crypto, rootSeed, root, csr, now)
  return withoutExpired(
    crypto,
    { ...authority, intermediates: [...authority.intermediates, intermediate], intermediateSeed },
    now,
  )
}

/** With a new root, which the one before vouches for and whose seed takes the place of that one's, and an intermediate of it. */
export function withNewRoot(
  crypto: CryptoProvider,
  authority: AuthoritySecrets,
  domain: string,
  now: number,
): AuthoritySecrets {
  const before = requireRootSeed(authority)
  const rootSeed = crypto.random(KEY_BYTES)
  const root = makeAsCredential(crypto, rootSeed, domain, now)
  const roots = [...authority.roots, root]
  const endorsement = makeEndorsement(crypto, before.rootSeed, before.root, root)
  const endorsements = [...authority.endorsements, endorsement]
  return withNewIntermediate(crypto, { ...authority, roots, rootSeed, endorsements }, domain, now)
}

function requireRootSeed({ roots, rootSeed }: AuthoritySecrets): {
  readonly root: Uint8Array
  readonly rootSeed: Uint8Array
} {
  const root = roots.at(-1)
  if (root !== undefined && rootSeed !== undefined) return { root, rootSeed }
  throw new ConfigError(
    "the root is not in the secrets file: make a request with cinder keys request, have it signed where the root is with cinder keys sign, and install the result with cinder keys install",
  )
}

/** With a new intermediate if the one that signs ends before long and a new one would last longer; otherwise the same. */
export function renewedIfDue(
  crypto: CryptoProvider,
  authority: AuthoritySecrets,
  domain: string,
  now: number,
): AuthoritySecrets {
  const root = authority.roots.at(-1)
  if (root === undefined || authority.rootSeed === undefined) return authority
  const last = authority.intermediates.at(-1)
  const end = last === undefined ? 0 : intermediateEnd(last)
  if (end - now > RENEWAL_SECONDS || rootEnd(root) <= end) return authority
  return withNewIntermediate(crypto, authority, domain, now)
}

/** Without what is of no use any more. The last root and the last intermediate stay in any case. */
export function withoutExpired(
  crypto: CryptoProvider,
  authority: AuthoritySecrets,
  now: number,
): AuthoritySecrets {
  const roots = authority.roots.filter((root, i, { length }) => i === length - 1 || rootEnd(root) > now)
  const fingerprints = roots.map((root) => credentialFingerprint(crypto, root))
  const isKept = (fingerprint: Uint8Array) => includesBytes(fingerprints, fingerprint)
  return {
    ...authority,
    roots,
    endorsements: authority.endorsements.filter((bytes) => {
      const { signer, subject } = decodeEndorsement(bytes)
      return isKept(signer) && isKept(subject)
    }),
    intermediates: authority.intermediates.filter(
      (intermediate, i, { length }) => i === length - 1 || intermediateEnd(intermediate) > now,
    ),
    // The AS refuses a revoked client for as long as it could renew its credential.
    revocations: authority.revocations.filter(
      ({ notAfter }) => notAfter + CREDENTIAL_RENEWAL_GRACE_SECONDS > now,
    ),
  }
}

export function rootEnd(root: Uint8Array): number {
  return decodeAsCredential(root).expiration.notAfter
}

export function intermediateEnd(intermediate: Uint8Array): number {
  return decodeIssuedCredential("intermediate", intermediate).expiration.notAfter
}

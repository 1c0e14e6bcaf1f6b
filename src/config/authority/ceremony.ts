import type { CryptoProvider } from "../../crypto/provider.ts"
import { KEY_BYTES } from "../../limits.ts"
import { equal, includesBytes } from "../../wire/bytes.ts"
import { decodeAsCredential } from "../../wire/credential-format.ts"
import {
  CredentialError,
  type CredentialRefusal,
  issueIntermediate,
  makeAsCredential,
  makeIntermediateCsr,
  verifyIntermediate,
} from "../../wire/credentials.ts"
import { decodeEndorsement, endorsedRoots, makeEndorsement } from "../../wire/endorsement.ts"
import { credentialFingerprint } from "../../wire/revocation.ts"
import { ConfigError } from "../config.ts"
import type { RootFile, SignedFile } from "./files.ts"
import { withoutExpired } from "./rotation.ts"
import type { AuthoritySecrets } from "./secrets.ts"

/**
 * How an AS gets its intermediates from a root that never touches the server: the server makes a key and a request, the
 * root signs it elsewhere, the server installs the result. All times are seconds since 1970.
 */

/** A new root; `before` is the one that it follows, which then vouches for it. */
export function makeRoot(
  crypto: CryptoProvider,
  domain: string,
  before: RootFile | undefined,
  now: number,
): RootFile {
  if (before !== undefined && decodeAsCredential(before.credential).domain !== domain)
    throw new ConfigError(`the root that is to vouch for the new one is not of ${domain}`)
  const seed = crypto.random(KEY_BYTES)
  const credential = makeAsCredential(crypto, seed, domain, now)
  const endorsement =
    before === undefined ? undefined : makeEndorsement(crypto, before.seed, before.credential, credential)
  return { credential, seed, endorsement }
}

/** The request for a new intermediate, and the secrets with its key. While one waits for its answer, it is the same. */
export function requestIntermediate(
  crypto: CryptoProvider,
  authority: AuthoritySecrets,
  domain: string,
): { readonly authority: AuthoritySecrets; readonly csr: Uint8Array } {
  if (authority.pendingSeed !== undefined)
    return { authority, csr: makeIntermediateCsr(crypto, authority.pendingSeed, domain) }
  const pendingSeed = crypto.random(KEY_BYTES)
  return { authority: { ...authority, pendingSeed }, csr: makeIntermediateCsr(crypto, pendingSeed, domain) }
}

/**
 * Signs a request.
 *
 * @throws ConfigError it does not prove that it has its key, is of another domain, or the root has expired
 */
export function signRequest(
  crypto: CryptoProvider,
  root: RootFile,
  csr: Uint8Array,
  now: number,
): SignedFile {
  const { credential, seed, endorsement } = root
  const intermediate = refusing("the request cannot be signed", () =>
    issueIntermediate(crypto, seed, credential, csr, now),
  )
  return { root: credential, endorsement, intermediate }
}

/**
 * Installs a signed intermediate, which signs from now on; the earlier ones remain published while they live. Installing
 * the last one again changes nothing.
 *
 * A root other than the published ones must be endorsed by one of them, or be accepted with `newRoot`: clients that know
 * the server then ask their users to compare fingerprints.
 *
 * @throws ConfigError it is for another key or domain, does not verify, or its root is refused
 */
export function installIntermediate(
  crypto: CryptoProvider,
  authority: AuthoritySecrets,
  domain: string,
  signed: SignedFile,
  options: { readonly newRoot: boolean; readonly now: number },
): AuthoritySecrets {
  const { now } = options
  const { intermediate, root } = signed
  const { publicKey } = refusing("the credential cannot be installed", () =>
    verifyIntermediate(crypto, root, intermediate, domain, now),
  )
  const last = authority.intermediates.at(-1)
  if (last !== undefined && equal(last, intermediate)) return authority
  const { pendingSeed } = authority
  if (pendingSeed === undefined || !equal(crypto.ed25519Public(pendingSeed), publicKey)) {
    throw new ConfigError(
      "the credential is not the answer to the request that these secrets wait for: its key is another one",
    )
  }
  requireUnrevoked(crypto, authority, [root, intermediate])
  const withRoot = acceptRoot(crypto, authority, domain, signed, options)
  return withoutExpired(
    crypto,
    {
      ...withRoot,
      intermediates: [...authority.intermediates, intermediate],
      intermediateSeed: pendingSeed,
      pendingSeed: undefined,
    },
    now,
  )
}

/** The published roots, this one the last of them. The seed of another one does not stay. */
function acceptRoot(
  crypto: CryptoProvider,
  authority: AuthoritySecrets,
  domain: string,
  { root, endorsement }: SignedFile,
  { newRoot, now }: { readonly newRoot: boolean; readonly now: number },
): AuthoritySecrets {
  const { roots } = authority
  const last = roots.at(-1)
  if (last !== undefined && equal(last, root)) return authority
  if (includesBytes(roots, root)) {
    throw new ConfigError("the credential was signed by an earlier root: a newer one is published")
  }
  const endorsements = endorsement === undefined ? [] : [endorsement]
  const trust = { domain, credentials: roots, intermediates: [], revoked: [] }
  const endorsed = endorsedRoots(crypto, trust, [root], endorsements, now).length > 0
  if (roots.length > 0 && !endorsed && !newRoot) {
    throw new ConfigError(
      "the credential was signed by a root that none of the published ones vouches for: make the root with cinder keys root --endorsed-by, or give --new-root, after which every user has to compare the new root's fingerprint",
    )
  }
  return {
    ...authority,
    roots: [...roots, root],
    rootSeed: undefined,
    endorsements: [...authority.endorsements, ...(endorsed ? endorsements : [])],
  }
}

function requireUnrevoked(
  crypto: CryptoProvider,
  { revocations }: AuthoritySecrets,
  credentials: readonly Uint8Array[],
): void {
  const fingerprints = credentials.map((credential) => credentialFingerprint(crypto, credential))
  if (revocations.some((revoked) => fingerprints.some((one) => equal(one, revoked.fingerprint))))
    throw new ConfigError("the credential or its root is revoked")
}

const reasons: Readonly<Record<CredentialRefusal, string>> = {
  malformed: "it does not decode",
  "bad-signature": "a signature in it does not verify",
  "unknown-issuer": "it was not signed by the root beside it",
  revoked: "it is revoked",
  "not-valid-now": "it, or its root, has expired or is not valid yet: check the clocks of both machines",
  "not-nested": "it would be valid longer than its root",
  "wrong-domain": "it is of another domain",
  "wrong-key": "its key is another one",
}

function refusing<T>(sentence: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof CredentialError) throw new ConfigError(`${sentence}: ${reasons[error.code]}`)
    throw error
  }
}

/**
 * The root with its seed, and the secrets without that.
 *
 * @throws ConfigError it is not there
 */
export function exportedRoot(
  crypto: CryptoProvider,
  authority: AuthoritySecrets,
): { readonly root: RootFile; readonly rest: AuthoritySecrets } {
  const { roots, rootSeed: seed, endorsements } = authority
  const credential = roots.at(-1)
  if (credential === undefined || seed === undefined)
    throw new ConfigError("the root's key is not in the secrets: it was exported before, or never was there")
  const fingerprint = credentialFingerprint(crypto, credential)
  const endorsement = endorsements.find((bytes) => equal(decodeEndorsement(bytes).subject, fingerprint))
  return { root: { credential, seed, endorsement }, rest: { ...authority, rootSeed: undefined } }
}

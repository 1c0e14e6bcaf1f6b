import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { signLabeled, verifyLabeled } from "../crypto/signature.ts"
import {
  AS_CREDENTIAL_SECONDS,
  AS_INTERMEDIATE_CREDENTIAL_SECONDS,
  CLIENT_CREDENTIAL_SECONDS,
  CREDENTIAL_BACKDATE_SECONDS,
} from "../limits.ts"
import { equal, includesBytes } from "./bytes.ts"
import {
  type AsCredential,
  asCredentialTbs,
  decodeAsCredential,
  decodeIssuedCredential,
  decodeSigningRequest,
  type Expiration,
  encodeAsCredential,
  encodeIssuedCredential,
  encodeSigningRequest,
  type IssuedCredential,
  type IssuedKind,
  issuedCredentialTbs,
  type SigningRequest,
  signingRequestTbs,
  subjectBytes,
} from "./credential-format.ts"
import { clientFingerprints, credentialFingerprint } from "./revocation.ts"
import { CodecError } from "./tls.ts"

/**
 * The chain of credentials (docs/protocol.md section 4.1; credentials.md of the Phoenix book): the AS's own signs its
 * intermediates, an intermediate signs clients, a client signs its leaves (leaf-credential.ts).
 *
 * Every kind of credential, and every proof of possession inside one, is signed under a label of its own. Times are
 * seconds since 1970. A credential begins with the month in which it was made, because the AS stores client
 * credentials: an exact time would show who registered together with whom.
 */

/** Why a credential is refused. The message is the code; it never holds the credential. */
export type CredentialRefusal =
  | "malformed"
  | "bad-signature"
  | "unknown-issuer"
  | "revoked"
  | "not-valid-now"
  | "not-nested"
  | "wrong-domain"
  | "wrong-key"

export class CredentialError extends Error {
  override readonly name = "CredentialError"
  readonly code: CredentialRefusal
  constructor(code: CredentialRefusal) {
    super(code)
    this.code = code
  }
}

const signatureLabels = {
  intermediate: { self: labels.asIntermediateRequest, issuer: labels.asIntermediateCredential },
  client: { self: labels.clientRequest, issuer: labels.clientCredential },
} as const

/** A self-signed AS credential (10 years) for the key of `seed`. */
export function makeAsCredential(
  crypto: CryptoProvider,
  seed: Uint8Array,
  domain: string,
  now: number,
): Uint8Array {
  const unsigned = {
    domain,
    publicKey: crypto.ed25519Public(seed),
    expiration: lifetime(now, AS_CREDENTIAL_SECONDS),
  }
  const signature = signLabeled(crypto, seed, labels.asCredential, asCredentialTbs(unsigned))
  return encodeAsCredential({ ...unsigned, signature })
}

/** The signing request for an intermediate with the key of `seed`. */
export function makeIntermediateCsr(crypto: CryptoProvider, seed: Uint8Array, domain: string): Uint8Array {
  return makeRequest(crypto, "intermediate", seed, new Uint8Array(0), domain)
}

/** The signing request of a client, named by its 32-byte id, with the key of `seed`. */
export function makeClientCsr(
  crypto: CryptoProvider,
  seed: Uint8Array,
  clientId: Uint8Array,
  domain: string,
): Uint8Array {
  return makeRequest(crypto, "client", seed, clientId, domain)
}

function makeRequest(
  crypto: CryptoProvider,
  kind: IssuedKind,
  seed: Uint8Array,
  subject: Uint8Array,
  domain: string,
): Uint8Array {
  if (subject.length !== subjectBytes[kind]) throw new CodecError("credential subject length")
  const unsigned = { subject, domain, publicKey: crypto.ed25519Public(seed) }
  const tbs = signingRequestTbs(unsigned)
  const selfSignature = signLabeled(crypto, seed, signatureLabels[kind].self, tbs)
  return encodeSigningRequest({ ...unsigned, selfSignature })
}

/**
 * Signs an intermediate (1 year) with the AS credential's seed.
 *
 * @throws CredentialError the request is malformed, its self-signature or domain is wrong, or the issuer is expired
 */
export function issueIntermediate(
  crypto: CryptoProvider,
  asSeed: Uint8Array,
  asCredential: Uint8Array,
  csr: Uint8Array,
  now: number,
): Uint8Array {
  const issuer = decoded(() => decodeAsCredential(asCredential))
  const request = verifyRequest(crypto, "intermediate", csr, issuer.domain)
  const limit = AS_INTERMEDIATE_CREDENTIAL_SECONDS
  return issue(crypto, "intermediate", asSeed, { bytes: asCredential, ...issuer }, request, limit, now)
}

/**
 * Signs a client's credential (90 days, renewable) with the intermediate's seed.
 *
 * @throws CredentialError the request is malformed, its self-signature or domain is wrong, or the issuer is expired
 */
export function issueClientCredential(
  crypto: CryptoProvider,
  intermediateSeed: Uint8Array,
  intermediate: Uint8Array,
  csr: Uint8Array,
  now: number,
): Uint8Array {
  const { request: issuer, expiration } = decoded(() => decodeIssuedCredential("intermediate", intermediate))
  const request = verifyRequest(crypto, "client", csr, issuer.domain)
  const limit = CLIENT_CREDENTIAL_SECONDS
  return issue(crypto, "client", intermediateSeed, { bytes: intermediate, expiration }, request, limit, now)
}

function issue(
  crypto: CryptoProvider,
  kind: IssuedKind,
  issuerSeed: Uint8Array,
  issuer: { readonly bytes: Uint8Array; readonly expiration: Expiration },
  request: SigningRequest,
  seconds: number,
  now: number,
): Uint8Array {
  requireValid(issuer.expiration, now)
  const unsigned = {
    request,
    expiration: within(lifetime(now, seconds), issuer.expiration),
    signerFingerprint: credentialFingerprint(crypto, issuer.bytes),
  }
  const tbs = issuedCredentialTbs(unsigned)
  return encodeIssuedCredential({
    ...unsigned,
    signature: signLabeled(crypto, issuerSeed, signatureLabels[kind].issuer, tbs),
  })
}

/** A client's signing request whose proof of possession was checked. */
export interface VerifiedClientCsr {
  readonly clientId: Uint8Array
  readonly publicKey: Uint8Array
}

/**
 * Checks a client's request for a credential of `domain`.
 *
 * @throws CredentialError malformed, wrong-domain or bad-signature
 */
export function verifyClientCsr(crypto: CryptoProvider, csr: Uint8Array, domain: string): VerifiedClientCsr {
  const { subject, publicKey } = verifyRequest(crypto, "client", csr, domain)
  return { clientId: subject, publicKey }
}

function verifyRequest(
  crypto: CryptoProvider,
  kind: IssuedKind,
  csr: Uint8Array,
  domain: string,
): SigningRequest {
  const request = decoded(() => decodeSigningRequest(kind, csr))
  if (request.domain !== domain) throw new CredentialError("wrong-domain")
  requireSelfSignature(crypto, kind, request)
  return request
}

function requireSelfSignature(crypto: CryptoProvider, kind: IssuedKind, request: SigningRequest): void {
  const tbs = signingRequestTbs(request)
  const label = signatureLabels[kind].self
  if (!verifyLabeled(crypto, request.publicKey, label, tbs, request.selfSignature)) {
    throw new CredentialError("bad-signature")
  }
}

/** What an AS publishes of itself, and the domain it was asked for under. */
export interface TrustAnchors {
  readonly domain: string
  /** Encoded AsCredentials: the roots. They are taken as they are, so they must come from a source to be trusted. */
  readonly credentials: readonly Uint8Array[]
  /** Encoded AsIntermediateCredentials, trusted only as far as their chain goes. */
  readonly intermediates: readonly Uint8Array[]
  /** Fingerprints of revoked credentials of any kind, and of revoked clients and users (revocation.ts). */
  readonly revoked: readonly Uint8Array[]
}

declare const verified: unique symbol

/** A client credential that chains up to a root; only {@link verifyChain} makes one. */
export interface VerifiedClientCredential {
  readonly [verified]: true
  /** The encoding that was verified, as a copy. */
  readonly bytes: Uint8Array
  readonly fingerprint: Uint8Array
  /** 32 bytes: user id and client uuid. */
  readonly clientId: Uint8Array
  readonly domain: string
  readonly publicKey: Uint8Array
  readonly expiration: Expiration
}

/**
 * Verifies a client credential up to a root of its domain: every signature and proof of possession, that each
 * lifetime lies within the issuer's and holds `now`, that all are of one domain, and that none is revoked.
 *
 * @throws CredentialError says which of these does not hold; when several do not, any of them
 */
export function verifyChain(
  crypto: CryptoProvider,
  trust: TrustAnchors,
  clientCredential: Uint8Array,
  now: number,
): VerifiedClientCredential {
  const client = decoded(() => decodeIssuedCredential("client", clientCredential))
  requireUnrevoked(trust, clientFingerprints(crypto, clientCredential, client.request.subject))

  const intermediateBytes = findIssuer(crypto, trust.intermediates, client)
  const intermediate = decoded(() => decodeIssuedCredential("intermediate", intermediateBytes))
  requireUnrevoked(trust, [credentialFingerprint(crypto, intermediateBytes)])

  const rootBytes = findIssuer(crypto, trust.credentials, intermediate)
  requireUnrevoked(trust, [credentialFingerprint(crypto, rootBytes)])

  const issuer = verifyIntermediate(crypto, rootBytes, intermediateBytes, trust.domain, now)
  requireIssued(crypto, "client", client, issuer, trust.domain, now)
  const { subject: clientId, domain, publicKey } = client.request
  const { expiration } = client
  return {
    bytes: clientCredential.slice(),
    fingerprint: credentialFingerprint(crypto, clientCredential),
    clientId,
    domain,
    publicKey,
    expiration,
  } as VerifiedClientCredential
}

/** An intermediate whose issuer was checked. */
export interface VerifiedIntermediate {
  readonly publicKey: Uint8Array
  readonly expiration: Expiration
}

/**
 * Verifies an intermediate against the root that must have signed it, both of this domain and valid now.
 *
 * @throws CredentialError malformed, unknown-issuer (another root's), wrong-domain, not-nested, not-valid-now or
 *   bad-signature (also of the proof of possession)
 */
export function verifyIntermediate(
  crypto: CryptoProvider,
  rootCredential: Uint8Array,
  intermediateCredential: Uint8Array,
  domain: string,
  now: number,
): VerifiedIntermediate {
  const intermediate = decoded(() => decodeIssuedCredential("intermediate", intermediateCredential))
  const root = decoded(() => decodeAsCredential(findIssuer(crypto, [rootCredential], intermediate)))
  requireRoot(crypto, root, domain, now)
  requireIssued(crypto, "intermediate", intermediate, root, domain, now)
  return { publicKey: intermediate.request.publicKey, expiration: intermediate.expiration }
}

/** Where the trust anchors of a domain come from; `undefined` where there are none. */
export type TrustSource = (domain: string) => TrustAnchors | undefined

/** {@link verifyChain} for a client of whichever domain the credential names, if there are anchors for it. */
export function verifyChainOfAnyDomain(
  crypto: CryptoProvider,
  trustOf: TrustSource,
  clientCredential: Uint8Array,
  now: number,
): VerifiedClientCredential {
  const { domain } = decoded(() => decodeIssuedCredential("client", clientCredential)).request
  const trust = trustOf(domain)
  if (trust === undefined) throw new CredentialError("unknown-issuer")
  return verifyChain(crypto, trust, clientCredential, now)
}

function findIssuer(
  crypto: CryptoProvider,
  candidates: readonly Uint8Array[],
  credential: IssuedCredential,
): Uint8Array {
  const { signerFingerprint } = credential
  const issuer = candidates.find((bytes) => equal(credentialFingerprint(crypto, bytes), signerFingerprint))
  if (issuer === undefined) throw new CredentialError("unknown-issuer")
  return issuer
}

function requireUnrevoked(trust: TrustAnchors, fingerprints: readonly Uint8Array[]): void {
  if (fingerprints.some((one) => includesBytes(trust.revoked, one))) throw new CredentialError("revoked")
}

/**
 * Checks that a root is of this domain, valid now and signed by itself.
 *
 * @throws CredentialError wrong-domain, not-valid-now or bad-signature
 */
export function requireRoot(crypto: CryptoProvider, root: AsCredential, domain: string, now: number): void {
  if (root.domain !== domain) throw new CredentialError("wrong-domain")
  requireValid(root.expiration, now)
  if (!verifyLabeled(crypto, root.publicKey, labels.asCredential, asCredentialTbs(root), root.signature)) {
    throw new CredentialError("bad-signature")
  }
}

function requireIssued(
  crypto: CryptoProvider,
  kind: IssuedKind,
  credential: IssuedCredential,
  issuer: { readonly publicKey: Uint8Array; readonly expiration: Expiration },
  domain: string,
  now: number,
): void {
  const { request, expiration, signature } = credential
  if (request.domain !== domain) throw new CredentialError("wrong-domain")
  requireNested(expiration, issuer.expiration)
  requireValid(expiration, now)
  const tbs = issuedCredentialTbs(credential)
  if (!verifyLabeled(crypto, issuer.publicKey, signatureLabels[kind].issuer, tbs, signature)) {
    throw new CredentialError("bad-signature")
  }
  requireSelfSignature(crypto, kind, request)
}

/** Runs a decoder and reports what it refuses as a malformed credential. */
export function decoded<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (error instanceof CodecError) throw new CredentialError("malformed")
    throw error
  }
}

export function requireValid({ notBefore, notAfter }: Expiration, now: number): void {
  if (now < notBefore || now > notAfter) throw new CredentialError("not-valid-now")
}

export function requireNested(inner: Expiration, outer: Expiration): void {
  if (inner.notBefore < outer.notBefore || inner.notAfter > outer.notAfter) {
    throw new CredentialError("not-nested")
  }
}

/** `seconds` long, from the beginning of `now`'s month (UTC), less what clocks may differ by. */
export function lifetime(now: number, seconds: number): Expiration {
  const date = new Date(now * 1000)
  const month = Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / 1000
  const notBefore = month - CREDENTIAL_BACKDATE_SECONDS
  return { notBefore, notAfter: notBefore + seconds }
}

/** What both lifetimes have in common. */
export function within(inner: Expiration, outer: Expiration): Expiration {
  return {
    notBefore: Math.max(inner.notBefore, outer.notBefore),
    notAfter: Math.min(inner.notAfter, outer.notAfter),
  }
}

import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { signLabeled, verifyLabeled } from "../crypto/signature.ts"
import { HASH_BYTES, SIGNATURE_BYTES } from "../limits.ts"
import { equal, includesBytes } from "./bytes.ts"
import { decodeAsCredential, readVersion, writeVersion } from "./credential-format.ts"
import { CredentialError, decoded, requireRoot, type TrustAnchors } from "./credentials.ts"
import { credentialFingerprint } from "./revocation.ts"
import { encodeSized } from "./sized.ts"
import { decodeAll } from "./tls.ts"

/**
 * How an AS gets a new root. An AS credential is signed by itself alone, so a client that pinned one could not tell the
 * operator's next one from that of whoever took over the domain. Therefore the old root vouches for the new one, and the
 * AS publishes this beside both.
 *
 *     struct { u8 version; opaque signer_fingerprint[32]; opaque subject_fingerprint[32]; opaque signature[64]; } AsEndorsement
 */
export interface AsEndorsement {
  /** Of the root that vouches. */
  readonly signer: Uint8Array
  /** Of the root that is vouched for. */
  readonly subject: Uint8Array
  readonly signature: Uint8Array
}

/** The length of every endorsement. */
export const AS_ENDORSEMENT_BYTES = 1 + 2 * HASH_BYTES + SIGNATURE_BYTES

function endorsementTbs({ signer, subject }: Omit<AsEndorsement, "signature">): Uint8Array {
  return encodeSized(1 + 2 * HASH_BYTES, (writer) => {
    writeVersion(writer)
    writer.raw(signer).raw(subject)
  })
}

export function encodeEndorsement(endorsement: AsEndorsement): Uint8Array {
  return encodeSized(AS_ENDORSEMENT_BYTES, (writer) => {
    writer.raw(endorsementTbs(endorsement)).raw(endorsement.signature)
  })
}

/** Throws CodecError unless the bytes are one AsEndorsement. Checks no signature. */
export function decodeEndorsement(bytes: Uint8Array): AsEndorsement {
  return decodeAll(bytes, (reader) => {
    readVersion(reader)
    const signer = reader.raw(HASH_BYTES).slice()
    const subject = reader.raw(HASH_BYTES).slice()
    return { signer, subject, signature: reader.raw(SIGNATURE_BYTES).slice() }
  })
}

/** Vouches with the seed of one AS credential for another. */
export function makeEndorsement(
  crypto: CryptoProvider,
  seed: Uint8Array,
  signerCredential: Uint8Array,
  subjectCredential: Uint8Array,
): Uint8Array {
  const names = {
    signer: credentialFingerprint(crypto, signerCredential),
    subject: credentialFingerprint(crypto, subjectCredential),
  }
  return encodeEndorsement({
    ...names,
    signature: signLabeled(crypto, seed, labels.asEndorsement, endorsementTbs(names)),
  })
}

/**
 * The roots among `candidates` for which a root of `trust` vouches, directly or through others of them. Neither who
 * vouches nor for whom may be revoked, of another domain, or not valid now. `trust.credentials` are not among the result.
 */
export function endorsedRoots(
  crypto: CryptoProvider,
  trust: TrustAnchors,
  candidates: readonly Uint8Array[],
  endorsements: readonly Uint8Array[],
  now: number,
): Uint8Array[] {
  const usable = (bytes: Uint8Array) => isUsable(crypto, trust, bytes, now)
  const trusted = trust.credentials.filter(usable)
  const rest = candidates.filter((bytes) => usable(bytes) && !includesBytes(trusted, bytes))
  const endorsed: Uint8Array[] = []
  // Grows while it is walked: whoever is vouched for may vouch in turn.
  for (const signer of trusted) {
    for (const subject of rest) {
      if (trusted.includes(subject)) continue
      if (!endorsements.some((bytes) => vouches(crypto, bytes, signer, subject))) continue
      trusted.push(subject)
      endorsed.push(subject)
    }
  }
  return endorsed
}

function isUsable(crypto: CryptoProvider, trust: TrustAnchors, bytes: Uint8Array, now: number): boolean {
  const fingerprint = credentialFingerprint(crypto, bytes)
  if (includesBytes(trust.revoked, fingerprint)) return false
  try {
    requireRoot(
      crypto,
      decoded(() => decodeAsCredential(bytes)),
      trust.domain,
      now,
    )
    return true
  } catch (error) {
    if (error instanceof CredentialError) return false
    throw error
  }
}

function vouches(
  crypto: CryptoProvider,
  bytes: Uint8Array,
  signer: Uint8Array,
  subject: Uint8Array,
): boolean {
  try {
    requireEndorsement(crypto, bytes, signer, subject)
    return true
  } catch (error) {
    if (error instanceof CredentialError) return false
    throw error
  }
}

/**
 * Checks that one root vouches for another, both given as credentials. Says nothing of whether either is valid.
 *
 * @throws CredentialError malformed, wrong-key (it names others) or bad-signature
 */
export function requireEndorsement(
  crypto: CryptoProvider,
  bytes: Uint8Array,
  signerCredential: Uint8Array,
  subjectCredential: Uint8Array,
): void {
  const { signer, subject, signature } = decoded(() => decodeEndorsement(bytes))
  const named =
    equal(signer, credentialFingerprint(crypto, signerCredential)) &&
    equal(subject, credentialFingerprint(crypto, subjectCredential))
  if (!named) throw new CredentialError("wrong-key")
  const { publicKey } = decoded(() => decodeAsCredential(signerCredential))
  if (
    !verifyLabeled(crypto, publicKey, labels.asEndorsement, endorsementTbs({ signer, subject }), signature)
  ) {
    throw new CredentialError("bad-signature")
  }
}

import { labels } from "../crypto/labels.ts"
import { CryptoError, type CryptoProvider } from "../crypto/provider.ts"
import { signLabeled, verifyLabeled } from "../crypto/signature.ts"
import { wipe } from "../crypto/wipe.ts"
import { CLIENT_CREDENTIAL_SECONDS, HASH_BYTES, ID_BYTES, KEY_BYTES, SIGNATURE_BYTES } from "../limits.ts"
import { concat, equal, utf8 } from "./bytes.ts"
import {
  CREDENTIAL_CIPHERSUITE,
  decodeIssuedCredential,
  type Expiration,
  readExpiration,
  readVersion,
  writeExpiration,
  writeVersion,
} from "./credential-format.ts"
import {
  CredentialError,
  decoded,
  lifetime,
  requireNested,
  requireValid,
  type VerifiedClientCredential,
  within,
} from "./credentials.ts"
import { credentialFingerprint } from "./revocation.ts"
import { decodePadded, encodePadded, openSymmetric, SEALED_OVERHEAD_BYTES, sealSymmetric } from "./sealed.ts"
import { encodeSized } from "./sized.ts"
import { CodecError, decodeAll, type Reader, type Writer } from "./tls.ts"

/**
 * The pseudonym under which a client is in one group: the identity of the MLS basic credential in its leaf.
 *
 *     struct { u8 version; u16 ciphersuite; opaque identity[16]; opaque public_key[32]; } LeafPseudonym
 *     struct { ExpirationData expiration; opaque signer_fingerprint[32]; opaque self_signature[64];
 *              opaque signature[64]; } LeafProof
 *     struct { LeafPseudonym pseudonym; opaque proof[204]; } LeafCredential
 *
 * `proof` is the LeafProof under the signature encryption key (AES-256-GCM, nonce in front). The DS sees leaves of
 * all groups, so whatever two leaves of one client have in common must be in there: the client credential's
 * signature, as in the Phoenix book, but its fingerprint and the lifetime as well; in the clear they would link the
 * leaves just as surely. The leaf's own key signs pseudonym, lifetime and fingerprint; the client credential's key
 * signs all these and the leaf's signature.
 */
export interface LeafPseudonym {
  /** 16 random bytes, new for every leaf credential. */
  readonly identity: Uint8Array
  readonly publicKey: Uint8Array
}

interface LeafProof {
  readonly expiration: Expiration
  readonly signerFingerprint: Uint8Array
  readonly selfSignature: Uint8Array
  readonly signature: Uint8Array
}

const PROOF_BYTES = 16 + HASH_BYTES + 2 * SIGNATURE_BYTES
const PSEUDONYM_BYTES = 1 + 2 + ID_BYTES + KEY_BYTES
/** The length of every leaf credential. */
export const LEAF_CREDENTIAL_BYTES = PSEUDONYM_BYTES + PROOF_BYTES + SEALED_OVERHEAD_BYTES

const proofLabel = utf8("Cinder 1 leaf credential proof")

function encodePseudonym({ identity, publicKey }: LeafPseudonym): Uint8Array {
  return encodeSized(PSEUDONYM_BYTES, (writer) => {
    writeVersion(writer)
    writer.u16(CREDENTIAL_CIPHERSUITE).raw(identity).raw(publicKey)
  })
}

/** The part of a leaf credential that everybody can read. Throws CodecError unless the bytes are one. */
export function decodeLeafPseudonym(leafCredential: Uint8Array): LeafPseudonym {
  if (leafCredential.length !== LEAF_CREDENTIAL_BYTES) throw new CodecError("leaf credential length")
  return decodeAll(leafCredential.subarray(0, PSEUDONYM_BYTES), (reader) => {
    readVersion(reader)
    if (reader.u16() !== CREDENTIAL_CIPHERSUITE) throw new CodecError("ciphersuite")
    return { identity: reader.raw(ID_BYTES).slice(), publicKey: reader.raw(KEY_BYTES).slice() }
  })
}

type SelfSigned = Pick<LeafProof, "expiration" | "signerFingerprint">

function selfTbs(pseudonym: Uint8Array, { expiration, signerFingerprint }: SelfSigned): Uint8Array {
  return encodeSized(PSEUDONYM_BYTES + PROOF_BYTES, (writer) => {
    writer.raw(pseudonym)
    writeExpiration(writer, expiration)
    writer.raw(signerFingerprint)
  })
}

function writeProof(writer: Writer, proof: LeafProof): void {
  writeExpiration(writer, proof.expiration)
  writer.raw(proof.signerFingerprint).raw(proof.selfSignature).raw(proof.signature)
}

function readProof(reader: Reader): LeafProof {
  return {
    expiration: readExpiration(reader),
    signerFingerprint: reader.raw(HASH_BYTES).slice(),
    selfSignature: reader.raw(SIGNATURE_BYTES).slice(),
    signature: reader.raw(SIGNATURE_BYTES).slice(),
  }
}

/** How long a leaf credential lives that is made now, in seconds: within the client credential's life. */
export function leafLifetime(client: Expiration, now: number): Expiration {
  return within(lifetime(now, CLIENT_CREDENTIAL_SECONDS), client)
}

/**
 * Makes the identity for one leaf. `signatureKey` is the signature encryption key: 32 random bytes, new for every
 * leaf credential, given to the group's members only ({@link sealCredential}).
 *
 * @throws CredentialError the client credential is malformed or not valid now
 */
export function makeLeafCredential(
  crypto: CryptoProvider,
  parts: {
    readonly clientSeed: Uint8Array
    readonly clientCredential: Uint8Array
    readonly leafSeed: Uint8Array
    readonly signatureKey: Uint8Array
    readonly now: number
  },
): Uint8Array {
  const { clientSeed, clientCredential, leafSeed, signatureKey, now } = parts
  const client = decoded(() => decodeIssuedCredential("client", clientCredential))
  requireValid(client.expiration, now)
  const publicKey = crypto.ed25519Public(leafSeed)
  const pseudonym = encodePseudonym({ identity: crypto.random(ID_BYTES), publicKey })
  const expiration = leafLifetime(client.expiration, now)
  const signerFingerprint = credentialFingerprint(crypto, clientCredential)
  const tbs = selfTbs(pseudonym, { expiration, signerFingerprint })
  const selfSignature = signLabeled(crypto, leafSeed, labels.leafRequest, tbs)
  const signature = signLabeled(crypto, clientSeed, labels.leafCredential, concat(tbs, selfSignature))
  const proof = encodePadded(PROOF_BYTES, (writer) =>
    writeProof(writer, { expiration, signerFingerprint, selfSignature, signature }),
  )
  return concat(pseudonym, sealSymmetric(crypto, signatureKey, concat(proofLabel, pseudonym), proof))
}

/**
 * Checks that the leaf with this identity and signature key was made by the client of a verified credential.
 *
 * @throws CredentialError malformed, wrong-key (another leaf's identity), unknown-issuer (another client's),
 *   bad-signature (also when the proof does not open), not-nested or not-valid-now
 */
export function verifyLeafCredential(
  crypto: CryptoProvider,
  leaf: {
    readonly leafCredential: Uint8Array
    readonly leafPublicKey: Uint8Array
    readonly signatureKey: Uint8Array
    readonly client: VerifiedClientCredential
    readonly now: number
  },
): void {
  const { leafCredential, leafPublicKey, signatureKey, client, now } = leaf
  const { publicKey } = decoded(() => decodeLeafPseudonym(leafCredential))
  if (!equal(publicKey, leafPublicKey)) throw new CredentialError("wrong-key")
  const pseudonym = leafCredential.subarray(0, PSEUDONYM_BYTES)
  const proof = openProof(crypto, signatureKey, pseudonym, leafCredential.subarray(PSEUDONYM_BYTES))
  if (!equal(proof.signerFingerprint, client.fingerprint)) throw new CredentialError("unknown-issuer")
  requireNested(proof.expiration, client.expiration)
  requireValid(proof.expiration, now)
  const tbs = selfTbs(pseudonym, proof)
  const issuerTbs = concat(tbs, proof.selfSignature)
  if (
    !verifyLabeled(crypto, client.publicKey, labels.leafCredential, issuerTbs, proof.signature) ||
    !verifyLabeled(crypto, leafPublicKey, labels.leafRequest, tbs, proof.selfSignature)
  ) {
    throw new CredentialError("bad-signature")
  }
}

function openProof(
  crypto: CryptoProvider,
  key: Uint8Array,
  pseudonym: Uint8Array,
  sealed: Uint8Array,
): LeafProof {
  let plaintext: Uint8Array | undefined
  try {
    const opened = openSymmetric(crypto, key, concat(proofLabel, pseudonym), sealed)
    plaintext = opened
    return decoded(() => decodePadded(opened, PROOF_BYTES, readProof))
  } catch (error) {
    if (error instanceof CryptoError) throw new CredentialError("bad-signature")
    throw error
  } finally {
    wipe(plaintext)
  }
}

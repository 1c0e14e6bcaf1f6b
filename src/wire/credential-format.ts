import {
  CLIENT_ID_BYTES,
  CREDENTIAL_BYTES_MAX,
  DOMAIN_CHARACTERS_MAX,
  FORMAT_VERSION,
  HASH_BYTES,
  KEY_BYTES,
  SIGNATURE_BYTES,
} from "../limits.ts"
import { encodeSized } from "./sized.ts"
import { CodecError, decodeAll, type Reader, type Writer } from "./tls.ts"
import { readDomain, writeDomain } from "./user-id.ts"

/**
 * The bytes of the long-lived credentials (docs/protocol.md section 4.1); credentials.ts makes and verifies them.
 *
 *     struct { u64 not_before; u64 not_after; } ExpirationData                  seconds since 1970, both included
 *
 *     struct { u8 version; opaque domain<V>; u16 ciphersuite; opaque public_key[32]; ExpirationData expiration;
 *              opaque signature[64]; } AsCredential                             signed by itself
 *
 *     struct { u8 version; opaque subject[n]; opaque domain<V>; u16 ciphersuite; opaque public_key[32];
 *              opaque self_signature[64]; } SigningRequest
 *     struct { SigningRequest request; ExpirationData expiration; opaque signer_fingerprint[32];
 *              opaque signature[64]; } Credential                               signed by its issuer
 *
 * AsIntermediateCredential has n = 0; ClientCredential has n = 32, the client id. The request is what its subject
 * signs to prove that it has the key; the issuer's signature covers that signature. All keys are Ed25519.
 */

/** Seconds since 1970, both ends included. */
export interface Expiration {
  readonly notBefore: number
  readonly notAfter: number
}

/** The only ciphersuite: MLS's 0x0001, of which credentials use SHA-256 and Ed25519. */
export const CREDENTIAL_CIPHERSUITE = 0x0001

/**
 * The length of a client credential whose domain has 253 characters, which fixed-length structures that hold one
 * leave room for.
 */
export const CLIENT_CREDENTIAL_BYTES_MAX =
  1 +
  CLIENT_ID_BYTES +
  (2 + DOMAIN_CHARACTERS_MAX) +
  2 +
  KEY_BYTES +
  SIGNATURE_BYTES +
  16 +
  HASH_BYTES +
  SIGNATURE_BYTES

export interface AsCredential {
  readonly domain: string
  readonly publicKey: Uint8Array
  readonly expiration: Expiration
  readonly signature: Uint8Array
}

export interface SigningRequest {
  /** Empty for intermediates, the client id (32 bytes) for clients. */
  readonly subject: Uint8Array
  readonly domain: string
  readonly publicKey: Uint8Array
  readonly selfSignature: Uint8Array
}

export interface IssuedCredential {
  readonly request: SigningRequest
  readonly expiration: Expiration
  /** SHA-256 of the issuer's credential. */
  readonly signerFingerprint: Uint8Array
  readonly signature: Uint8Array
}

/** How many bytes name the subject of each kind of credential that is issued. */
export const subjectBytes = { intermediate: 0, client: CLIENT_ID_BYTES } as const
export type IssuedKind = keyof typeof subjectBytes

export function writeVersion(writer: Writer): void {
  writer.u8(FORMAT_VERSION)
}

export function readVersion(reader: Reader): void {
  if (reader.u8() !== FORMAT_VERSION) throw new CodecError("version")
}

export function writeExpiration(writer: Writer, { notBefore, notAfter }: Expiration): void {
  writer.u64(BigInt(notBefore)).u64(BigInt(notAfter))
}

export function readExpiration(reader: Reader): Expiration {
  const notBefore = reader.u64()
  const notAfter = reader.u64()
  if (notAfter > BigInt(Number.MAX_SAFE_INTEGER) || notBefore > notAfter) throw new CodecError("expiration")
  return { notBefore: Number(notBefore), notAfter: Number(notAfter) }
}

function readCiphersuite(reader: Reader): void {
  if (reader.u16() !== CREDENTIAL_CIPHERSUITE) throw new CodecError("ciphersuite")
}

function decodeBounded<T>(bytes: Uint8Array, read: (reader: Reader) => T): T {
  if (bytes.length > CREDENTIAL_BYTES_MAX) throw new CodecError("credential too long")
  return decodeAll(bytes, read)
}

/** What an AS credential's signature covers. */
export function asCredentialTbs(credential: Omit<AsCredential, "signature">): Uint8Array {
  return encodeSized(CREDENTIAL_BYTES_MAX, (writer) => writeAsTbs(writer, credential))
}

function writeAsTbs(writer: Writer, credential: Omit<AsCredential, "signature">): void {
  writeVersion(writer)
  writeDomain(writer, credential.domain)
  writer.u16(CREDENTIAL_CIPHERSUITE).raw(credential.publicKey)
  writeExpiration(writer, credential.expiration)
}

export function encodeAsCredential(credential: AsCredential): Uint8Array {
  return encodeSized(CREDENTIAL_BYTES_MAX, (writer) => {
    writeAsTbs(writer, credential)
    writer.raw(credential.signature)
  })
}

/** Throws CodecError unless the bytes are one AsCredential. Checks no signature. */
export function decodeAsCredential(bytes: Uint8Array): AsCredential {
  return decodeBounded(bytes, (reader) => {
    readVersion(reader)
    const domain = readDomain(reader)
    readCiphersuite(reader)
    const publicKey = reader.raw(KEY_BYTES).slice()
    const expiration = readExpiration(reader)
    return { domain, publicKey, expiration, signature: reader.raw(SIGNATURE_BYTES).slice() }
  })
}

/** What a request's self-signature covers. */
export function signingRequestTbs(request: Omit<SigningRequest, "selfSignature">): Uint8Array {
  return encodeSized(CREDENTIAL_BYTES_MAX, (writer) => writeRequestTbs(writer, request))
}

function writeRequestTbs(writer: Writer, request: Omit<SigningRequest, "selfSignature">): void {
  writeVersion(writer)
  writer.raw(request.subject)
  writeDomain(writer, request.domain)
  writer.u16(CREDENTIAL_CIPHERSUITE).raw(request.publicKey)
}

function writeRequest(writer: Writer, request: SigningRequest): void {
  writeRequestTbs(writer, request)
  writer.raw(request.selfSignature)
}

function readRequest(reader: Reader, kind: IssuedKind): SigningRequest {
  readVersion(reader)
  const subject = reader.raw(subjectBytes[kind]).slice()
  const domain = readDomain(reader)
  readCiphersuite(reader)
  const publicKey = reader.raw(KEY_BYTES).slice()
  return { subject, domain, publicKey, selfSignature: reader.raw(SIGNATURE_BYTES).slice() }
}

export function encodeSigningRequest(request: SigningRequest): Uint8Array {
  return encodeSized(CREDENTIAL_BYTES_MAX, (writer) => writeRequest(writer, request))
}

/** Throws CodecError unless the bytes are one SigningRequest. Checks no signature. */
export function decodeSigningRequest(kind: IssuedKind, bytes: Uint8Array): SigningRequest {
  return decodeBounded(bytes, (reader) => readRequest(reader, kind))
}

/** What the issuer's signature covers. */
export function issuedCredentialTbs(credential: Omit<IssuedCredential, "signature">): Uint8Array {
  return encodeSized(CREDENTIAL_BYTES_MAX, (writer) => writeIssuedTbs(writer, credential))
}

function writeIssuedTbs(writer: Writer, credential: Omit<IssuedCredential, "signature">): void {
  writeRequest(writer, credential.request)
  writeExpiration(writer, credential.expiration)
  writer.raw(credential.signerFingerprint)
}

export function encodeIssuedCredential(credential: IssuedCredential): Uint8Array {
  return encodeSized(CREDENTIAL_BYTES_MAX, (writer) => {
    writeIssuedTbs(writer, credential)
    writer.raw(credential.signature)
  })
}

/** Throws CodecError unless the bytes are one credential of this kind. Checks no signature. */
export function decodeIssuedCredential(kind: IssuedKind, bytes: Uint8Array): IssuedCredential {
  return decodeBounded(bytes, (reader) => {
    const request = readRequest(reader, kind)
    const expiration = readExpiration(reader)
    const signerFingerprint = reader.raw(HASH_BYTES).slice()
    return { request, expiration, signerFingerprint, signature: reader.raw(SIGNATURE_BYTES).slice() }
  })
}

import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { REQUEST_NONCE_BYTES } from "../limits.ts"
import { utf8 } from "./bytes.ts"
import { headLength, ItemReader, ItemWriter, MAJOR, stringLength } from "./cbor-item.ts"
import { CodecError, Writer } from "./tls.ts"

/**
 * Authenticated requests: COSE_Sign1 (RFC 9052 section 4.2), untagged, in the one form that docs/protocol.md section 3 allows.
 *
 *     [ protected: bstr .cbor { 1: -8, 4: kid, 15: { 6: iat, 7: cti } }, unprotected: {}, payload: bstr, signature: bstr ]
 *
 * `iat` and `cti` are CWT claims in the header (RFC 9597). The signature covers the protected header, the external
 * data (method and path) and the payload. What was parsed is views of the input.
 */

/** Longest sender id (`kid`). */
export const SENDER_ID_BYTES_MAX = 256

const SIGNATURE_BYTES = 64
const ALG_EDDSA = -8
const HEADER = { alg: 1, kid: 4, cwtClaims: 15 } as const
const CLAIM = { iat: 6, cti: 7 } as const
const CONTEXT = utf8("Signature1")

/** What a request says about itself, and its parameters. */
export interface SignedParts {
  /** UTF-8 sender id (docs/protocol.md section 3), 1 to 256 bytes. */
  readonly kid: Uint8Array
  /** Seconds since 1970. */
  readonly issuedAt: number
  /** 16 random bytes. */
  readonly nonce: Uint8Array
  /** CBOR parameters. */
  readonly payload: Uint8Array
}

/** TLS { opaque label<V>; opaque method<V>; opaque path<V> }: a signature for one operation serves no other. */
export function externalAad(method: string, path: string): Uint8Array {
  const parts = [labels.request, utf8(method), utf8(path)]
  const writer = new Writer(parts.reduce((sum, part) => sum + 4 + part.length, 0))
  for (const part of parts) writer.opaque(part)
  return writer.finish()
}

function checkParts({ kid, issuedAt, nonce }: Omit<SignedParts, "payload">): void {
  if (kid.length < 1 || kid.length > SENDER_ID_BYTES_MAX) throw new CodecError("kid length")
  if (!Number.isSafeInteger(issuedAt) || issuedAt < 0) throw new CodecError("iat")
  if (nonce.length !== REQUEST_NONCE_BYTES) throw new CodecError("cti length")
}

function encodeProtected({ kid, issuedAt, nonce }: SignedParts): Uint8Array {
  const size = 8 + stringLength(kid.length) + headLength(issuedAt) + stringLength(nonce.length)
  return new ItemWriter(size)
    .head(MAJOR.map, 3)
    .head(MAJOR.unsigned, HEADER.alg)
    .head(MAJOR.negative, -1 - ALG_EDDSA)
    .head(MAJOR.unsigned, HEADER.kid)
    .bytes(kid)
    .head(MAJOR.unsigned, HEADER.cwtClaims)
    .head(MAJOR.map, 2)
    .head(MAJOR.unsigned, CLAIM.iat)
    .head(MAJOR.unsigned, issuedAt)
    .head(MAJOR.unsigned, CLAIM.cti)
    .bytes(nonce)
    .finish()
}

/** `Sig_structure` (RFC 9052 section 4.4). */
function toBeSigned(protectedHeader: Uint8Array, aad: Uint8Array, payload: Uint8Array): Uint8Array {
  const parts = [protectedHeader, aad, payload]
  const size = parts.reduce((sum, part) => sum + stringLength(part.length), 1 + stringLength(CONTEXT.length))
  const writer = new ItemWriter(size).head(MAJOR.array, 4).head(MAJOR.text, CONTEXT.length).raw(CONTEXT)
  for (const part of parts) writer.bytes(part)
  return writer.finish()
}

/**
 * Signs a request with a 32-byte Ed25519 seed. Throws {@link CodecError} on parts that no server would accept.
 */
export function signRequest(
  crypto: CryptoProvider,
  seed: Uint8Array,
  parts: SignedParts,
  externalAad: Uint8Array,
): Uint8Array {
  checkParts(parts)
  const { payload } = parts
  const header = encodeProtected(parts)
  const covered = toBeSigned(header, externalAad, payload)
  const signature = crypto.ed25519Sign(seed, covered)
  covered.fill(0)
  const size = 2 + stringLength(header.length) + stringLength(payload.length) + stringLength(signature.length)
  return new ItemWriter(size)
    .head(MAJOR.array, 4)
    .bytes(header)
    .head(MAJOR.map, 0)
    .bytes(payload)
    .bytes(signature)
    .finish()
}

/** A request whose structure was checked and whose signature was not. All parts are views of the input. */
export class SignedRequest implements SignedParts {
  readonly kid: Uint8Array
  readonly issuedAt: number
  readonly nonce: Uint8Array
  readonly payload: Uint8Array
  readonly #header: Uint8Array
  readonly #signature: Uint8Array

  constructor(parts: SignedParts, header: Uint8Array, signature: Uint8Array) {
    this.kid = parts.kid
    this.issuedAt = parts.issuedAt
    this.nonce = parts.nonce
    this.payload = parts.payload
    this.#header = header
    this.#signature = signature
  }

  /** Whether the owner of `publicKey` signed this request for the operation that `externalAad` names. */
  verify(crypto: CryptoProvider, publicKey: Uint8Array, externalAad: Uint8Array): boolean {
    const covered = toBeSigned(this.#header, externalAad, this.payload)
    const valid = crypto.ed25519Verify(publicKey, covered, this.#signature)
    covered.fill(0)
    return valid
  }
}

/** Reads a COSE_Sign1 request. Checks the structure only; throws {@link CodecError} on any other form. */
export function parseRequest(bytes: Uint8Array): SignedRequest {
  const reader = new ItemReader(bytes)
  expectCount(reader, MAJOR.array, 4)
  const header = reader.bytes()
  expectCount(reader, MAJOR.map, 0)
  const payload = reader.bytes()
  const signature = reader.bytes()
  reader.end()
  if (signature.length !== SIGNATURE_BYTES) throw new CodecError("signature length")
  return new SignedRequest({ ...parseProtected(header), payload }, header, signature)
}

function parseProtected(header: Uint8Array): Omit<SignedParts, "payload"> {
  const reader = new ItemReader(header)
  expectCount(reader, MAJOR.map, 3)
  expectCount(reader, MAJOR.unsigned, HEADER.alg)
  expectCount(reader, MAJOR.negative, -1 - ALG_EDDSA)
  expectCount(reader, MAJOR.unsigned, HEADER.kid)
  const kid = reader.bytes()
  expectCount(reader, MAJOR.unsigned, HEADER.cwtClaims)
  expectCount(reader, MAJOR.map, 2)
  expectCount(reader, MAJOR.unsigned, CLAIM.iat)
  const issuedAt = reader.expect(MAJOR.unsigned)
  expectCount(reader, MAJOR.unsigned, CLAIM.cti)
  const nonce = reader.bytes()
  reader.end()
  const parts = { kid, issuedAt, nonce }
  checkParts(parts)
  return parts
}

function expectCount(reader: ItemReader, major: number, argument: number): void {
  if (reader.expect(major) !== argument) throw new CodecError("not the expected form of request")
}

import type { CryptoProvider } from "../crypto/provider.ts"
import { fromUtf8, utf8 } from "../wire/bytes.ts"
import { CodecError, type Reader, Writer } from "../wire/tls.ts"
import { decodeStrict, PrivacyPassError } from "./error.ts"

/**
 * What a token is for (RFC 9577 section 2.1.1), the same structure for all token types:
 * TLS { u16 token_type; opaque issuer_name<1..2^16-1>; opaque redemption_context<0..32>; opaque origin_info<0..2^16-1> }.
 */
export interface TokenChallenge {
  readonly tokenType: number
  /** Server name of the issuer, ASCII. */
  readonly issuerName: string
  /** Empty, or 32 bytes. */
  readonly redemptionContext: Uint8Array
  /** Server names divided by commas, ASCII; empty for all origins. */
  readonly originInfo: string
}

const CONTEXT_BYTES = 32
const ASCII = /^[\x20-\x7e]*$/

function writeName(writer: Writer, name: string): void {
  if (!ASCII.test(name) || name.length > 0xffff) throw new PrivacyPassError("malformed")
  writer.u16(name.length).raw(utf8(name))
}

function readName(from: Reader): string {
  const bytes = from.raw(from.u16())
  if (bytes.some((byte) => byte < 0x20 || byte > 0x7e)) throw new CodecError("server name")
  return fromUtf8(bytes)
}

function check({ issuerName, redemptionContext }: TokenChallenge): void {
  const contextBytes = redemptionContext.length
  if (issuerName.length === 0 || (contextBytes !== 0 && contextBytes !== CONTEXT_BYTES)) {
    throw new PrivacyPassError("malformed")
  }
}

/** Throws {@link PrivacyPassError} `malformed` if a field is out of its bounds. */
export function encodeTokenChallenge(challenge: TokenChallenge): Uint8Array {
  check(challenge)
  const writer = new Writer().u16(challenge.tokenType)
  writeName(writer, challenge.issuerName)
  writer.u8(challenge.redemptionContext.length).raw(challenge.redemptionContext)
  writeName(writer, challenge.originInfo)
  return writer.finish()
}

/** Throws {@link PrivacyPassError} `malformed`. */
export function decodeTokenChallenge(bytes: Uint8Array): TokenChallenge {
  const challenge = decodeStrict(bytes, (from) => ({
    tokenType: from.u16(),
    issuerName: readName(from),
    redemptionContext: from.raw(from.u8()).slice(),
    originInfo: readName(from),
  }))
  check(challenge)
  return challenge
}

/** SHA-256 of an encoded challenge, 32 bytes: what tokens carry of it. */
export function challengeDigest(crypto: CryptoProvider, challenge: TokenChallenge): Uint8Array {
  return crypto.sha256(encodeTokenChallenge(challenge))
}

/** Whether a client may answer this challenge of `origin`, a server name (RFC 9577 section 2.1.3). */
export function isForOrigin({ originInfo }: TokenChallenge, origin: string): boolean {
  return originInfo === "" || originInfo.toLowerCase().split(",").includes(origin.toLowerCase())
}

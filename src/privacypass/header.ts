import { AUTHENTICATE_CHARACTERS_MAX, AUTHORIZATION_CHARACTERS_MAX } from "../limits.ts"
import { fromBase64Url, toBase64Url } from "../wire/base64url.ts"
import { parseAuthParams } from "./auth-params.ts"
import { PrivacyPassError } from "./error.ts"

/** The HTTP authentication scheme `PrivateToken` (RFC 9577 section 2). */

const SCHEME = "privatetoken"
const DIGITS = /^\d{1,15}$/

/** What a server asks for. */
export interface PrivateTokenChallenge {
  /** Encoded TokenChallenge. */
  readonly challenge: Uint8Array
  /** The issuer's public key in its type's encoding; absent where clients get it elsewhere. */
  readonly tokenKey?: Uint8Array
  /** How long the server takes tokens for this challenge. */
  readonly maxAgeSeconds?: number
}

function decode(value: string): Uint8Array {
  try {
    return fromBase64Url(value)
  } catch {
    throw new PrivacyPassError("malformed")
  }
}

/** The value of `Authorization` that spends an encoded token. */
export function formatAuthorization(token: Uint8Array): string {
  return `PrivateToken token="${toBase64Url(token)}"`
}

/**
 * The encoded token of an `Authorization` value; other parameters are ignored. Throws {@link PrivacyPassError}
 * `malformed` unless it holds exactly one token, of exactly this scheme.
 */
export function parseAuthorization(value: string): Uint8Array {
  const [credentials, ...others] = parseAuthParams(value, AUTHORIZATION_CHARACTERS_MAX)
  const token = credentials?.scheme === SCHEME ? credentials.params.get("token") : undefined
  if (token === undefined || others.length > 0) throw new PrivacyPassError("malformed")
  return decode(token)
}

/** The value of `WWW-Authenticate` that poses one challenge. */
export function formatChallenge(challenge: Uint8Array, tokenKey: Uint8Array): string {
  return `PrivateToken challenge="${toBase64Url(challenge)}", token-key="${toBase64Url(tokenKey)}"`
}

function readChallenge(params: ReadonlyMap<string, string>): PrivateTokenChallenge {
  const challenge = params.get("challenge")
  const tokenKey = params.get("token-key")
  const maxAge = params.get("max-age")
  if (challenge === undefined || (maxAge !== undefined && !DIGITS.test(maxAge))) {
    throw new PrivacyPassError("malformed")
  }
  return {
    challenge: decode(challenge),
    ...(tokenKey === undefined ? {} : { tokenKey: decode(tokenKey) }),
    ...(maxAge === undefined ? {} : { maxAgeSeconds: Number(maxAge) }),
  }
}

/**
 * The challenges of this scheme in a `WWW-Authenticate` value, in the server's order; other schemes and parameters are
 * ignored. Throws {@link PrivacyPassError} `malformed`.
 */
export function parseChallenges(value: string): PrivateTokenChallenge[] {
  return parseAuthParams(value, AUTHENTICATE_CHARACTERS_MAX)
    .filter(({ scheme }) => scheme === SCHEME)
    .map(({ params }) => readChallenge(params))
}

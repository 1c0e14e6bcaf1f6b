import { ISSUER_DIRECTORY_CHARACTERS_MAX, ISSUER_KEYS_MAX } from "../limits.ts"
import { fromBase64Url, toBase64Url } from "../wire/base64url.ts"
import { PrivacyPassError } from "./error.ts"
import { TOKEN_TYPE } from "./token.ts"
import { ELEMENT_BYTES } from "./voprf.ts"

/** What an issuer publishes (RFC 9578 section 4), as JSON. */

export const ISSUER_DIRECTORY_PATH = "/.well-known/private-token-issuer-directory"
export const ISSUER_DIRECTORY_MEDIA_TYPE = "application/private-token-issuer-directory"

export interface DirectoryKey {
  readonly tokenType: number
  /** In its type's encoding: for type 0x0005 an element, 32 bytes. */
  readonly tokenKey: Uint8Array
  /** Seconds since 1970; clients should not use the key before. */
  readonly notBefore?: number
}

export interface IssuerDirectory {
  /** Where tokens are asked for, absolute or relative to the directory. */
  readonly issuerRequestUri: string
  /** The preferred ones first. */
  readonly tokenKeys: readonly DirectoryKey[]
}

export function formatDirectory({ issuerRequestUri, tokenKeys }: IssuerDirectory): string {
  return JSON.stringify({
    "issuer-request-uri": issuerRequestUri,
    "token-keys": tokenKeys.map(({ tokenType, tokenKey, notBefore }) => ({
      "token-type": tokenType,
      "token-key": toBase64Url(tokenKey),
      "not-before": notBefore,
    })),
  })
}

type Fields = Readonly<Record<string, unknown>>

function ensure(holds: boolean): asserts holds {
  if (!holds) throw new PrivacyPassError("malformed")
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isWhole(value: unknown, maximum: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= maximum
}

function readKey(value: unknown): DirectoryKey {
  ensure(isFields(value))
  const { "token-type": tokenType, "token-key": text, "not-before": notBefore } = value
  ensure(isWhole(tokenType, 0xffff) && typeof text === "string")
  const tokenKey = fromBase64Url(text)
  ensure(tokenType !== TOKEN_TYPE || tokenKey.length === ELEMENT_BYTES)
  if (notBefore === undefined) return { tokenType, tokenKey }
  ensure(isWhole(notBefore, Number.MAX_SAFE_INTEGER))
  return { tokenType, tokenKey, notBefore }
}

function read(text: string): IssuerDirectory {
  const document: unknown = JSON.parse(text)
  ensure(isFields(document))
  const { "issuer-request-uri": issuerRequestUri, "token-keys": tokenKeys } = document
  ensure(typeof issuerRequestUri === "string" && issuerRequestUri !== "")
  ensure(URL.canParse(issuerRequestUri, "https://issuer.invalid"))
  ensure(Array.isArray(tokenKeys) && tokenKeys.length <= ISSUER_KEYS_MAX)
  return { issuerRequestUri, tokenKeys: tokenKeys.map(readKey) }
}

/** Unknown fields are ignored. Throws {@link PrivacyPassError} `malformed` on anything that is not a directory. */
export function parseDirectory(text: string): IssuerDirectory {
  ensure(text.length <= ISSUER_DIRECTORY_CHARACTERS_MAX)
  try {
    return read(text)
  } catch {
    throw new PrivacyPassError("malformed")
  }
}

/** The public key that tokens of type 0x0005 are asked for with at `now` (in seconds): the first that may be used. */
export function preferredKey({ tokenKeys }: IssuerDirectory, now: number): Uint8Array | undefined {
  return tokenKeys.find(({ tokenType, notBefore = 0 }) => tokenType === TOKEN_TYPE && notBefore <= now)
    ?.tokenKey
}

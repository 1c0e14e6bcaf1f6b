import { PrivacyPassError } from "./error.ts"

/** The syntax of `WWW-Authenticate` and `Authorization` (RFC 9110 section 11), whatever the scheme. */

/** One challenge, or credentials. */
export interface SchemeWithParams {
  /** In lower case. */
  readonly scheme: string
  /** By name in lower case, unquoted. Empty if the scheme has a token68 instead, which ours never has. */
  readonly params: ReadonlyMap<string, string>
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const QUOTED = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"'
const SPACE = "[\\t ]*"
const END = `(?=${SPACE}(?:,|$))`

// A value that is not quoted may end in "=", which is not in a token: base64url with padding is sent like that.
const PARAM = `(${TOKEN})${SPACE}=${SPACE}(${QUOTED}|${TOKEN}=*)${END}`
const TOKEN68 = `[0-9A-Za-z._~+/-]+=*${END}`
const SCHEME = `(${TOKEN})(?:${END}| +(?=${PARAM}|${TOKEN68}))`

const param = new RegExp(PARAM, "y")
const token68 = new RegExp(TOKEN68, "y")
const scheme = new RegExp(SCHEME, "y")
const separator = /[\t ,]*/y

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, "$1") : value
}

/**
 * All challenges of a header value of at most `charactersMax`. Throws {@link PrivacyPassError} `malformed` on anything
 * else, a parameter without a scheme or one that comes twice included.
 */
export function parseAuthParams(value: string, charactersMax: number): SchemeWithParams[] {
  if (value.length > charactersMax) throw new PrivacyPassError("malformed")
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const match = pattern.exec(value) ?? undefined
    at += match?.[0].length ?? 0
    return match
  }
  const found: { scheme: string; params: Map<string, string> }[] = []
  for (take(separator); at < value.length; take(separator)) {
    const [, name, text] = take(param) ?? []
    if (name === undefined || text === undefined) {
      const begun = take(scheme)?.[1]
      if (begun === undefined) throw new PrivacyPassError("malformed")
      found.push({ scheme: begun.toLowerCase(), params: new Map() })
      take(token68)
      continue
    }
    const params = found.at(-1)?.params
    if (params === undefined || params.has(name.toLowerCase())) throw new PrivacyPassError("malformed")
    params.set(name.toLowerCase(), unquoted(text))
  }
  return found
}

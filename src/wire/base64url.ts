/**
 * base64url (RFC 4648 section 5) with padding, as RFC 9577 and RFC 9578 have it. For public values and for tokens,
 * which a header can only carry as text: a string cannot be wiped.
 */

const ALPHABET = /^[A-Za-z0-9_-]*={0,2}$/

export function toBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url" })
}

/** Only the encoding that {@link toBase64Url} makes: padding is required, unused bits are zero. Throws a TypeError. */
export function fromBase64Url(text: string): Uint8Array {
  // The built-in decoder skips white space.
  if (!ALPHABET.test(text)) throw new TypeError("not a base64url string")
  try {
    return Uint8Array.fromBase64(text, { alphabet: "base64url", lastChunkHandling: "strict" })
  } catch {
    throw new TypeError("not a base64url string")
  }
}

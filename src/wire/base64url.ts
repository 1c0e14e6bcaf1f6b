/**
 * base64url (RFC 4648 section 5) with padding, as RFC 9577 and RFC 9578 have it. For public values and for tokens,
 * which a header can only carry as text: a string cannot be wiped. What runtimes have built in came to them late, and `btoa`
 * makes one more string of the bytes.
 */

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
const VALUES = new Map(Array.from(DIGITS, (digit, value) => [digit, value]))
const FORM = /^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}==|[A-Za-z0-9_-]{3}=)?$/

export function toBase64Url(bytes: Uint8Array): string {
  let text = ""
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3)
    const group = (a << 16) | (b << 8) | c
    for (const shift of [18, 12, 6, 0]) text += DIGITS[(group >> shift) & 63]
  }
  const missing = (3 - (bytes.length % 3)) % 3
  return text.slice(0, text.length - missing) + "=".repeat(missing)
}

/** Only the encoding that {@link toBase64Url} makes: padding is required, unused bits are zero. Throws a TypeError. */
export function fromBase64Url(text: string): Uint8Array {
  if (!FORM.test(text)) throw new TypeError("not a base64url string")
  const digits = text.length - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0)
  const bytes = new Uint8Array((digits * 3) >> 2)
  let bits = 0
  for (let at = 0; at < digits; at++) {
    bits = ((bits << 6) | (VALUES.get(text[at] as string) as number)) & 0xffffff
    // The digits of a group after its first end one byte each.
    const place = at % 4
    if (place > 0) bytes[(at >> 2) * 3 + place - 1] = bits >> (6 - 2 * place)
  }
  const unused = (digits * 6) % 8
  if ((bits & ((1 << unused) - 1)) !== 0) throw new TypeError("not a base64url string")
  return bytes
}

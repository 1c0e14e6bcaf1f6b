/**
 * A byte string as a name in memory, such as a map's key: one character for each byte. Not for secrets: it cannot be wiped. Made
 * byte by byte, which for 16 of them is four times as quick as a Buffer's `toString`.
 */
export function byteName(bytes: Uint8Array): string {
  let name = ""
  for (let at = 0; at < bytes.length; at++) name += String.fromCharCode(bytes[at] as number)
  return name
}

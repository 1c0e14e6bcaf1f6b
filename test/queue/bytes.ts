/** Shannon entropy in bits per byte over all the rows together. */
export function entropy(rows: readonly Uint8Array[]): number {
  const counts = new Float64Array(256)
  let total = 0
  for (const row of rows) {
    for (const byte of row) counts[byte] = (counts[byte] as number) + 1
    total += row.length
  }
  return -counts.reduce(
    (sum, count) => (count === 0 ? sum : sum + (count / total) * Math.log2(count / total)),
    0,
  )
}

/** All runs of `length` bytes, in hexadecimal. */
export function windows(bytes: Uint8Array, length: number): Set<string> {
  const found = new Set<string>()
  for (let at = 0; at + length <= bytes.length; at++) found.add(bytes.subarray(at, at + length).toHex())
  return found
}

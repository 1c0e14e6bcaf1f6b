import { CryptoError } from "./provider.ts"

/** The smallest unit of padding: one page. */
export const PADDING_UNIT_BYTES_MIN = 4096
/** The largest padded length that is ever produced, whatever the caller allows. */
export const PADDED_BYTES_MAX = 2 ** 30

/** How lengths are hidden: `doubling` rounds up to the next `unitBytes * 2^k` (PROTOCOL.md section 5.1). */
export interface PaddingPolicy {
  readonly kind: "doubling"
  /** At least 4096. */
  readonly unitBytes: number
}

/**
 * The length to which content of `length` bytes is padded, at most `maximum`. Throws {@link CryptoError} if
 * the content does not fit or the policy is not valid.
 */
export function paddedLength(policy: PaddingPolicy, length: number, maximum = PADDED_BYTES_MAX): number {
  const { unitBytes } = policy
  if (!Number.isSafeInteger(unitBytes) || unitBytes < PADDING_UNIT_BYTES_MIN)
    throw new CryptoError("padding unit")
  if (!Number.isSafeInteger(length) || length < 0) throw new CryptoError("content length")
  const bound = Math.min(maximum, PADDED_BYTES_MAX)
  for (let padded = unitBytes; padded <= bound; padded *= 2) if (padded >= length) return padded
  throw new CryptoError("content longer than the largest padded length")
}

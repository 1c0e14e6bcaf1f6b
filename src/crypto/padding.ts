import { PADDING_UNIT_BYTES_MIN } from "../limits.ts"
import { CryptoError } from "./provider.ts"

/** The largest padded length that is ever produced, whatever the caller allows. */
export const PADDED_BYTES_MAX = 2 ** 30

/**
 * How lengths are hidden (docs/protocol.md section 5.1): `doubling` rounds up to the next `unitBytes * 2^k`, `percentile` to the
 * next multiple of `unitBytes`, as in the Phoenix book.
 */
export interface PaddingPolicy {
  readonly kind: "doubling" | "percentile"
  /** At least PADDING_UNIT_BYTES_MIN. */
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
  const padded = roundedUp(policy, length)
  if (padded > Math.min(maximum, PADDED_BYTES_MAX))
    throw new CryptoError("content longer than the largest padded length")
  return padded
}

function roundedUp({ kind, unitBytes }: PaddingPolicy, length: number): number {
  const units = Math.max(1, Math.ceil(length / unitBytes))
  return unitBytes * (kind === "doubling" ? 2 ** Math.ceil(Math.log2(units)) : units)
}

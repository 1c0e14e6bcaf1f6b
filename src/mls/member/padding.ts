/** The least that encrypted content is padded to, in bytes. */
const PADDED_BYTES_MIN = 256
/** Steps double up to here; longer content is padded to multiples of it. */
const PADDED_STEP_BYTES_MAX = 16_384

/** How long content is with its padding (RFC 9420 section 6.3.1): the next step, so that a length shows little. */
export function paddedLength(length: number): number {
  let step = PADDED_BYTES_MIN
  while (step < length && step < PADDED_STEP_BYTES_MAX) step *= 2
  return Math.ceil(length / step) * step
}

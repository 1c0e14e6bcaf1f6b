import type { Veil } from "./definitions.ts"

/** Random bytes that nobody can foretell. */
export type Random = (bytes: number) => Uint8Array

/**
 * A value under a veil: Laplace noise is added, then it is rounded, and is nothing if that is below nothing. Whatever one
 * request adds to the value changes the odds of each result by a factor of no more than e^(addition / noise).
 */
export function veiled(value: number, { step, noise }: Veil, random: Random): number {
  const noisy = value + noise * (exponential(random) - exponential(random))
  const steps = Math.max(0, Math.round(noisy / step))
  // Shares in steps of a twentieth would not come out as decimals.
  return Number((steps * step).toFixed(2))
}

/** Exponentially distributed with mean 1. */
function exponential(random: Random): number {
  const bytes = random(8)
  const high = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  const low = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4)
  return -Math.log((high + (low + 0.5) / 2 ** 32) / 2 ** 32)
}

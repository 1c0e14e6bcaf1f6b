import type { CryptoProvider } from "./provider.ts"

/** A uniformly distributed integer from 0 to `bound` - 1, for bounds up to 65 536. */
export function randomBelow(crypto: CryptoProvider, bound: number): number {
  const limit = 0x1_0000 - (0x1_0000 % bound)
  for (;;) {
    const [high, low] = crypto.random(2) as unknown as [number, number]
    const value = 256 * high + low
    if (value < limit) return value % bound
  }
}

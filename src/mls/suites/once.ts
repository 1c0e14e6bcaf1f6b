import type { CryptoProvider } from "../../crypto/provider.ts"
import type { CipherSuite } from "../suite.ts"

/** A maker of suites that gives the same one for the same primitives, so that asking for it costs nothing. */
export function oncePerProvider(make: (crypto: CryptoProvider) => CipherSuite) {
  const made = new WeakMap<CryptoProvider, CipherSuite>()
  return (crypto: CryptoProvider): CipherSuite => {
    const known = made.get(crypto)
    if (known !== undefined) return known
    const suite = Object.freeze(make(crypto))
    made.set(crypto, suite)
    return suite
  }
}

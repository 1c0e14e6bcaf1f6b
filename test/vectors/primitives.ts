import { hpkeSuite } from "./hpke.ts"
import { opaqueSuite } from "./opaque.ts"
import type { VectorSuite } from "./suite.ts"
import { wycheproofSuites } from "./wycheproof.ts"

/** The vectors of everything in `src/crypto`. */
export const primitiveSuites: readonly VectorSuite[] = [hpkeSuite, opaqueSuite, ...wycheproofSuites]

import { mlsMessageSuites } from "./mls-messages.ts"
import { mlsPassiveSuite } from "./mls-passive.ts"
import { mlsTreeSuites } from "./mls-tree.ts"
import type { VectorSuite } from "./suite.ts"

/** RFC 9420's vectors, as far as a public observer is concerned. */
export const mlsSuites: VectorSuite[] = [...mlsTreeSuites, ...mlsMessageSuites, mlsPassiveSuite]

import { mlsMessageSuites } from "./mls-messages.ts"
import { mlsPassiveSuite } from "./mls-passive.ts"
import { mlsProtectionSuite } from "./mls-protection.ts"
import { mlsSecretSuites } from "./mls-secrets.ts"
import { mlsTreeSuites } from "./mls-tree.ts"
import { mlsTreeKemSuite } from "./mls-treekem.ts"
import type { VectorSuite } from "./suite.ts"

/** RFC 9420's vectors, of observers and members. */
export const mlsSuites: VectorSuite[] = [
  ...mlsTreeSuites,
  ...mlsMessageSuites,
  ...mlsSecretSuites,
  mlsProtectionSuite,
  mlsTreeKemSuite,
  mlsPassiveSuite,
]

import type { CryptoProvider } from "../crypto/provider.ts"
import type { QueueChange } from "../queue/change.ts"
import type { QueueEngine } from "../queue/engine.ts"
import type { Quota } from "../quota.ts"
import type { Store, Unit, View } from "../store/database.ts"
import type { Authentication } from "./authentication.ts"
import type { Authority } from "./authority.ts"

/** What the groups of operations work with. */
export interface AsParts {
  readonly crypto: CryptoProvider
  readonly store: Store
  readonly engine: QueueEngine
  readonly authority: Authority
  readonly aliasSalt: Uint8Array
  readonly authentication: Authentication
  /** Claims that use packages up, by user or alias. */
  readonly claims: Quota
  /** Seconds since 1970. */
  readonly seconds: () => number
  /** Submits a unit that expects nothing but what its effects check. */
  readonly change: (effects: Unit["effects"]) => Promise<void>
  /** The same for what changes connection queues too. */
  readonly changeQueues: (change: (view: View) => QueueChange) => Promise<void>
}

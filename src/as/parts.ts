import type { CryptoProvider } from "../crypto/provider.ts"
import type { QueueEngine } from "../queue/engine.ts"
import type { Store, Unit } from "../store/database.ts"
import type { Authentication } from "./authentication.ts"
import type { Authority } from "./authority.ts"

/** What the groups of operations work with. */
export interface AsParts {
  readonly crypto: CryptoProvider
  readonly store: Store
  readonly engine: QueueEngine
  readonly authority: Authority
  readonly authentication: Authentication
  /** Seconds since 1970. */
  readonly seconds: () => number
  /** Submits a unit that expects nothing but what its effects check. */
  readonly change: (effects: Unit["effects"]) => Promise<void>
}

import type { CryptoProvider } from "../crypto/provider.ts"
import type { QueueEngine } from "../queue/engine.ts"
import type { Quota } from "../quota.ts"
import type { Unit } from "../store/database.ts"
import type { VeiledStore } from "../veil/store.ts"
import type { Authentication } from "./authentication.ts"
import type { BlockLists } from "./block-lists.ts"
import type { ClientStates } from "./client-state.ts"
import type { Pushes } from "./push/pushes.ts"
import type { QueueConfigs } from "./queue-configs.ts"

/** Long-lived secrets of the QS, 32 bytes each, from outside the data. */
export interface QsSecrets {
  /** X25519: open queue configs. In the order of their making; clients seal to the last one. */
  readonly configSecretKeys: readonly Uint8Array[]
  /** AES-256: seals tickets. */
  readonly ticketKey: Uint8Array
  /** Ed25519 seed: will sign what goes to other servers. */
  readonly signingSeed: Uint8Array
  /** Seed of the key that push services know this server by. */
  readonly pushSeed: Uint8Array
}

/** Veils {@link veiledTables}. */
export type QsStore = Pick<VeiledStore, "get" | "list" | "count" | "partitions" | "writer" | "walk">

/** What the groups of operations work with. */
export interface QsParts {
  readonly crypto: CryptoProvider
  readonly store: QsStore
  readonly engine: QueueEngine
  readonly configs: QueueConfigs
  readonly states: ClientStates
  readonly blockLists: BlockLists
  readonly pushes: Pushes
  readonly authentication: Authentication
  /** Claims that use AddPackages up, by friendship token. */
  readonly claims: Quota
  /** Seconds since 1970. */
  readonly seconds: () => number
  /** Months since January 2020. */
  readonly month: () => number
  /** Submits a unit that expects nothing but what its effects check. */
  readonly change: (effects: Unit["effects"]) => Promise<void>
}

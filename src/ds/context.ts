import type { CryptoProvider } from "../crypto/provider.ts"
import type { Fanout } from "../fanout.ts"
import { KEY_PACKAGE_SECONDS_MAX } from "../limits.ts"
import type { Policy } from "../mls/index.ts"
import { suite1 } from "../mls/suites/suite1.ts"
import { Conflict, type Store, type Unit } from "../store/database.ts"
import { Problem } from "../wire/problem.ts"
import { strangersKey } from "./authentication.ts"
import { type PaddingConfig, RecordPadding } from "./record-padding.ts"
import { GroupRecords } from "./records.ts"

export interface DsConfig {
  readonly padding: PaddingConfig
  /** Members who have not committed for more months than this are proposed to be removed. */
  readonly inactiveMonths: number
  /** Groups in which nothing happened for more months than this are deleted. */
  readonly expiryMonths: number
}

/** What the delivery service is made of. */
export interface DsDependencies {
  readonly store: Store
  readonly crypto: CryptoProvider
  /** The same, but that it may be told of which keys copies are to be looked for: those of groups' records. */
  readonly recordCrypto?: CryptoProvider
  readonly fanout: Fanout
  /** The domain whose queues members may have. */
  readonly domain: string
  readonly config: DsConfig
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Whether `now` can be relied on to say that months have passed. */
  readonly clockSettled: () => boolean
}

/** What its operations share. */
export interface DsContext extends DsDependencies {
  readonly records: GroupRecords
  readonly strangersKey: Uint8Array
}

export function createContext(dependencies: DsDependencies): DsContext {
  const { store, crypto, recordCrypto = crypto, config } = dependencies
  return {
    ...dependencies,
    records: new GroupRecords(store, recordCrypto, new RecordPadding(config.padding)),
    strangersKey: strangersKey(crypto),
  }
}

/** `now` as MLS lifetimes have it. */
export function nowSeconds(context: DsContext): bigint {
  return BigInt(Math.floor(context.now() / 1000))
}

/** What is asked of MLS messages beside RFC 9420's rules. */
export function policyOf(context: DsContext) {
  return {
    now: nowSeconds(context),
    maximumLifetime: BigInt(KEY_PACKAGE_SECONDS_MAX),
    suites: [suite1(context.crypto).id],
  } satisfies Policy
}

/** How often an operation is tried when other requests change the group between its reading and its writing. */
const ATTEMPTS_MAX = 8

/**
 * Submits what `prepare` makes of the group as it is, again and again while the group changes in between. `prepare`
 * gets the number of the attempt; undefined means that there is nothing to do.
 *
 * @throws Problem `server.overloaded` when others are always quicker
 */
export async function submitPrepared(
  context: DsContext,
  prepare: (attempt: number) => Unit | undefined,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const unit = prepare(attempt)
    if (unit === undefined) return
    try {
      await context.store.writer.submit(unit)
      return
    } catch (error) {
      if (!(error instanceof Conflict)) throw error
    }
  }
  throw new Problem("server.overloaded")
}

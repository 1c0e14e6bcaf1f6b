import type { CryptoProvider } from "../crypto/provider.ts"
import type { QueueEngine } from "../queue/engine.ts"
import type { Store } from "../store/database.ts"
import type { as } from "../wire/as.ts"
import type { Handlers } from "../wire/call.ts"
import { accountHandlers } from "./accounts.ts"
import { Authentication } from "./authentication.ts"
import { type AsKeys, Authority } from "./authority.ts"
import { connectionHandlers } from "./connections.ts"
import { credentialHandlers } from "./credentials.ts"
import type { AsParts } from "./parts.ts"
import { type PendingLimits, PendingRegistrations } from "./pending.ts"

export interface AsOptions {
  readonly store: Store
  readonly crypto: CryptoProvider
  /** Over the table `as_queue`; a queue's id is its client's id. */
  readonly engine: QueueEngine
  readonly keys: AsKeys
  readonly domain: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly pendingLimits?: PendingLimits
}

/** The authentication service (PROTOCOL.md section 4): the only place where real identities are used. */
export interface As {
  readonly handlers: Handlers<typeof as>
  /** From now on these keys count; the caller overwrites those before. */
  replaceKeys(keys: AsKeys): void
}

export function createAs(options: AsOptions): As {
  const { crypto, engine, keys, store, domain, now } = options
  const seconds = () => Math.floor(now() / 1000)
  const authority = new Authority(crypto, keys, seconds)
  const parts: AsParts = {
    crypto,
    store,
    engine,
    authority,
    authentication: new Authentication(crypto, store, domain, authority),
    seconds,
    change: (effects) => store.writer.submit({ expects: [], effects }),
  }
  return {
    handlers: {
      ...credentialHandlers(parts),
      ...accountHandlers(parts, new PendingRegistrations(now, options.pendingLimits)),
      ...connectionHandlers(parts),
    },
    replaceKeys: (next) => authority.replace(next),
  }
}

import type { CryptoProvider } from "../crypto/provider.ts"
import type { QueueEngine } from "../queue/engine.ts"
import { claimLimits, Quota, type QuotaLimits } from "../quota.ts"
import type { Store } from "../store/database.ts"
import type { credentials } from "../wire/as/credentials.ts"
import type { as } from "../wire/as.ts"
import type { Handlers } from "../wire/call.ts"
import { accountHandlers } from "./accounts.ts"
import { aliasHandlers } from "./aliases.ts"
import { Authentication } from "./authentication.ts"
import { connectionHandlers } from "./connections.ts"
import type { AsKeys, AsParts } from "./parts.ts"
import { type PendingLimits, PendingRegistrations } from "./pending.ts"
import { profileHandlers } from "./profiles.ts"

export interface AsOptions {
  readonly store: Store
  readonly crypto: CryptoProvider
  /** Over the table `as_queue`, which has the queues of clients and of aliases. */
  readonly engine: QueueEngine
  readonly keys: AsKeys
  readonly domain: string
  /** 32 bytes from outside the data. Kept, not copied. */
  readonly aliasSalt: Uint8Array
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly pendingLimits?: PendingLimits
  readonly claimLimits?: QuotaLimits
}

/** The authentication service (PROTOCOL.md section 4): the only place where real identities are used. */
export interface As {
  readonly handlers: Handlers<typeof as>
}

export function createAs(options: AsOptions): As {
  const { crypto, engine, keys, store, domain, aliasSalt, now } = options
  const parts: AsParts = {
    crypto,
    store,
    engine,
    keys,
    aliasSalt,
    authentication: new Authentication(crypto, store, domain, keys.revoked ?? []),
    claims: new Quota(crypto, now, options.claimLimits ?? claimLimits),
    seconds: () => Math.floor(now() / 1000),
    change: (effects) => store.writer.submit({ expects: [], effects }),
  }
  return {
    handlers: {
      ...credentialHandlers(parts),
      ...accountHandlers(parts, new PendingRegistrations(now, options.pendingLimits)),
      ...connectionHandlers(parts),
      ...aliasHandlers(parts),
      ...profileHandlers(parts),
    },
  }
}

function credentialHandlers({ keys, aliasSalt }: AsParts): Handlers<typeof credentials> {
  return {
    async getCredentials() {
      return {
        credentials: [...keys.asCredentials],
        intermediates: [...keys.intermediates],
        revoked: [...(keys.revoked ?? [])],
        aliasSalt,
      }
    },
  }
}

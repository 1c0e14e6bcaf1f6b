import { OpaqueServer } from "../crypto/opaque/server.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { submitChange } from "../queue/change.ts"
import type { QueueEngine } from "../queue/engine.ts"
import { claimLimits, Quota, type QuotaLimits } from "../quota.ts"
import type { Store } from "../store/database.ts"
import type { as } from "../wire/as.ts"
import type { Handlers } from "../wire/call.ts"
import { accountHandlers } from "./accounts.ts"
import { aliasHandlers } from "./aliases.ts"
import { Authentication } from "./authentication.ts"
import { type AsKeys, Authority } from "./authority.ts"
import { connectionHandlers } from "./connections.ts"
import { credentialHandlers } from "./credentials.ts"
import { deleteUser } from "./deletion.ts"
import { type InvitationPolicy, Invitations } from "./invitations.ts"
import { type Issuance, issuanceHandlers } from "./issuance.ts"
import { type LoginLimits, Logins } from "./logins.ts"
import type { AsParts } from "./parts.ts"
import { type PendingLimits, PendingRegistrations } from "./pending.ts"
import { profileHandlers } from "./profiles.ts"
import { users } from "./tables.ts"
import { listUsers, type UserSummary } from "./users.ts"

export interface AsOptions {
  readonly store: Store
  readonly crypto: CryptoProvider
  /** Over the table `as_queue`, which has the queues of clients and of aliases. */
  readonly engine: QueueEngine
  readonly keys: AsKeys
  readonly issuance: Issuance
  /** Of the domain; see {@link makeOpaqueSetup}. */
  readonly opaqueSetup: Uint8Array
  readonly invitations: InvitationPolicy
  readonly domain: string
  /** 32 bytes from outside the data. Kept, not copied. */
  readonly aliasSalt: Uint8Array
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly pendingLimits?: PendingLimits
  readonly loginLimits?: LoginLimits
  readonly claimLimits?: QuotaLimits
}

/** The authentication service (docs/protocol.md section 4): the only place where real identities are used. */
export interface As {
  readonly handlers: Handlers<typeof as>
  /** From now on these keys count; the caller overwrites those before. */
  replaceKeys(keys: AsKeys): void
  /** All users, in the order of their ids, some at a time. */
  users(): AsyncIterable<readonly UserSummary[]>
  /** Deletes a user as deleting the account does; resolves with whether there was one. */
  deleteUser(user: Uint8Array): Promise<boolean>
  /** Deletes what is of no use any more. To be called at start and about once a day. */
  sweep(): Promise<void>
}

export function createAs(options: AsOptions): As {
  const { crypto, engine, keys, store, domain, aliasSalt, now } = options
  const seconds = () => Math.floor(now() / 1000)
  const authority = new Authority(crypto, keys, seconds)
  const parts: AsParts = {
    crypto,
    store,
    engine,
    authority,
    aliasSalt,
    authentication: new Authentication(crypto, store, domain, authority),
    claims: new Quota(crypto, now, options.claimLimits ?? claimLimits),
    seconds,
    change: (effects) => store.writer.submit({ expects: [], effects }),
    changeQueues: (change) => submitChange(store.writer, change),
  }
  const invitations = new Invitations(crypto, options.invitations, seconds)
  return {
    handlers: {
      ...credentialHandlers(parts),
      ...accountHandlers(parts, {
        opaque: new OpaqueServer(options.opaqueSetup, domain),
        pending: new PendingRegistrations(now, options.pendingLimits),
        logins: new Logins(now, options.loginLimits),
        invitations,
      }),
      ...connectionHandlers(parts),
      ...aliasHandlers(parts),
      ...profileHandlers(parts),
      ...issuanceHandlers(parts, options.issuance),
    },
    replaceKeys: (next) => authority.replace(next),
    users: () => listUsers(store),
    async deleteUser(user) {
      if (store.get(users, { user }) === undefined) return false
      await parts.changeQueues((view) => deleteUser(engine, view, user))
      return true
    },
    sweep: () => invitations.forgetExpired(store, store.writer),
  }
}

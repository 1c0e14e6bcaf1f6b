import type { CryptoProvider } from "../crypto/provider.ts"
import { formatUserId, userOfClient } from "../wire/user-id.ts"
import type { BlockedUsers } from "./blocked-users.ts"
import type { StoredEvent } from "./event-records.ts"
import type { EventLog } from "./events.ts"
import type { Identity } from "./identity.ts"
import type { Membership } from "./mls/member.ts"
import type { RegisteredAccount } from "./records.ts"
import type { ClientStore, StoreChange } from "./store.ts"
import type { Transport } from "./transport.ts"
import type { Trust } from "./trust.ts"

/** What every part of a registered client works with. */
export interface ClientContext {
  /** As it is now: {@link identity} renews its credential. Take it anew for each operation. */
  readonly account: RegisteredAccount
  readonly identity: Identity
  readonly crypto: CryptoProvider
  readonly membership: Membership
  readonly store: ClientStore
  readonly transport: Transport
  readonly trust: Trust
  readonly events: EventLog
  readonly blocked: BlockedUsers
  readonly signal: AbortSignal
  readonly patienceMilliseconds: number
}

/** Own user id, `uuid@domain`. */
export function ownUser({ account }: Pick<ClientContext, "account">): string {
  return formatUserId(userOfClient(account.clientId), account.domain)
}

/** Writes state and the events that it brings, in one transaction. */
export async function commitChanges(
  context: ClientContext,
  changes: readonly StoreChange[],
  events: readonly StoredEvent[] = [],
): Promise<void> {
  const recorded = context.events.record(events)
  await context.store.transaction([...changes, ...recorded.changes])
  recorded.written()
}

import type { CryptoProvider } from "../crypto/provider.ts"
import { CryptoError } from "../crypto/provider.ts"
import { MlsError } from "../mls/error.ts"
import { CredentialError } from "../wire/credentials.ts"
import { CodecError } from "../wire/tls.ts"
import { formatUserId, userOfClient } from "../wire/user-id.ts"
import type { EventLog } from "./events.ts"
import { MemberError, type Membership } from "./mls/member.ts"
import type { Account, StoredEvent } from "./records.ts"
import type { ClientStore, StoreChange } from "./store.ts"
import type { Signer, Transport } from "./transport.ts"
import type { Trust } from "./trust.ts"

/** What every part of a registered client works with. */
export interface ClientContext {
  readonly account: RegisteredAccount
  readonly crypto: CryptoProvider
  readonly membership: Membership
  readonly store: ClientStore
  readonly transport: Transport
  readonly trust: Trust
  readonly events: EventLog
  readonly signal: AbortSignal
  readonly patienceMilliseconds: number
}

export type RegisteredAccount = Account & {
  readonly credential: Uint8Array
  readonly qs: NonNullable<Account["qs"]>
}

/** Signs what the client does at the AS. */
export function clientSigner({ clientId, clientSeed }: Pick<Account, "clientId" | "clientSeed">): Signer {
  return { sender: { kind: "client", id: clientId }, seed: clientSeed }
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

/** Whether an error says that something of somebody else does not verify, and not that something is broken here. */
export function isRefusal(error: unknown): boolean {
  return (
    error instanceof MemberError ||
    error instanceof CredentialError ||
    error instanceof CryptoError ||
    error instanceof CodecError ||
    error instanceof MlsError
  )
}

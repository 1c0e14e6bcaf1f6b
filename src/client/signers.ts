import type { Account, AliasRecord, RegisteredAccount } from "./records.ts"
import type { Signer } from "./transport.ts"

/** Signs what the client does at the AS. */
export function clientSigner({ clientId, clientSeed }: Pick<Account, "clientId" | "clientSeed">): Signer {
  return { sender: { kind: "client", id: clientId }, seed: clientSeed }
}

/** Signs what is done at the AS for an alias. */
export function aliasSigner({ hash, authSeed }: Pick<AliasRecord, "hash" | "authSeed">): Signer {
  return { sender: { kind: "alias", id: hash }, seed: authSeed }
}

/** Signs what is done at the QS for all clients of the user. */
export function queueUserSigner({ qs, qsUserSeed }: Pick<RegisteredAccount, "qs" | "qsUserSeed">): Signer {
  return { sender: { kind: "qs-user", id: qs.user }, seed: qsUserSeed }
}

/** Signs what the client does at the QS. */
export function queueSigner({ qs, qsClientSeed }: Pick<RegisteredAccount, "qs" | "qsClientSeed">): Signer {
  return { sender: { kind: "qs-client", id: qs.client }, seed: qsClientSeed }
}

import type { Account } from "./records.ts"
import type { Signer } from "./transport.ts"

/** Signs what the client does at the AS. */
export function clientSigner({ clientId, clientSeed }: Pick<Account, "clientId" | "clientSeed">): Signer {
  return { sender: { kind: "client", id: clientId }, seed: clientSeed }
}

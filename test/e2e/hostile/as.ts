import { nativeCrypto } from "../../../src/crypto/native.ts"
import type { as } from "../../../src/wire/as.ts"
import { accountAttacks, hostileCsrs } from "./accounts.ts"
import { aliasAttacks } from "./aliases.ts"
import { connectionAttacks } from "./connections.ts"
import type { Neighbour } from "./neighbour.ts"
import { signedBy } from "./parts.ts"
import type { AttackTable } from "./siege.ts"
import { tokenAttacks } from "./tokens.ts"

/** What each operation of the AS is attacked with. The neighbour is exhausted. */
export function asAttacks(neighbour: Neighbour): AttackTable<typeof as> {
  const { clientId } = neighbour.store.account()
  return {
    ...accountAttacks(neighbour),
    ...connectionAttacks(neighbour),
    ...aliasAttacks(neighbour),
    ...tokenAttacks,

    getCredentials: () => ({}),

    renewCredential: (forger) => ({
      "as.invalid-csr": {
        ...hostileCsrs(forger),
        "somebody else's": signedBy(neighbour.identity("client"), forger),
      },
    }),

    updateUserProfile: () => ({}),

    fetchUserProfile: (forger) => ({
      "as.unknown-user": {
        "nobody's": forger.params({ user: nativeCrypto.random(16) }),
        "a client's second half": forger.params({ user: clientId.slice(16) }),
      },
    }),
  }
}

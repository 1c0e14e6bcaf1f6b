import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import type { connections } from "../../../src/wire/as/connections.ts"
import { decodeConnectionPackage, makeConnectionPackage } from "../../../src/wire/connection.ts"
import { clientPackages, firstPackage, tooMany } from "./connection-packages.ts"
import type { Neighbour } from "./neighbour.ts"
import { cursorsTwice, variants } from "./parts.ts"
import type { AttackTable } from "./siege.ts"

const { random } = crypto
const now = () => Math.floor(Date.now() / 1000)

/** What connecting by user ids is attacked with. The neighbour's queue is full. */
export function connectionAttacks(neighbour: Neighbour): AttackTable<typeof connections> {
  const { clientId } = neighbour.store.account()
  const alias = neighbour.alias.hash
  return {
    publishConnectionPackages: (forger) => {
      const { clientCredential } = decodeConnectionPackage(firstPackage(forger))
      const make = (key: Uint8Array) =>
        makeConnectionPackage(crypto, forger.seed, clientCredential, key, now())
      return {
        "as.invalid-connection-package": variants(
          forger,
          "connectionPackages",
          clientPackages(forger, neighbour.connectionPackages),
        ),
        "as.too-many-connection-packages": variants(forger, "connectionPackages", tooMany(make)),
      }
    },

    claimConnectionPackage: (forger) => ({
      "as.no-connection-package": {
        "of nobody": forger.params({ user: random(16) }),
        "of a client's second half": forger.params({ user: clientId.slice(16) }),
        "of half an alias": forger.params({ user: alias.slice(0, 16) }),
      },
    }),

    enqueue: (forger) => ({
      "as.unknown-queue": {
        "nobody's": forger.params({ client: random(32) }),
        "another client's of somebody": forger.params({
          client: Uint8Array.of(...clientId.subarray(0, 16), ...random(16)),
        }),
        "an alias's": forger.params({ client: alias }),
      },
      "queue.full": { "a full one": forger.params({ client: clientId }) },
    }),

    dequeue: cursorsTwice,
  }
}

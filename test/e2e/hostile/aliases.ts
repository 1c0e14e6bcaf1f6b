import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import { KEY_BYTES } from "../../../src/limits.ts"
import { makeAliasPackage } from "../../../src/wire/alias-package.ts"
import type { aliases } from "../../../src/wire/as/aliases.ts"
import type { Forger } from "../forger.ts"
import { aliasOf, aliasPackages, tooMany } from "./connection-packages.ts"
import type { Neighbour } from "./neighbour.ts"
import { cursorsTwice, filled, signedBy, unusableQueueKey, variants } from "./parts.ts"
import { type AttackTable, unknownName } from "./siege.ts"

const { random } = crypto
const now = () => Math.floor(Date.now() / 1000)

/** What aliases are attacked with. The queue of the neighbour's is full. */
export function aliasAttacks(neighbour: Neighbour): AttackTable<typeof aliases> {
  const { clientId } = neighbour.store.account()
  const { kid } = neighbour.identity("alias")
  const alias = neighbour.alias.hash
  const hostile = (forger: Forger) =>
    variants(forger, "connectionPackages", aliasPackages(forger, neighbour.alias.connectionPackages))
  return {
    registerAlias: (forger) => {
      const seed = random(32)
      const authKey = crypto.ed25519Public(seed)
      const squat = (connectionPackages: readonly Uint8Array[]) =>
        signedBy({ kid, seed }, forger, { ...forger.claimed, authKey, connectionPackages })
      return {
        "auth.refused": {
          "somebody else's key": forger.params({ authKey: crypto.ed25519Public(neighbour.alias.authSeed) }),
          "no key": forger.params({ authKey: filled(KEY_BYTES, 0) }),
        },
        "as.alias-exists": {
          "somebody's alias": squat([
            makeAliasPackage(crypto, alias, seed, crypto.x25519Public(random(32)), now()),
          ]),
        },
        "as.invalid-connection-package": {
          ...hostile(forger),
          "somebody's alias, with the packages of it": squat(neighbour.alias.connectionPackages),
          "somebody's alias, with the packages of the own": forger.signed({ kid }),
          "another alias, with the packages of the own": forger.signed({ kid: unknownName("alias") }),
          "another key than the packages'": signedBy({ kid: forger.kid, seed }, forger, {
            ...forger.claimed,
            authKey,
          }),
        },
        "request.malformed": unusableQueueKey(forger),
      }
    },

    deleteAlias: () => ({}),

    publishAliasConnectionPackages: (forger) => {
      const own = aliasOf(forger)
      const make = (key: Uint8Array) => makeAliasPackage(crypto, own, forger.seed, key, now())
      return {
        "as.invalid-connection-package": hostile(forger),
        "as.too-many-connection-packages": variants(forger, "connectionPackages", tooMany(make)),
      }
    },

    claimAliasConnectionPackage: (forger) => ({
      "as.no-connection-package": {
        "under nobody's": forger.params({ alias: random(32) }),
        "of a client": forger.params({ alias: clientId }),
      },
    }),

    enqueueAlias: (forger) => ({
      "as.unknown-queue": {
        "nobody's": forger.params({ alias: random(32) }),
        "a client's": forger.params({ alias: clientId }),
      },
      "queue.full": { "a full one": forger.params({ alias }) },
    }),

    dequeueAlias: cursorsTwice,
  }
}

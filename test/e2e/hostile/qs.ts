import type { Transport } from "../../../src/client/transport.ts"
import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import { BLOCKED_GROUPS_MAX, CLIENTS_PER_USER_MAX, ID_BYTES, KEY_BYTES } from "../../../src/limits.ts"
import { qs } from "../../../src/wire/qs.ts"
import { flipBit } from "../../as/fixtures.ts"
import type { Attacks, Forger } from "../forger.ts"
import { type AddPackages, hostileAddPackages } from "./add-packages.ts"
import type { Neighbour, QueueOwner } from "./neighbour.ts"
import { cursorsTwice, signedBy, unusableQueueKey, variants } from "./parts.ts"
import { type AttackTable, type Identity, identity } from "./siege.ts"

const { random } = crypto
const freshKeys = () => ({
  clientAuthKey: crypto.ed25519Public(random(KEY_BYTES)),
  queueKey: crypto.x25519Public(random(KEY_BYTES)),
})

/** A user who has everything that there is a limit on, and has published nothing. */
export interface Hoarder {
  readonly user: Identity
  readonly client: Identity
  readonly friendshipToken: Uint8Array
}

export async function hoard(hand: Transport): Promise<Hoarder> {
  const [userSeed, clientSeed, friendshipToken] = [random(KEY_BYTES), random(KEY_BYTES), random(KEY_BYTES)]
  const { user, client } = await hand.call(qs.createUser, {
    ...freshKeys(),
    userAuthKey: crypto.ed25519Public(userSeed),
    clientAuthKey: crypto.ed25519Public(clientSeed),
    friendshipTokenHash: crypto.sha256(friendshipToken),
  })
  const [asUser, asClient] = [
    { sender: { kind: "qs-user", id: user }, seed: userSeed },
    { sender: { kind: "qs-client", id: client }, seed: clientSeed },
  ] as const
  for (let clients = 1; clients < CLIENTS_PER_USER_MAX; clients++)
    await hand.call(qs.createClient, { ...freshKeys(), pushToken: null }, asUser)
  for (let blocked = 0; blocked < BLOCKED_GROUPS_MAX; blocked++)
    await hand.call(qs.blockGroup, { groupId: random(ID_BYTES) }, asClient)
  return {
    user: identity(asUser.sender, userSeed),
    client: identity(asClient.sender, clientSeed),
    friendshipToken,
  }
}

/** What each operation of the QS is attacked with. `owner` is whose AddPackages are published. */
export function qsAttacks(
  neighbour: Neighbour,
  hoarder: Hoarder,
  owner: () => QueueOwner,
): AttackTable<typeof qs> {
  const { friendshipToken } = neighbour.store.account()
  const taken = (forger: Forger): Attacks => ({
    "somebody else's token": forger.params({ friendshipTokenHash: crypto.sha256(friendshipToken) }),
  })
  return {
    publicKeys: () => ({}),

    createUser: (forger) => ({
      "qs.token-taken": taken(forger),
      "request.malformed": unusableQueueKey(forger),
    }),

    updateUser: (forger) => ({ "qs.token-taken": taken(forger) }),

    getUser: () => ({}),

    deleteUser: () => ({}),

    createClient: (forger) => ({
      "qs.too-many-clients": { "an eleventh": signedBy(hoarder.user, forger) },
      "request.malformed": unusableQueueKey(forger),
    }),

    updateClient: (forger) => ({ "request.malformed": unusableQueueKey(forger) }),

    getClient: () => ({}),

    deleteClient: () => ({}),

    removeClient: (forger) => ({
      "auth.refused": {
        "another user's": forger.params({ client: neighbour.queueOwner.qs.client }),
        "the own, by another user": signedBy(neighbour.identity("qs-user"), forger),
        "nobody's": forger.params({ client: random(ID_BYTES) }),
        "a user": forger.params({ client: neighbour.queueOwner.qs.user }),
      },
    }),

    publishAddPackages: (forger) => {
      const real = forger.claimed["addPackages"] as AddPackages
      return {
        "qs.invalid-add-packages": {
          ...variants(forger, "addPackages", hostileAddPackages(real, owner(), neighbour)),
          "by another client": signedBy(neighbour.identity("qs-client"), forger),
        },
      }
    },

    claimAddPackages: (forger) => {
      const token = forger.claimed["friendshipToken"] as Uint8Array
      return {
        "qs.no-add-package": variants(forger, "friendshipToken", {
          "nobody's": random(KEY_BYTES),
          "a token's hash": crypto.sha256(token),
          "a bit of it changed": flipBit(token, 0),
          "of who has none": hoarder.friendshipToken,
        }),
      }
    },

    blockGroup: (forger) => ({
      "qs.too-many-blocked-groups": { "one more": signedBy(hoarder.client, forger) },
    }),

    unblockGroup: () => ({}),

    dequeue: cursorsTwice,
  }
}

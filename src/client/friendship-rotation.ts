import { EARLIER_FRIENDSHIP_KEYS_MAX, EARLIER_FRIENDSHIP_SECONDS, KEY_BYTES } from "../limits.ts"
import { qs } from "../wire/qs.ts"
import type { ClientContext } from "./context.ts"
import { ClientError } from "./errors.ts"
import { Lock } from "./lock.ts"
import { pause, spreadMilliseconds } from "./pace.ts"
import { at, change, load, removal } from "./record-store.ts"
import { EarlierFriendships, Mark, Rotation } from "./records.ts"
import type { Sessions } from "./sessions.ts"
import { queueUserSigner } from "./signers.ts"
import type { StoreChange } from "./store.ts"
import type { Tasks } from "./tasks.ts"

/** The pauses between what the QS sees of a rotation, in mean pauses of the client. */
const STEP_PAUSES = 100
/** The pause before what the AS sees of it: nobody may find out by the time which pseudonym at the QS is whose. */
const PROFILE_PAUSES = 10_000

export interface RotationParts {
  readonly context: ClientContext
  readonly sessions: Sessions
  readonly tasks: Tasks
  /** Mean of the random pauses that the client makes between steps. */
  readonly spreadMilliseconds: number
  /** Replaces the published AddPackages by new ones. */
  readonly publish: () => Promise<void>
  /** Sends the own profile again. */
  readonly renewProfile: () => Promise<void>
  /** Sends the friendship package in a connection group at a random time with this mean. */
  readonly pay: (group: string, meanMilliseconds: number) => void
}

/** A device may sleep or set its clock: whether something is due is looked at anew at the latest after this. */
const LOOK_MILLISECONDS_MAX = 3_600_000

/**
 * Friendship rotation (glossary of the Phoenix book): new keys for all contacts, so that those before are worth nothing to
 * whoever has them and should not. Step by step, at random times, each stored before it is done: the QS learns the new token's
 * hash, and the old one claims nothing any more; AddPackages are published under the new key; each contact is sent the new
 * package in its connection group; and much later the AS gets the profile under the new key. Until a contact has the new
 * package it cannot add this client to a group.
 */
export class FriendshipRotation {
  readonly #parts: RotationParts
  readonly #lock = new Lock()

  constructor(parts: RotationParts) {
    this.#parts = parts
  }

  /** What has {@link goOn} rotate anew, to be stored with what it is wanted for. */
  static get wanted(): StoreChange {
    return change(Mark, at.rotationWanted, {})
  }

  /** Resolves when it is stored that a rotation is wanted. */
  async begin(): Promise<void> {
    await this.#parts.context.store.transaction([FriendshipRotation.wanted])
    this.goOn()
  }

  /** Carries on in the background with whatever the store says. */
  goOn(): void {
    const { context, tasks } = this.#parts
    tasks.start(async () => {
      for (;;) {
        const due = await this.#lock.run(() => this.#step())
        if (due === undefined) return
        const wait = 1000 * (due - context.transport.now())
        await pause(Math.min(Math.max(0, wait), LOOK_MILLISECONDS_MAX), context.signal)
      }
    })
  }

  /** Does what is due, and says when the next step is; undefined: there is none. */
  async #step(): Promise<number | undefined> {
    const { store, transport } = this.#parts.context
    if ((await load(store, Mark, at.rotationWanted)) !== undefined) await this.#start()
    const rotation = await load(store, Rotation, at.rotation)
    if (rotation === undefined) return undefined
    if (rotation.due <= transport.now()) await this.#stages[rotation.stage](rotation)
    return (await load(store, Rotation, at.rotation))?.due
  }

  async #start(): Promise<void> {
    const { crypto, store, transport } = this.#parts.context
    const fresh = {
      friendshipToken: crypto.random(KEY_BYTES),
      friendshipKey: crypto.random(KEY_BYTES),
      profileKey: crypto.random(KEY_BYTES),
      stage: "token" as const,
      due: transport.now(),
    }
    await store.transaction([change(Rotation, at.rotation, fresh), removal(at.rotationWanted)])
  }

  readonly #stages: Readonly<Record<Rotation["stage"], (rotation: Rotation) => Promise<void>>> = {
    token: async (rotation) => {
      const { crypto, identity, store } = this.#parts.context
      if (!(await this.#replaceToken(rotation))) {
        const another = { ...rotation, friendshipToken: crypto.random(KEY_BYTES) }
        await store.transaction([change(Rotation, at.rotation, another)])
        return
      }
      const { friendshipToken, friendshipKey, profileKey } = rotation
      const changes = [await this.#keepEarlier(), this.#next(rotation, "packages", STEP_PAUSES)]
      await identity.replaceFriendship({ friendshipToken, friendshipKey, profileKey }, changes)
    },
    packages: async (rotation) => {
      await this.#parts.publish()
      await this.#parts.context.store.transaction([this.#next(rotation, "contacts", STEP_PAUSES)])
    },
    contacts: async (rotation) => {
      await this.#owe()
      await this.#parts.context.store.transaction([this.#next(rotation, "profile", PROFILE_PAUSES)])
    },
    profile: async () => {
      await this.#parts.renewProfile()
      await this.#parts.context.store.transaction([removal(at.rotation)])
    },
  }

  /** A repetition changes nothing. False: the token is somebody else's. */
  async #replaceToken({ friendshipToken }: Rotation): Promise<boolean> {
    const { account, crypto, transport } = this.#parts.context
    const params = {
      userAuthKey: crypto.ed25519Public(account.qsUserSeed),
      friendshipTokenHash: crypto.sha256(friendshipToken),
    }
    try {
      await transport.call(qs.updateUser, params, queueUserSigner(account))
      return true
    } catch (error) {
      if (error instanceof ClientError && error.code === "qs.token-taken") return false
      throw error
    }
  }

  /** The account's friendship key, for what contacts have sealed to it already. */
  async #keepEarlier(): Promise<StoreChange> {
    const { account, store, transport } = this.#parts.context
    const now = transport.now()
    const { keys } = (await load(store, EarlierFriendships, at.earlierFriendships)) ?? { keys: [] }
    const last = { friendshipKey: account.friendshipKey, until: now + EARLIER_FRIENDSHIP_SECONDS }
    const kept = [last, ...keys.filter(({ until }) => until > now)].slice(0, EARLIER_FRIENDSHIP_KEYS_MAX)
    return change(EarlierFriendships, at.earlierFriendships, { keys: kept })
  }

  #next(rotation: Rotation, stage: Rotation["stage"], pauses: number): StoreChange {
    const { context, spreadMilliseconds: mean } = this.#parts
    const due = context.transport.now() + Math.round(spreadMilliseconds(pauses * mean) / 1000)
    return change(Rotation, at.rotation, { ...rotation, stage, due })
  }

  /** From now on each contact is owed the new package. */
  async #owe(): Promise<void> {
    const { context, sessions, pay, spreadMilliseconds: mean } = this.#parts
    for (const session of sessions.all()) {
      await session.locked(async () => {
        const { current } = session
        const peer = current?.facts.connection?.peer ?? null
        if (current === undefined || peer === null || context.blocked.has(peer)) return
        await session.write({ ...current, facts: { ...current.facts, owesFriendship: true } })
      })
      if (session.current?.facts.owesFriendship === true) pay(session.id, STEP_PAUSES * mean)
    }
  }
}

/** The friendship keys that a Welcome's attribution may be sealed to, the present one first. */
export async function friendshipKeys({ account, store, transport }: ClientContext): Promise<Uint8Array[]> {
  const { keys } = (await load(store, EarlierFriendships, at.earlierFriendships)) ?? { keys: [] }
  const kept = keys.filter(({ until }) => until > transport.now())
  return [account.friendshipKey, ...kept.map(({ friendshipKey }) => friendshipKey)]
}

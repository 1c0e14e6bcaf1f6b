import { wipe } from "../crypto/wipe.ts"
import { fromHex } from "../wire/bytes.ts"
import { type ClientContext, commitChanges } from "./context.ts"
import { ClientError } from "./errors.ts"
import type { StoredEvent } from "./event-records.ts"
import { GroupRecord } from "./group-records.ts"
import { Lock } from "./lock.ts"
import type { GroupMember } from "./mls/member.ts"
import { at, change, load, removal } from "./record-store.ts"
import type { StoreChange } from "./store.ts"

/** What a client knows of one group. Values: every step makes new ones. */
export interface GroupState {
  readonly facts: Omit<GroupRecord, "member">
  readonly member: GroupMember
}

/**
 * One group: its state in memory and in the store, which always agree, and the lock under which both change. Operations
 * of the application and messages from the queue take turns.
 */
export class GroupSession {
  readonly context: ClientContext
  /** Hexadecimal. */
  readonly id: string
  readonly groupId: Uint8Array
  readonly #lock = new Lock()
  readonly #turns = new Lock()
  #state: GroupState | undefined
  #version = 0
  readonly #listeners = new Set<() => void>()
  /** Operations that turned out to be accepted since this client was started. */
  readonly accepted = new Set<string>()

  private constructor(context: ClientContext, id: string, state: GroupState | undefined) {
    this.context = context
    this.id = id
    this.groupId = fromHex(id)
    this.#state = state
  }

  /** A group that the client does not know yet; {@link write} makes it known. */
  static unknown(context: ClientContext, id: string): GroupSession {
    return new GroupSession(context, id, undefined)
  }

  static async load(context: ClientContext, id: string): Promise<GroupSession> {
    const record = await load(context.store, GroupRecord, at.group(id))
    if (record === undefined) return GroupSession.unknown(context, id)
    const { member, ...facts } = record
    return new GroupSession(context, id, { facts, member: context.membership.restore(member) })
  }

  /** Undefined: not a member, or not any more. */
  get current(): GroupState | undefined {
    return this.#state
  }

  /** Throws ClientError `client.removed` if this client is not a member. */
  get state(): GroupState {
    if (this.#state === undefined) throw new ClientError("client.removed")
    return this.#state
  }

  /** Counts changes. */
  get version(): number {
    return this.#version
  }

  locked<T>(work: () => Promise<T>): Promise<T> {
    return this.#lock.run(work)
  }

  /** Carries out one operation after the other, in the order of asking, whatever each has to wait for. Not under the lock. */
  inTurn<T>(operation: () => Promise<T>): Promise<T> {
    return this.#turns.run(operation)
  }

  /** Stores the next state with events and other changes in one transaction; only to be called under the lock. */
  async write(
    next: GroupState | undefined,
    events: readonly StoredEvent[] = [],
    changes: readonly StoreChange[] = [],
  ): Promise<void> {
    const key = at.group(this.id)
    const own =
      next === undefined
        ? removal(key)
        : change(GroupRecord, key, { ...next.facts, member: next.member.serialize() })
    await commitChanges(this.context, [own, ...changes], events)
    own.value?.fill(0)
    if (next === undefined) this.#forget()
    this.#state = next
    this.#version += 1
    for (const listener of this.#listeners) listener()
  }

  #forget(): void {
    const state = this.#state
    state?.member.wipe()
    wipe(state?.facts.earKey, state?.facts.credentialKey)
  }

  /**
   * Waits until the group has changed since {@link version} had that value. Throws ClientError `client.contended` if it
   * does not within the client's patience, `client.closed`.
   */
  changedSince(version: number): Promise<void> {
    if (this.#version !== version) return Promise.resolve()
    const { signal, patienceMilliseconds } = this.context
    return new Promise((resolve, reject) => {
      const settle = (error?: ClientError): void => {
        clearTimeout(timer)
        this.#listeners.delete(settle)
        signal.removeEventListener("abort", close)
        if (error instanceof ClientError) reject(error)
        else resolve()
      }
      const close = (): void => settle(new ClientError("client.closed"))
      const timer = setTimeout(() => settle(new ClientError("client.contended")), patienceMilliseconds)
      this.#listeners.add(settle as () => void)
      if (signal.aborted) close()
      else signal.addEventListener("abort", close, { once: true })
    })
  }
}

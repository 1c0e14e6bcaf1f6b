import type { Static } from "@sinclair/typebox"
import type { GroupRecord, PendingOperation } from "../../src/client/group-records.ts"
import { ownMembership } from "../../src/client/mls/own-membership.ts"
import type { ClientStore, StoreChange } from "../../src/client/store.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { decodeMlsMessage } from "../../src/mls/codec/message.ts"
import { equal, fromUtf8, toHex, utf8 } from "../../src/wire/bytes.ts"
import { decodeBody } from "../../src/wire/cbor.ts"

/** One epoch of a group as one client held it: `commit` if it was the client's own, `resync`, `other` from the queue. */
export interface Held {
  readonly epoch: number
  /** Exported from the epoch's secrets: equal for those who are in the same epoch of the same history. */
  readonly secret: string
  /** `leaf user`, as the client says, and the leaves of its tree. */
  readonly members: readonly string[]
  readonly leaves: readonly number[]
  readonly by: "begin" | "commit" | "resync" | "queue"
}

/** What one client knew of one group, in order; `undefined` for the time after it was in it. */
export type Past = (Held | undefined)[]

type Record = Static<typeof GroupRecord>

const membership = ownMembership(crypto)

/** A store that remembers what went through it: what the client held at any time, whatever it says now. */
export class Witness implements ClientStore {
  readonly #inner: ClientStore
  readonly pasts = new Map<string, Past>()
  /** Which of the groups are connection groups. */
  readonly connections = new Set<string>()
  /** Of each message that was to be sent, the epochs that it was encrypted in. */
  readonly epochs = new Map<string, Set<number>>()
  readonly #pending = new Map<string, PendingOperation | null>()
  /** Told of the name of a group when it comes. */
  readonly #onGroup: (id: string) => void

  constructor(inner: ClientStore, onGroup: (id: string) => void = () => undefined) {
    this.#inner = inner
    this.#onGroup = onGroup
  }

  pastOf(group: string): Past {
    return this.pasts.get(group) ?? []
  }

  get(key: string) {
    return this.#inner.get(key)
  }
  list(prefix: string) {
    return this.#inner.list(prefix)
  }
  put(key: string, value: Uint8Array) {
    return this.transaction([{ key, value }])
  }
  delete(key: string) {
    return this.transaction([{ key, value: undefined }])
  }

  async transaction(changes: readonly StoreChange[]): Promise<void> {
    const fromQueue = changes.some(({ key }) => key === "queue/qs")
    const groups = changes.flatMap(({ key, value }) => {
      if (!key.startsWith("group/")) return []
      const record = value && (decodeBody(value.slice()) as Record)
      return [{ id: key.slice("group/".length), record }]
    })
    await this.#inner.transaction(changes)
    for (const { id, record } of groups) await this.#note(id, record, fromQueue)
  }

  async #note(id: string, record: Record | undefined, fromQueue: boolean): Promise<void> {
    const past = this.pasts.get(id) ?? []
    if (past.length === 0) this.pasts.set(id, past)
    if (record === undefined) {
      past.push(undefined)
      this.#pending.delete(id)
      return
    }
    if (record.connection !== null) this.connections.add(id)
    else if (past.length === 0) this.#onGroup(id)
    const before = this.#pending.get(id)
    this.#pending.set(id, record.pending)
    this.#noteMessage(record.pending)
    const member = membership.restore(record.member)
    const last = past.at(-1)
    const epoch = Number(member.epoch)
    const secret = toHex(await member.exporter("simulation", utf8(id), 16))
    if (last?.epoch === epoch && last.secret === secret) return
    const own = before?.kind === "commit" && equal(before.next, record.member)
    const by = last === undefined ? "begin" : fromQueue ? "queue" : own ? "commit" : "resync"
    const members = record.members.map(({ leaf, user }) => `${leaf} ${user}`)
    past.push({ epoch, secret, members, leaves: member.members().map(({ leaf }) => leaf), by })
  }

  #noteMessage(pending: PendingOperation | null): void {
    if (pending?.kind !== "send" || pending.content !== "application") return
    const decoded = decodeMlsMessage(pending.message)
    if (decoded.kind !== "privateMessage") throw new Error("a message that is none")
    const text = fromUtf8(pending.body)
    const epochs = this.epochs.get(text) ?? new Set()
    this.epochs.set(text, epochs.add(Number(decoded.message.epoch)))
  }
}

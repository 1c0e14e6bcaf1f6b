import { decodeGroupInfo } from "../mls/codec/group-info.ts"
import { suite1 } from "../mls/suites/suite1.ts"
import { FlatTree } from "../mls/tree/flat-tree.ts"
import { equal, fromHex } from "../wire/bytes.ts"
import { ds } from "../wire/ds.ts"
import { qs } from "../wire/qs.ts"
import type { ClientContext } from "./context.ts"
import { ClientError } from "./errors.ts"
import { finishPending } from "./group-operations.ts"
import type { GroupSession } from "./group-session.ts"
import { fallBehind } from "./incoming.ts"
import { Lock } from "./lock.ts"
import { pause, spreadMilliseconds } from "./pace.ts"
import { at, change, load, names, removal } from "./record-store.ts"
import { BlockedGroup } from "./records.ts"
import { isRefusal } from "./refusal.ts"
import type { Sessions } from "./sessions.ts"
import { queueSigner } from "./signers.ts"
import type { Tasks } from "./tasks.ts"

/**
 * The groups whose messages the QS does not put into the own queue. What is wanted is stored before the QS is asked, so that a
 * crash at any point is made good by {@link resume}.
 */
export class BlockedGroups {
  readonly #context: ClientContext
  readonly #sessions: Sessions
  readonly #lock = new Lock()
  readonly #stages: Map<string, BlockedGroup["stage"]>

  private constructor(
    context: ClientContext,
    sessions: Sessions,
    stages: Map<string, BlockedGroup["stage"]>,
  ) {
    this.#context = context
    this.#sessions = sessions
    this.#stages = stages
  }

  static async open(context: ClientContext, sessions: Sessions): Promise<BlockedGroups> {
    const stages = new Map<string, BlockedGroup["stage"]>()
    for (const id of await names(context.store, "blocked-group/")) {
      const record = await load(context.store, BlockedGroup, at.blockedGroup(id))
      if (record !== undefined) stages.set(id, record.stage)
    }
    return new BlockedGroups(context, sessions, stages)
  }

  /** Takes up what was under way, at random times with this mean. */
  resume(tasks: Tasks, mean: number): void {
    for (const [id, stage] of this.#stages) {
      if (stage === "blocked") continue
      tasks.start(async () => {
        await pause(spreadMilliseconds(mean), this.#context.signal)
        await this.#lock.run(() => this.#finish(id))
      })
    }
  }

  /** Whether messages of a group, in hexadecimal, are passed over. */
  has(id: string): boolean {
    const stage = this.#stages.get(id)
    return stage === "blocking" || stage === "blocked"
  }

  list(): string[] {
    return [...this.#stages.keys()].filter((id) => this.has(id)).sort()
  }

  block(id: string): Promise<void> {
    return this.#lock.run(async () => {
      if (this.#stages.get(id) === "blocked") return
      await this.#set(id, "blocking")
      await this.#finish(id)
    })
  }

  unblock(id: string): Promise<void> {
    return this.#lock.run(async () => {
      if (!this.#stages.has(id)) return
      await this.#set(id, "unblocking")
      await this.#finish(id)
    })
  }

  async #finish(id: string): Promise<void> {
    const { account, transport } = this.#context
    const stage = this.#stages.get(id)
    const params = { groupId: fromHex(id) }
    if (stage === "blocking") {
      try {
        await transport.call(qs.blockGroup, params, queueSigner(account))
      } catch (error) {
        const isFull = error instanceof ClientError && error.code === "qs.too-many-blocked-groups"
        if (isFull) await this.#set(id, undefined)
        throw error
      }
      await this.#set(id, "blocked")
    } else if (stage === "unblocking") {
      await transport.call(qs.unblockGroup, params, queueSigner(account))
      await catchUp(this.#sessions.get(id))
      await this.#set(id, undefined)
    }
  }

  async #set(id: string, stage: BlockedGroup["stage"] | undefined): Promise<void> {
    const key = at.blockedGroup(id)
    const next = stage === undefined ? removal(key) : change(BlockedGroup, key, { stage })
    await this.#context.store.transaction([next])
    if (stage === undefined) this.#stages.delete(id)
    else this.#stages.set(id, stage)
  }
}

/** Finds out whether the group has gone on without this client, or is over for it, and tells the application. */
async function catchUp(session: GroupSession): Promise<void> {
  if (session.current === undefined) return
  await finishPending(session).catch(unlessSilent)
  await session.locked(async () => {
    const { current } = session
    if (current === undefined) return
    const now = await whereGroupIs(session)
    if (now === undefined) {
      await session.write(undefined, [{ type: "left", group: session.id, by: null, ended: false }])
    } else if (now > current.member.epoch) {
      const { state, events } = fallBehind(session, current)
      await session.write(state, events)
    }
  })
}

/** The group's epoch at the DS; undefined: it is gone, or this client is not in it. */
async function whereGroupIs({ context, groupId, state }: GroupSession): Promise<bigint | undefined> {
  const { crypto, transport } = context
  try {
    const { earKey } = state.facts
    const info = await transport.call(ds.externalCommitInfo, { groupId, earKey })
    const tree = FlatTree.decode(suite1(crypto), info.ratchetTree)
    const key = crypto.ed25519Public(state.member.signatureSeed)
    if (!tree.members().some((leaf) => equal(tree.signatureKey(leaf), key))) return undefined
    return decodeGroupInfo(info.groupInfo).groupContext.epoch
  } catch (error) {
    if (error instanceof ClientError && error.code === "auth.refused") return undefined
    if (isRefusal(error)) throw new ClientError("client.unexpected-response")
    throw error
  }
}

/** What became of an operation that was under way does not matter here, unless nobody knows. */
function unlessSilent(error: unknown): void {
  if (!(error instanceof ClientError) || error.code === "client.closed") throw error
}

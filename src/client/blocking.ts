import { parseUserId } from "../wire/user-id.ts"
import { type ClientContext, ownUser } from "./context.ts"
import { ClientError, isSilence } from "./errors.ts"
import { FriendshipRotation } from "./friendship-rotation.ts"
import { endGroup } from "./group-changes.ts"
import { proposeLeaving } from "./group-operations.ts"
import type { GroupSession } from "./group-session.ts"
import { at, load, names, removal } from "./record-store.ts"
import { Contact, IncomingRequest } from "./records.ts"
import type { Sessions } from "./sessions.ts"
import type { StoreChange } from "./store.ts"
import type { Tasks } from "./tasks.ts"

interface BlockingParts {
  readonly context: ClientContext
  readonly sessions: Sessions
  readonly rotation: FriendshipRotation
  readonly tasks: Tasks
}

/**
 * Blocks users. That somebody is blocked, that the contact is gone, and that the friendship is to be rotated is one
 * transaction; the connection groups are left by themselves afterwards, also after a crash.
 */
export class Blocking {
  readonly #parts: BlockingParts

  constructor(parts: BlockingParts) {
    this.#parts = parts
  }

  async block(user: string): Promise<void> {
    const { context, rotation } = this.#parts
    checkUser(context, user)
    if (context.blocked.has(user)) return
    const connections = this.#connections(user)
    const contact = await load(context.store, Contact, at.contact(user))
    const knowsFriendship = contact !== undefined || connections.length > 0
    await context.blocked.add(user, [
      ...(await traces(context, user, connections)),
      ...(knowsFriendship ? [FriendshipRotation.wanted] : []),
    ])
    rotation.goOn()
    this.#leave(user)
  }

  /** Leaves what is left of connections first, so that nothing of before comes back. */
  async unblock(user: string): Promise<void> {
    const { context } = this.#parts
    for (const session of this.#connections(user)) await endConnection(session)
    await context.blocked.delete(user)
  }

  /** Takes up what a crash held up. */
  resume(): void {
    for (const user of this.#parts.context.blocked.list()) this.#leave(user)
  }

  #leave(user: string): void {
    for (const session of this.#connections(user)) this.#parts.tasks.start(() => endConnection(session))
  }

  #connections(user: string): GroupSession[] {
    return this.#parts.sessions.all().filter(({ state }) => state.facts.connection?.peer === user)
  }
}

function checkUser(context: ClientContext, user: string): void {
  try {
    parseUserId(user)
  } catch {
    throw new ClientError("client.invalid")
  }
  if (user === ownUser(context)) throw new ClientError("client.invalid")
}

/** Removes what the client has of a user beside connection groups. */
async function traces(
  { store }: ClientContext,
  user: string,
  connections: readonly GroupSession[],
): Promise<StoreChange[]> {
  const asked = connections.flatMap(({ state }) => state.facts.connection?.alias ?? [])
  const changes = [at.contact(user), ...[user, ...asked].map(at.outgoing)].map(removal)
  for (const id of await names(store, "incoming/")) {
    const request = await load(store, IncomingRequest, at.incoming(id))
    if (request?.from === user) changes.push(removal(at.incoming(id)))
  }
  return changes
}

/**
 * Leaves a connection group, or deletes it if this client may. Whatever the server answers, nothing of it is kept.
 * Throws ClientError if it does not answer.
 */
async function endConnection(session: GroupSession): Promise<void> {
  const { current, context } = session
  if (current === undefined) return
  const peer = current.facts.connection?.peer ?? ""
  try {
    const { member } = current
    if (member.admins().includes(member.leaf)) await endGroup(session)
    else await proposeLeaving(session)
  } catch (error) {
    if (!(error instanceof ClientError) || isSilence(error)) throw error
  }
  await session.locked(async () => {
    if (session.current !== undefined) await session.write(undefined)
    // A message that was being taken when the user was blocked may have brought the contact back.
    if (context.blocked.has(peer)) await context.store.transaction([removal(at.contact(peer))])
  })
}

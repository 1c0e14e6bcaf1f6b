import { equal, fromHex, toHex } from "../wire/bytes.ts"
import { ClientError } from "./errors.ts"
import { sendContent } from "./group-operations.ts"
import type { ReceiptStatus } from "./group-records.ts"
import type { GroupSession, GroupState } from "./group-session.ts"
import { pause, spreadMilliseconds } from "./pace.ts"
import { encodeReceipts, give, isGiven, unsent } from "./receipts.ts"
import type { Tasks } from "./tasks.ts"

/** A message as an event names it. */
export interface MessageName {
  /** Client id in hexadecimal. */
  readonly client: string
  /** Its number among what the client sent to the group. */
  readonly message: number
}

export interface ReceiptSenderParts {
  readonly tasks: Tasks
  readonly signal: AbortSignal
  /** Mean of the random time for which receipts of a group are gathered. */
  readonly meanMilliseconds: number
  /** Whether a group, by its id, is left alone. */
  readonly isBlocked: (group: string) => boolean
}

/** Keeps what the application acknowledges, and tells each group after a random time, all in one message. */
export class ReceiptSender {
  readonly #parts: ReceiptSenderParts
  /** Groups that will be told. */
  readonly #waiting = new Set<string>()

  constructor(parts: ReceiptSenderParts) {
    this.#parts = parts
  }

  /** Throws ClientError `client.invalid` if there is no such message, `client.removed`. */
  async acknowledge(session: GroupSession, name: MessageName, status: ReceiptStatus): Promise<void> {
    await session.locked(async () => {
      const { member, facts } = session.state
      const client = clientOf(session.state, name)
      if (client === undefined || equal(client, session.context.account.clientId)) return
      const receipt = { status, client, through: name.message }
      if (isGiven(facts.receipts, receipt)) return
      const receipts = give(facts.receipts, receipt)
      await session.write({ member, facts: { ...facts, receipts } })
    })
    this.tellLater(session)
  }

  /** Tells the group what it does not know yet, if there is anything. */
  tellLater(session: GroupSession): void {
    const { tasks, signal, meanMilliseconds } = this.#parts
    if (this.#waiting.has(session.id) || !this.#hasSomething(session)) return
    this.#waiting.add(session.id)
    tasks.start(async () => {
      await pause(spreadMilliseconds(meanMilliseconds), signal)
      this.#waiting.delete(session.id)
      if (!this.#hasSomething(session)) return
      await sendContent(session, "receipt", ({ facts }) => {
        const receipts = unsent(facts.receipts)
        return receipts.length === 0 ? undefined : encodeReceipts(receipts)
      })
      this.tellLater(session)
    })
  }

  #hasSomething({ id, current }: GroupSession): boolean {
    if (current === undefined || current.facts.behind || this.#parts.isBlocked(id)) return false
    return unsent(current.facts.receipts).length > 0
  }
}

/** Undefined: whoever sent it is not a member any more. */
function clientOf({ facts }: GroupState, { client, message }: MessageName): Uint8Array | undefined {
  const sender = facts.members.find((member) => toHex(member.client) === client)
  if (sender === undefined) return undefined
  const known = facts.received.find(({ leaf }) => leaf === sender.leaf)?.next ?? 0
  if (!Number.isSafeInteger(message) || message < 0 || message >= known)
    throw new ClientError("client.invalid")
  return fromHex(client)
}

import { PAST_EPOCHS_MAX } from "../mls/member/state.ts"
import { equal } from "../wire/bytes.ts"
import type { GroupRecord, MemberRecord } from "./group-records.ts"

/**
 * Who sent a message. An own commit takes effect as soon as the server has accepted it, and messages that were accepted
 * before it are still to come from the queue: some by members who are gone with it, whose leaf may be somebody else's by
 * then. So a group remembers who was where for as long as messages of that epoch open.
 */

/** What a group knows of those who send. */
type Senders = Pick<GroupRecord, "members" | "received" | "former">

/** What the commit that ends `epoch` makes of it. Whoever only took another pseudonym goes on counting. */
export function sendersAfter(before: Senders, epoch: bigint, members: MemberRecord[]): Senders {
  const gone = before.members.filter((member) => !members.some((one) => isSame(one, member)))
  const isGone = (leaf: number) => gone.some((member) => member.leaf === leaf)
  const through = Number(epoch)
  const former = [
    ...before.former.filter((one) => one.through > through - PAST_EPOCHS_MAX),
    ...gone.map((member) => ({ member, through, next: nextOf(before, member.leaf) })),
  ]
  return { members, former, received: before.received.filter(({ leaf }) => !isGone(leaf)) }
}

/** Whose message this is. */
interface Taken {
  readonly author: MemberRecord
  /** None of theirs came before. */
  readonly isFirst: boolean
  /** What is expected after it. */
  readonly senders: Senders
}

/** Takes a message of a sequence number; undefined: it is nobody's, or it came before. */
export function takeFrom(
  senders: Senders,
  message: { readonly sender: number; readonly epoch: bigint },
  sequence: number,
): Taken | undefined {
  const { members, received, former } = senders
  const next = sequence + 1
  const was = former.find(({ member, through }) => {
    return member.leaf === message.sender && through >= message.epoch
  })
  const author = was?.member ?? members.find(({ leaf }) => leaf === message.sender)
  const expected = was?.next ?? nextOf(senders, message.sender)
  if (author === undefined || sequence < expected) return undefined
  const isFirst = expected === 0
  if (was !== undefined) {
    const taken = former.map((one) => (one === was ? { ...was, next } : one))
    return { author, isFirst, senders: { members, received, former: taken } }
  }
  const others = received.filter(({ leaf }) => leaf !== message.sender)
  const counted = [...others, { leaf: message.sender, next }]
  return { author, isFirst, senders: { members, received: counted, former } }
}

function isSame(a: MemberRecord, b: MemberRecord): boolean {
  return a.leaf === b.leaf && equal(a.client, b.client)
}

function nextOf({ received }: Senders, leaf: number): number {
  return received.find((one) => one.leaf === leaf)?.next ?? 0
}

import { CLIENT_ID_BYTES, RECEIPTS_MAX } from "../limits.ts"
import { compare, equal } from "../wire/bytes.ts"
import { CodecError, decodeAll, encodeWith } from "../wire/tls.ts"
import type { MemberRecord, ReceiptState, ReceiptStatus } from "./group-records.ts"

/**
 * What members tell each other about messages that came:
 *
 *     enum { delivered(1), read(2), (255) } ReceiptStatus
 *     struct { ReceiptStatus status; opaque client_id[32]; u64 through; } Receipt
 *     Receipt receipts<V>
 *
 * A receipt is about everything that the client sent to the group up to the sequence number `through`. There is at least one,
 * at most {@link RECEIPTS_MAX}, in ascending order of client id and status, at most one of each.
 */
export interface Receipt {
  readonly status: ReceiptStatus
  readonly client: Uint8Array
  readonly through: number
}

const codes = { delivered: 1, read: 2 } as const

/** The receipts may be in any order. */
export function encodeReceipts(receipts: readonly Receipt[]): Uint8Array {
  return encodeWith([...receipts].sort(order), (writer, sorted) => {
    writer.vector(sorted, (inner, { status, client, through }) =>
      inner.u8(codes[status]).raw(client).u64(BigInt(through)),
    )
  })
}

/** Throws CodecError unless the bytes are a canonical list of receipts. */
export function decodeReceipts(bytes: Uint8Array): Receipt[] {
  const receipts = decodeAll(bytes, (reader) =>
    reader.vector((inner): Receipt => {
      const status = statusOf(inner.u8())
      const client = inner.raw(CLIENT_ID_BYTES).slice()
      const through = inner.u64()
      if (through >= BigInt(Number.MAX_SAFE_INTEGER)) throw new CodecError("receipt number")
      return { status, client, through: Number(through) }
    }),
  )
  if (receipts.length === 0 || receipts.length > RECEIPTS_MAX) throw new CodecError("number of receipts")
  const ascending = receipts.every((one, i) => i === 0 || order(receipts[i - 1] as Receipt, one) < 0)
  if (!ascending) throw new CodecError("order of receipts")
  return receipts
}

function statusOf(code: number): ReceiptStatus {
  if (code === codes.delivered) return "delivered"
  if (code === codes.read) return "read"
  throw new CodecError("receipt status")
}

function order(a: Receipt, b: Receipt): number {
  return compare(a.client, b.client) || codes[a.status] - codes[b.status]
}

type States = readonly ReceiptState[]

/** What the application says of a client's message and those before. */
export function give(states: States, { status, client, through }: Receipt): ReceiptState[] {
  return changed(states, client, (state) => ({ ...state, given: raised(state.given, status, through + 1) }))
}

/** Whether {@link give} would change nothing. */
export function isGiven(states: States, { status, client, through }: Receipt): boolean {
  return states.some((state) => equal(state.client, client) && state.given[status] > through)
}

/** What the group was not told yet, as much as one message holds. */
export function unsent(states: States): Receipt[] {
  return states
    .flatMap(({ client, given, sent }): Receipt[] => {
      const read = given.read > sent.read
      const delivered = given.delivered > Math.max(sent.delivered, given.read)
      return [
        ...(delivered ? [{ status: "delivered" as const, client, through: given.delivered - 1 }] : []),
        ...(read ? [{ status: "read" as const, client, through: given.read - 1 }] : []),
      ]
    })
    .slice(0, RECEIPTS_MAX)
}

/** The group was told. */
export function markSent(states: States, receipts: readonly Receipt[]): ReceiptState[] {
  return receipts.reduce<ReceiptState[]>(
    (all, { status, client, through }) =>
      changed(all, client, (state) => ({ ...state, sent: raised(state.sent, status, through + 1) })),
    [...states],
  )
}

/**
 * What another client says of own messages, of which `own` were sent; `news` is what it had not said before. What it says of
 * others', or of messages that do not exist, is nothing.
 */
export function take(
  states: States,
  receipts: readonly Receipt[],
  by: Uint8Array,
  own: { readonly client: Uint8Array; readonly sent: number },
): { readonly states: ReceiptState[]; readonly news: Receipt[] } {
  const news: Receipt[] = []
  let next = [...states]
  for (const receipt of receipts) {
    const { status, client, through } = receipt
    if (!equal(client, own.client) || through >= own.sent) continue
    next = changed(next, by, (state) => {
      if (through < state.got[status]) return state
      news.push(receipt)
      return { ...state, got: raised(state.got, status, through + 1) }
    })
  }
  return { states: next, news }
}

/** Whoever comes back begins to count anew. */
export function ofMembers(states: States, members: readonly MemberRecord[]): ReceiptState[] {
  return states.filter((state) => members.some(({ client }) => equal(client, state.client)))
}

type Acknowledged = ReceiptState["given"]

function raised({ delivered, read }: Acknowledged, status: ReceiptStatus, next: number): Acknowledged {
  return {
    delivered: Math.max(delivered, next),
    read: status === "read" ? Math.max(read, next) : read,
  }
}

function changed(
  states: States,
  client: Uint8Array,
  change: (state: ReceiptState) => ReceiptState,
): ReceiptState[] {
  const none = { delivered: 0, read: 0 }
  const others = states.filter((state) => !equal(state.client, client))
  const known = states.find((state) => equal(state.client, client))
  return [...others, change(known ?? { client, given: none, sent: none, got: none })]
}

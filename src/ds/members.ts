import { Reader, type Writer } from "../wire/tls.ts"

/**
 * A member, as the head of its group has it.
 *
 *     struct { u32 leaf; opaque signature_key<V>; opaque queue_config<V>; optional<opaque<V>> ticket;
 *              u16 activity_month; u64 activity_epoch; } HeadLeaf
 *
 * Activity is the last commit, or having been added: its month and the epoch it led into.
 */
export interface HeadLeaf {
  readonly leaf: number
  readonly signatureKey: Uint8Array
  readonly queueConfig: Uint8Array
  readonly ticket: Uint8Array | undefined
  readonly activityMonth: number
  readonly activityEpoch: bigint
}

const LEAF_BYTES = 4
const MONTH_BYTES = 2
const ACTIVITY_BYTES = MONTH_BYTES + 8

/**
 * A member as it lies in an opened head, where everything but its place is read when it is asked for: of almost all members
 * of a group a request needs nothing but the ticket.
 */
class StoredLeaf implements HeadLeaf {
  readonly leaf: number
  readonly bytes: Uint8Array
  readonly start: number
  readonly ticketAt: number | undefined
  readonly end: number

  /** Reads past one in `bytes`, which `reader` reads. */
  constructor(bytes: Uint8Array, reader: Reader) {
    this.bytes = bytes
    this.start = reader.offset
    this.leaf = reader.u32()
    reader.skipOpaque().skipOpaque()
    this.ticketAt = reader.optional(passOpaque)
    this.end = reader.skip(ACTIVITY_BYTES).offset
  }

  get signatureKey(): Uint8Array {
    return this.#from(this.start + LEAF_BYTES).opaque()
  }

  get queueConfig(): Uint8Array {
    return this.#from(this.start + LEAF_BYTES)
      .skipOpaque()
      .opaque()
  }

  get ticket(): Uint8Array | undefined {
    const { ticketAt } = this
    return ticketAt === undefined ? undefined : this.bytes.subarray(ticketAt, this.end - ACTIVITY_BYTES)
  }

  get activityMonth(): number {
    const at = this.end - ACTIVITY_BYTES
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number)
  }

  get activityEpoch(): bigint {
    return this.#from(this.end - ACTIVITY_BYTES + MONTH_BYTES).u64()
  }

  #from(at: number): Reader {
    return new Reader(this.bytes, at)
  }
}

/** Where the content of an `opaque<V>` begins that is passed over. */
function passOpaque(reader: Reader): number {
  const length = reader.vectorHeader()
  const at = reader.offset
  reader.skip(length)
  return at
}

/** `HeadLeaf leaves<V>`; the members stay in the reader's input. */
export function readMembers(reader: Reader): HeadLeaf[] {
  const bytes = reader.opaque()
  const inner = new Reader(bytes)
  const members: HeadLeaf[] = []
  while (inner.remaining > 0) members.push(new StoredLeaf(bytes, inner))
  return members
}

/** Members who lie next to each other in an opened head are written as one stretch. */
export function writeMembers(writer: Writer, members: readonly HeadLeaf[]): void {
  writer.vector(stretches(members), (w, stretch) => {
    if (stretch instanceof Uint8Array) w.raw(stretch)
    else writeMember(w, stretch)
  })
}

function stretches(members: readonly HeadLeaf[]): (HeadLeaf | Uint8Array)[] {
  const found: (HeadLeaf | Uint8Array)[] = []
  for (let i = 0; i < members.length; ) {
    const first = members[i++] as HeadLeaf
    if (first instanceof StoredLeaf) {
      let { end } = first
      for (let next = members[i]; isAt(next, first.bytes, end); next = members[++i]) end = next.end
      found.push(first.bytes.subarray(first.start, end))
    } else found.push(first)
  }
  return found
}

function isAt(member: HeadLeaf | undefined, bytes: Uint8Array, start: number): member is StoredLeaf {
  return member instanceof StoredLeaf && member.bytes === bytes && member.start === start
}

function writeMember(writer: Writer, member: HeadLeaf): void {
  writer.u32(member.leaf).opaque(member.signatureKey).opaque(member.queueConfig)
  writer.optional(member.ticket, (w, ticket) => w.opaque(ticket))
  writer.u16(member.activityMonth).u64(member.activityEpoch)
}

/** A member of whom something has changed. */
export function changedMember(member: HeadLeaf, change: Partial<HeadLeaf>): HeadLeaf {
  const { leaf, signatureKey, queueConfig, ticket, activityMonth, activityEpoch } = member
  return { leaf, signatureKey, queueConfig, ticket, activityMonth, activityEpoch, ...change }
}

/** The member at a leaf, by binary search. */
export function memberAt(members: readonly HeadLeaf[], leaf: number): HeadLeaf | undefined {
  let low = 0
  let high = members.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((members[middle] as HeadLeaf).leaf < leaf) low = middle + 1
    else high = middle
  }
  const found = members[low]
  return found?.leaf === leaf ? found : undefined
}

/** The members after some left and some came or changed; `present` replaces whoever had the leaf. */
export function changeMembers(
  members: readonly HeadLeaf[],
  gone: readonly number[],
  present: readonly HeadLeaf[],
): HeadLeaf[] {
  const replaced = new Set([...gone, ...present.map(({ leaf }) => leaf)])
  const kept = members.filter(({ leaf }) => !replaced.has(leaf))
  return [...kept, ...present].sort((a, b) => a.leaf - b.leaf)
}

/** The members with the tickets that they were just given. */
export function withTickets(
  members: readonly HeadLeaf[],
  tickets: ReadonlyMap<number, Uint8Array>,
): readonly HeadLeaf[] {
  if (tickets.size === 0) return members
  return members.map((member) => {
    const ticket = tickets.get(member.leaf)
    return ticket === undefined ? member : changedMember(member, { ticket })
  })
}

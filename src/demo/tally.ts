/** One chat message as a member's application saw it arrive. */
export interface Received {
  readonly from: string
  readonly number: number
}

/** What a member was a part of, and what it saw. */
export interface MemberLog {
  readonly name: string
  readonly received: readonly Received[]
  /** Messages of others that it must have got, and nothing else. */
  readonly expected: readonly Received[]
}

export interface Tally {
  readonly expected_deliveries: number
  readonly delivered: number
  readonly lost: number
  readonly duplicated: number
  readonly out_of_order: number
  /** Messages that a member saw but was not to see: they were sent when it was not in the group. */
  readonly unexpected: number
}

const key = (message: Received) => `${message.from}/${message.number}`

/**
 * Counts what went wrong. Order is wrong where a sender's numbers do not rise, and where two members saw the same two
 * messages in different orders: a group has one history.
 */
export function tally(logs: readonly MemberLog[]): Tally {
  let delivered = 0
  let expectedDeliveries = 0
  let lost = 0
  let duplicated = 0
  let unexpected = 0
  let outOfOrder = 0
  for (const log of logs) {
    const expected = new Set(log.expected.map(key))
    const seen = new Set<string>()
    const highest = new Map<string, number>()
    expectedDeliveries += expected.size
    for (const message of log.received) {
      if (seen.has(key(message))) duplicated++
      else if (!expected.has(key(message))) unexpected++
      else delivered++
      seen.add(key(message))
      if (message.number < (highest.get(message.from) ?? 0)) outOfOrder++
      highest.set(message.from, Math.max(message.number, highest.get(message.from) ?? 0))
    }
    for (const wanted of expected) if (!seen.has(wanted)) lost++
  }
  outOfOrder += disagreements(logs)
  return {
    expected_deliveries: expectedDeliveries,
    delivered,
    lost,
    duplicated,
    out_of_order: outOfOrder,
    unexpected,
  }
}

/** Neighbours in one member's history that another member saw the other way round. */
function disagreements(logs: readonly MemberLog[]): number {
  let count = 0
  for (const [i, first] of logs.entries()) {
    for (const second of logs.slice(i + 1)) {
      const position = new Map(second.received.map((message, at) => [key(message), at]))
      let last = -1
      for (const message of first.received) {
        const at = position.get(key(message))
        if (at === undefined) continue
        if (at < last) count++
        last = at
      }
    }
  }
  return count
}

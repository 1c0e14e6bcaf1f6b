import type { Delivery, Fanout, Recipient, Resolution } from "../fanout.ts"
import { FAN_OUT_BYTES_MAX } from "../limits.ts"
import type { Effect, Expectation, Unit, View } from "../store/database.ts"
import { Problem } from "../wire/problem.ts"
import type { Head } from "./head.ts"
import type { HeadLeaf } from "./members.ts"
import { releaseRecords } from "./store.ts"

type Reachable = Pick<HeadLeaf, "leaf" | "queueConfig" | "ticket">

/** A member, and what it is to get, if anything. Most are found by their tickets, and their configs are not looked at. */
export class Addressee implements Recipient {
  readonly member: Reachable
  /** Encoded QueueMessage. */
  readonly message: Uint8Array | undefined

  constructor(member: Reachable, message?: Uint8Array) {
    this.member = member
    this.message = message
  }

  get config(): Uint8Array {
    return this.member.queueConfig
  }

  get ticket(): Uint8Array | undefined {
    return this.member.ticket
  }
}

export interface Addressed {
  readonly deliveries: readonly Delivery[]
  /** Tickets to keep for the next time, by leaf. */
  readonly tickets: ReadonlyMap<number, Uint8Array>
  /** Leaves whose queue is gone. */
  readonly dead: ReadonlySet<number>
}

/** Everybody but one member. */
export function toOthers(head: Head, except: number | undefined, message: Uint8Array): Addressee[] {
  const others: Addressee[] = []
  for (const member of head.leaves) if (member.leaf !== except) others.push(new Addressee(member, message))
  return others
}

/**
 * Finds the queues of members. Nothing is sent to a queue that is gone. A message costs the server as much as the members
 * who get it make of it.
 *
 * @throws Problem `ds.fan-out-too-large`
 */
export function address(fanout: Fanout, addressees: readonly Addressee[]): Addressed {
  const deliveries: Delivery[] = []
  const tickets = new Map<number, Uint8Array>()
  const dead = new Set<number>()
  const bytes = addressees.reduce((sum, { message }) => sum + (message?.length ?? 0), 0)
  if (bytes > FAN_OUT_BYTES_MAX) throw new Problem("ds.fan-out-too-large")
  const resolutions = fanout.resolve(addressees)
  for (const [i, { member, message }] of addressees.entries()) {
    const resolution = resolutions[i] as Resolution
    if (resolution.kind === "dead") {
      dead.add(member.leaf)
      continue
    }
    if (resolution.newTicket !== undefined) tickets.set(member.leaf, resolution.newTicket)
    if (message !== undefined) deliveries.push({ queue: resolution.queue, message })
  }
  return { deliveries, tickets, dead }
}

/** One change of a group together with its messages: both become durable, or neither. */
export function deliveringUnit(
  fanout: Fanout,
  expects: readonly Expectation[],
  rows: readonly Effect[],
  deliveries: readonly Delivery[],
): Unit {
  let enqueued: ReturnType<Fanout["enqueue"]> | undefined
  return {
    expects,
    effects(view: View) {
      if (deliveries.length === 0) return rows
      enqueued = fanout.enqueue(view, deliveries)
      return [...rows, ...enqueued.effects]
    },
    committed() {
      releaseRecords(rows)
      enqueued?.committed()
    },
    failed() {
      releaseRecords(rows)
      enqueued?.failed()
    },
  }
}

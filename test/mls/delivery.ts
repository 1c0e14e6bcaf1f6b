import { MlsError } from "../../src/mls/error.ts"

/** How the handshakes of a simulated group reach one member: lost, late, out of order and twice. */

/** Numbers from 0 to below a bound. */
export type Random = (below: number) => number

export interface Handshake {
  readonly kind: "proposal" | "commit"
  readonly epoch: bigint
  readonly message: Uint8Array
}

export interface Receiver {
  readonly epoch: bigint
  /**
   * Processes it and says whether the member is still in the group. Throws MlsError if it cannot be processed, and then
   * nothing has changed.
   */
  take(handshake: Handshake): boolean
}

export interface DeliveryTally {
  /** Did not arrive and were fetched. */
  lost: number
  /** Came before what has to be processed first. */
  early: number
  /** Came when their epoch was over. */
  tardy: number
  repeated: number
}

/**
 * Brings a member what the server has for it. Most of it arrives, in any order: what comes too early or too late is
 * refused and spoils nothing. Then what is missing is fetched in the server's order. Returns false if a commit removed
 * the member.
 */
export function deliver(
  unread: readonly Handshake[],
  receiver: Receiver,
  random: Random,
  tally: DeliveryTally,
): boolean {
  const arriving = shuffled(unread, random).filter(() => random(8) > 0)
  const missing = new Set(unread)
  tally.lost += unread.length - arriving.length
  for (const handshake of [...arriving, ...unread]) {
    if (!missing.has(handshake)) continue
    const { epoch } = receiver
    const outcome = attempt(handshake, receiver)
    checkOutcome(handshake, outcome, epoch, missing)
    if (outcome === "removed") return false
    if (outcome instanceof MlsError && handshake.epoch >= epoch) {
      tally.early++
      continue
    }
    missing.delete(handshake)
    if (outcome instanceof MlsError) tally.tardy++
    else if (handshake.kind === "commit" && random(8) === 0) {
      refused(() => receiver.take(handshake), "a commit taken twice")
      tally.repeated++
    }
  }
  if (missing.size > 0) throw new Error("a handshake in its order was refused")
  return true
}

type Outcome = "taken" | "removed" | MlsError

function attempt(handshake: Handshake, receiver: Receiver): Outcome {
  try {
    return receiver.take(handshake) ? "taken" : "removed"
  } catch (error) {
    if (error instanceof MlsError) return error
    throw error
  }
}

/** What is of another epoch has to be refused; what is of this one must not be, but for commits of missing proposals. */
function checkOutcome(
  { kind, epoch: sent }: Handshake,
  outcome: Outcome,
  epoch: bigint,
  missing: ReadonlySet<Handshake>,
): void {
  const isRefused = outcome instanceof MlsError
  if (sent !== epoch && !isRefused) throw new Error("a handshake of another epoch was taken")
  const lacks = [...missing].some((other) => other.kind === "proposal" && other.epoch === epoch)
  if (sent === epoch && isRefused && !(kind === "commit" && lacks)) {
    throw new Error(`a ${kind} of this epoch was refused`, { cause: outcome })
  }
}

export function refused(work: () => unknown, what: string): void {
  try {
    work()
  } catch (error) {
    if (error instanceof MlsError) return
    throw error
  }
  throw new Error(`${what} was not refused`)
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items]
  return items.map(() => rest.splice(random(rest.length), 1)[0] as T)
}

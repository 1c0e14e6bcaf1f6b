import type { Static } from "@sinclair/typebox"
import { wipe } from "../crypto/wipe.ts"
import { CHAINS_PER_QUEUE_MAX } from "../limits.ts"
import type { Listener } from "../store/wakeups.ts"
import type { Turns } from "../turns.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { type StreamClientFrame, type StreamServerFrame, streamClose } from "../wire/queue.ts"
import type { AcknowledgedRange } from "./acknowledge.ts"
import type { BegunChain } from "./enqueue.ts"
import type { EntryAddress } from "./pool.ts"

/** Where a stream's frames go. */
export interface StreamSink {
  /** Takes the frame in any case; false asks for no more before {@link QueueStream.onDrain}. */
  send(frame: Static<typeof StreamServerFrame>): boolean
  close(code: number): void
}

/** What the streams of an engine need from it. They are many and mostly idle: what they have in common is in one place. */
export interface StreamSource {
  /** The committed entry at an index, or undefined. */
  entry(at: EntryAddress, index: number): Uint8Array | undefined
  /** The client has named the chains of its queue that it is going to read, and from where on. */
  named(queue: Uint8Array, cursors: readonly ChainPosition[]): void
  /** Resolves when the queue's entries are durably deleted and the starts removed. */
  acknowledge(
    queue: Uint8Array,
    ranges: readonly AcknowledgedRange[],
    usedUp: readonly Uint8Array[],
  ): Promise<void>
  /** The stream is over and wants to hear of nothing any more. */
  ended(stream: QueueStream): void
  /** Entries that a stream sends beyond those durably deleted. */
  readonly windowEntries: number
  /** All streams', for what each of a crowd that comes back has to be sent. */
  readonly turns: Turns
}

/** A chain as its owner names it, who has everything below `next`. */
export interface ChainPosition extends EntryAddress {
  readonly chain: Uint8Array
  readonly next: number
}

/** A chain being sent. All indexes below `next` are with the client, those below `freed` are deleted. */
interface SentChain extends EntryAddress {
  readonly chain: Uint8Array
  /** For a chain that began after the stream was opened: still to be announced. */
  start: Uint8Array | undefined
  next: number
  freed: number
  /** Whether all below `freed` are known to be deleted: those before the stream's first may have been left there. */
  cleared: boolean
  /** Acknowledged by the client and not yet deleted. */
  through: number | undefined
  usedUp: boolean
}

/** Entries sent before others get their turn. */
const ENTRIES_PER_TURN = 32

/**
 * One queue's stream, without its transport: all chain starts, then, once the client has named the chains that it
 * found in them, their entries in order, an `empty` frame at the end of the backlog, and what comes later as it is
 * committed.
 *
 * Rows are the truth: an entry is sent when it is found under the tag at the cursor, or was just committed there, and the next chain is turned to
 * when there is one and the tag is missing, because a chain never grows after its successor has begun. A wake-up only
 * says that looking is worth it. No more entries than the window are sent beyond those durably deleted, and none while
 * the sink is full, so that a slow reader costs the server nothing.
 */
export class QueueStream implements Listener {
  /** The queue's id. */
  readonly queue: Uint8Array
  readonly #source: StreamSource
  readonly #sink: StreamSink
  #state: "opening" | "waiting" | "reading" | "closed" = "opening"
  /** Chains in order; those before `#at` are done with and wait for their acknowledgements. */
  #chains: SentChain[] = []
  #at = 0
  /** How many chains from `#at` on belong to the backlog; undefined after `empty` was sent. */
  #backlog: number | undefined
  #unacknowledged = 0
  /** All that was committed to the last chain is sent: there is nothing to look for. */
  #caughtUp = false
  #paused = false
  #pumping = false
  #scheduled = false
  #flushing = false
  #usedUp: Uint8Array[] = []

  constructor(queue: Uint8Array, source: StreamSource, sink: StreamSink) {
    this.queue = queue
    this.#source = source
    this.#sink = sink
  }

  /** Sends all chain starts that are kept, and the random bytes of free slots. */
  begin(starts: Uint8Array[]): void {
    this.#send({ type: "starts", starts })
  }

  /** A validated frame of the client; nothing of it is kept by reference. */
  onFrame(frame: Static<typeof StreamClientFrame>): void {
    if (this.#state === "closed") return
    switch (frame.type) {
      case "read":
        this.#read(frame.chains)
        break
      case "acknowledge":
        this.#acknowledged(frame.chain, frame.through)
        break
      case "used-up":
        this.#chainUsedUp(frame.chain)
    }
  }

  /** The sink has room again. */
  onDrain(): void {
    this.#paused = false
    this.#pump()
  }

  /** The transport is gone. What the client acknowledged before is still deleted. */
  onClosed(): void {
    if (this.#state === "closed") return
    this.#state = "closed"
    this.#source.ended(this)
    if (!this.#flushing) this.#forget()
  }

  /** Ends the stream from the server's side. */
  end(code: number): void {
    if (this.#state === "closed") return
    this.onClosed()
    this.#sink.close(code)
  }

  /** A chain began, and is committed. The stream takes `begun.address` over. */
  chainBegun(begun: BegunChain): void {
    if (this.#state === "closed") {
      wipe(begun.address)
      return
    }
    const { chain, address, month, start } = begun
    this.#caughtUp = false
    this.#chains.push({ chain, address, month, start, ...unread(0) })
  }

  /** There may be something new. */
  wake(): void {
    this.#caughtUp = false
    this.#pump()
  }

  /**
   * These were committed to a chain, from this index on. A stream that has sent all before them sends them as they are;
   * otherwise it finds their rows when it comes to them.
   */
  committed(chain: Uint8Array, first: number, entries: readonly Uint8Array[]): void {
    const current = this.#chains.at(-1)
    const follows =
      current !== undefined &&
      this.#state === "reading" &&
      this.#backlog === undefined &&
      this.#at === this.#chains.length - 1 &&
      current.start === undefined &&
      current.next === first &&
      equal(current.chain, chain)
    this.#caughtUp = false
    if (!follows || entries.length > ENTRIES_PER_TURN) {
      this.#pump()
      return
    }
    for (const entry of entries) {
      if (this.#paused || this.#isFull) return
      this.#sendEntry(current, entry)
    }
    this.#caughtUp = true
  }

  #read(cursors: readonly ChainPosition[]): void {
    const named = new Set(cursors.map(({ chain }) => toHex(chain)))
    for (const { chain } of this.#chains) named.delete(toHex(chain))
    if (this.#state !== "opening" || named.size !== cursors.length) {
      this.end(streamClose.malformed)
      return
    }
    const chains = cursors.map(({ chain, address, month, next }): SentChain => {
      return { chain: chain.slice(), address: address.slice(), month, start: undefined, ...unread(next) }
    })
    this.#chains = [...chains, ...this.#chains]
    this.#backlog = chains.length
    this.#state = "waiting"
    this.#source.turns.take(() => this.#readNow(chains))
  }

  #readNow(chains: readonly ChainPosition[]): void {
    if (this.#state === "closed") return
    try {
      this.#source.named(this.queue, chains)
    } catch {
      this.end(streamClose.stopping)
      return
    }
    this.#state = "reading"
    this.#pump()
  }

  #acknowledged(id: Uint8Array, through: number): void {
    const chain = this.#chains.find((candidate) => equal(candidate.chain, id))
    if (chain === undefined || through >= chain.next) {
      this.end(streamClose.malformed)
      return
    }
    chain.through = Math.max(chain.through ?? 0, through)
    this.#flushLater()
  }

  #chainUsedUp(id: Uint8Array): void {
    const chain = this.#chains.find((candidate) => equal(candidate.chain, id))
    if (chain !== undefined) chain.usedUp = true
    if (this.#usedUp.length >= 2 * CHAINS_PER_QUEUE_MAX) {
      this.end(streamClose.malformed)
      return
    }
    this.#usedUp.push(id.slice())
    this.#flushLater()
  }

  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      let turn = 0
      while (this.#step()) {
        if (++turn < ENTRIES_PER_TURN) continue
        this.#pumpLater()
        break
      }
    } catch {
      this.end(streamClose.stopping)
    } finally {
      this.#pumping = false
    }
  }

  /** Sends one frame or turns to the next chain; false when there is nothing to do or no room. */
  #step(): boolean {
    if (this.#state !== "reading" || this.#paused) return false
    if (this.#backlog === 0) {
      this.#backlog = undefined
      this.#send({ type: "empty" })
      return true
    }
    const chain = this.#chains[this.#at]
    if (chain === undefined || this.#isFull) return false
    if (chain.start !== undefined) {
      const { start } = chain
      chain.start = undefined
      this.#send({ type: "start", start })
      return true
    }
    if (this.#caughtUp) return false
    const entry = this.#source.entry(chain, chain.next)
    if (entry !== undefined) {
      this.#sendEntry(chain, entry)
      return true
    }
    if (this.#backlog === 1) {
      this.#backlog = 0
      return true
    }
    this.#caughtUp = this.#at + 1 >= this.#chains.length
    if (this.#caughtUp) return false
    this.#at++
    if (this.#backlog !== undefined) this.#backlog--
    return true
  }

  #sendEntry(chain: SentChain, entry: Uint8Array): void {
    const index = chain.next++
    this.#unacknowledged++
    this.#send({ type: "entry", chain: chain.chain, index, entry })
  }

  get #isFull(): boolean {
    return this.#unacknowledged >= this.#source.windowEntries
  }

  #pumpLater(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#source.turns.later(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  #send(frame: Static<typeof StreamServerFrame>): void {
    if (!this.#sink.send(frame)) this.#paused = true
  }

  /** All acknowledgements that arrive in one turn are one change. */
  #flushLater(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => void this.#flush())
  }

  async #flush(): Promise<void> {
    try {
      for (;;) {
        const acknowledged = this.#chains.filter(({ through }) => through !== undefined)
        const usedUp = this.#usedUp
        this.#usedUp = []
        if (acknowledged.length === 0 && usedUp.length === 0) break
        const ranges = acknowledged.map(takeRange)
        await this.#source.acknowledge(this.queue, ranges, usedUp)
        for (const [i, chain] of acknowledged.entries())
          this.#free(chain, (ranges[i] as AcknowledgedRange).through)
        this.#dropFinished()
        this.#pump()
      }
    } catch {
      this.end(streamClose.stopping)
    }
    this.#flushing = false
    if (this.#state === "closed") this.#forget()
  }

  #free(chain: SentChain, through: number): void {
    if (through < chain.freed) return
    this.#unacknowledged -= through + 1 - chain.freed
    chain.freed = through + 1
    chain.cleared = true
  }

  /** Chains that are sent, deleted and used up need not be remembered. */
  #dropFinished(): void {
    const current = this.#chains[this.#at]
    const kept: SentChain[] = []
    for (const [position, chain] of this.#chains.entries()) {
      const finished = position < this.#at && chain.usedUp && chain.freed === chain.next
      if (finished && chain.through === undefined) wipe(chain.address)
      else kept.push(chain)
    }
    this.#chains = kept
    this.#at = current === undefined ? 0 : kept.indexOf(current)
  }

  #forget(): void {
    for (const { address } of this.#chains) wipe(address)
    this.#chains = []
    this.#at = 0
  }
}

function unread(next: number): Pick<SentChain, "next" | "freed" | "cleared" | "through" | "usedUp"> {
  return { next, freed: next, cleared: next === 0, through: undefined, usedUp: false }
}

function takeRange(chain: SentChain): AcknowledgedRange {
  const through = chain.through as number
  chain.through = undefined
  return {
    chain: chain.chain,
    address: chain.address,
    month: chain.month,
    through,
    from: Math.min(chain.freed, through + 1),
    bottom: chain.cleared ? chain.freed : 0,
  }
}

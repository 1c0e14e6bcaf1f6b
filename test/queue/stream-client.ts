import type { Static } from "@sinclair/typebox"
import type { QueueEngine } from "../../src/queue/engine.ts"
import type { QueueStream, StreamSink } from "../../src/queue/stream.ts"
import type { StreamServerFrame } from "../../src/wire/queue.ts"
import type { Owner } from "./world.ts"

export type ServerFrame = Static<typeof StreamServerFrame>

/** Lets everything that is due happen. */
export async function settle(turns = 12): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A queue owner's end of a stream over a wire that holds a few frames; what is on the wire is lost when it is cut. */
export class StreamClient {
  readonly owner: Owner
  readonly #capacity: number
  #wire: ServerFrame[] = []
  #stream: QueueStream | undefined
  #full = false
  /** The most frames that ever were on the wire. */
  mostBuffered = 0
  /** The frames of the current stream, by type. */
  seen: ServerFrame["type"][] = []
  closedWith: number | undefined

  constructor(owner: Owner, capacity: number) {
    this.owner = owner
    this.#capacity = capacity
  }

  get waiting(): number {
    return this.#wire.length
  }

  open(engine: QueueEngine): void {
    this.cut()
    this.seen = []
    this.closedWith = undefined
    const wire: ServerFrame[] = []
    this.#wire = wire
    const sink: StreamSink = {
      send: (frame) => {
        wire.push(frame)
        this.mostBuffered = Math.max(this.mostBuffered, wire.length)
        this.#full = wire.length >= this.#capacity
        return !this.#full
      },
      close: (code) => {
        this.closedWith = code
      },
    }
    this.#stream = engine.openStream(this.owner.id, sink)
  }

  /** The connection breaks: what is on the wire never arrives. */
  cut(): void {
    this.#wire = []
    this.#full = false
    this.#stream?.onClosed()
    this.#stream = undefined
  }

  send(frame: Parameters<QueueStream["onFrame"]>[0]): void {
    this.#stream?.onFrame(frame)
  }

  /** Takes at most `max` frames off the wire. */
  receive(max: number): void {
    for (let i = 0; i < max; i++) {
      const frame = this.#wire.shift()
      if (frame === undefined) return
      this.#take(frame)
      if (this.#full && this.#wire.length < this.#capacity) {
        this.#full = false
        this.#stream?.onDrain()
      }
    }
  }

  #take(frame: ServerFrame): void {
    this.seen.push(frame.type)
    switch (frame.type) {
      case "starts":
        this.owner.learn(frame.starts)
        this.send({ type: "read", chains: this.owner.cursors() })
        break
      case "start":
        this.owner.learnNext(frame.start)
        break
      case "entry":
        this.owner.take(frame.chain, frame.index, frame.entry)
        break
      case "empty":
        break
    }
  }

  /** Acknowledges everything taken, and the chains that have a successor with entries. */
  acknowledge(): void {
    if (this.#stream === undefined || !this.seen.includes("starts")) return
    for (const { chain, through } of this.owner.acknowledgements()) {
      this.send({ type: "acknowledge", chain, through })
    }
  }

  usedUp(): void {
    for (const chain of this.owner.usedUp()) this.send({ type: "used-up", chain })
  }

  /** Takes and acknowledges until nothing more comes. */
  async finish(): Promise<void> {
    let quiet = 0
    while (quiet < 3) {
      await settle()
      quiet = this.waiting === 0 ? quiet + 1 : 0
      this.receive(Number.POSITIVE_INFINITY)
      this.acknowledge()
    }
  }
}

import { Recipient } from "../recipient.ts"
import type { Command, OpenedAnswer } from "./commands.ts"

/** Streams that are opened at a time. */
const OPENED_AT_ONCE = 50

/** All recipients, who count frames and acknowledge them. */
export class Audience {
  readonly #recipients: Recipient[] = []
  /** Frames that a waiting caller still misses. */
  #missing = 0
  #complete: () => void = () => undefined
  /** Told of each frame: whose message it is, by the talker's index, and which of its recipients got it. */
  onFrame: ((talker: number, recipient: number) => void) | undefined

  async open({ port, listeners }: Extract<Command, { kind: "listen" }>): Promise<OpenedAnswer> {
    const began = performance.now()
    for (let at = 0; at < listeners.length; at += OPENED_AT_ONCE) {
      const batch = listeners.slice(at, at + OPENED_AT_ONCE).map(async (listener, i) => {
        const recipient = at + i
        const received = () => this.#received(listener.talker, recipient)
        this.#recipients.push(await Recipient.open(port, listener, received))
      })
      await Promise.all(batch)
    }
    return { milliseconds: performance.now() - began }
  }

  /** Resolves when so many more frames have come. */
  frames(count: number): Promise<void> {
    this.#missing = count
    return new Promise((resolve) => {
      this.#complete = resolve
      if (count === 0) resolve()
    })
  }

  acknowledge(): void {
    for (const recipient of this.#recipients) recipient.acknowledge()
  }

  close(): void {
    for (const recipient of this.#recipients.splice(0)) recipient.close()
  }

  #received(talker: number, recipient: number): void {
    this.onFrame?.(talker, recipient)
    this.#missing--
    if (this.#missing === 0) this.#complete()
  }
}

/** What the load generator is asked for, and what it answers: messages between processes, so plain data only. */

/** One sender of one group, with all that a request of it needs. */
export interface Talker {
  readonly groupId: Uint8Array
  readonly earKey: Uint8Array
  readonly epoch: bigint
  readonly leaf: number
  readonly seed: Uint8Array
  /** Of each message. */
  readonly messageBytes: number
  /** Those who get its messages: how many streams of this generator. */
  readonly recipients: number
}

/** A chain of a queue, as its owner names it to read it from the beginning. */
export interface Cursor {
  readonly chain: Uint8Array
  readonly address: Uint8Array
  readonly month: number
  readonly next: number
}

/** Whose stream is opened: a QS client. */
export interface Reader {
  readonly id: Uint8Array
  readonly seed: Uint8Array
  /** Those that it reads at once; none if its queue is new. */
  readonly chains?: readonly Cursor[]
}

/** `talker`: index of the one whose messages it gets. */
export interface Listener extends Reader {
  readonly talker: number
}

export interface QueueOwner extends Reader {
  readonly queueSecret: Uint8Array
}

export type Command =
  /** Opens streams beside those that are open. */
  | {
      readonly kind: "listen"
      readonly port: number
      readonly talkers: readonly Talker[]
      readonly listeners: readonly Listener[]
    }
  /**
   * Sends `atOnce` messages in turn from all talkers, waits for all frames, acknowledges; and so on for so many rounds, or
   * until so many milliseconds have passed.
   */
  | {
      readonly kind: "rounds"
      readonly url: string
      readonly rounds: number
      readonly atOnce: number
      readonly milliseconds: number
    }
  /** Looks for the chains of queues, as clients do that know none yet, and reads nothing. */
  | { readonly kind: "chains"; readonly port: number; readonly owners: readonly QueueOwner[] }
  /** All open their streams in the same moment, read what is in their queues, and hang up. */
  | { readonly kind: "read"; readonly port: number; readonly readers: readonly Reader[] }
  /** Sends at a rate of its own, whatever the server does; meanwhile clients of their own open streams, one after the other. */
  | {
      readonly kind: "arrivals"
      readonly url: string
      readonly port: number
      readonly perSecond: number
      readonly seconds: number
      readonly probes: readonly Reader[]
    }
  /** Values of the Authorization header, each for one message; without any, messages are sent without. */
  | { readonly kind: "tokens"; readonly tokens: readonly string[] }
  /** Plain WebSockets that send nothing and count bytes. */
  | { readonly kind: "sockets"; readonly url: string; readonly count: number }
  | { readonly kind: "hang-up" }

export interface RoundsAnswer {
  /** Microseconds of each round. */
  readonly times: readonly number[]
}

export interface Spread {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly highest: number
}

export interface ArrivalsAnswer {
  /** Sent, with the answer "done", refused with 503, and failed in another way. */
  readonly sent: number
  readonly accepted: number
  readonly refused: number
  readonly failed: number
  /** Refusals that said when to try again. */
  readonly retryAfter: number
  /** Accepted messages, and frames, within the time of the arrivals. */
  readonly acceptedInTime: number
  readonly framesInTime: number
  /** Microseconds from the planned moment of sending. */
  readonly answer: Spread
  readonly refusal: Spread
  readonly frame: Spread
  /** Microseconds from the start of a connection to the end of its stream's backlog. */
  readonly opening: Spread
}

export interface ReadAnswer {
  /** Microseconds from the start of a connection until the backlog was read. */
  readonly opening: Spread
  /** Frames that they got together, and how often somebody had to come again. */
  readonly read: number
  readonly again: number
}

/** In the order of the owners. */
export interface ChainsAnswer {
  readonly chains: readonly (readonly Cursor[])[]
}

/** Milliseconds that opening took. */
export interface OpenedAnswer {
  readonly milliseconds: number
}

export interface Answers {
  readonly listen: OpenedAnswer
  readonly rounds: RoundsAnswer
  readonly chains: ChainsAnswer
  readonly read: ReadAnswer
  readonly arrivals: ArrivalsAnswer
  readonly tokens: Record<string, never>
  readonly sockets: OpenedAnswer
  readonly "hang-up": Record<string, never>
}

import type { Audience } from "./audience.ts"
import type { ArrivalsAnswer, Command, Spread } from "./commands.ts"
import type { Request, Sender } from "./sender.ts"

/** How often recipients acknowledge what they have. */
const ACKNOWLEDGE_MILLISECONDS = 100
/** The longest that is waited for answers and frames after the last arrival. */
const PATIENCE_MILLISECONDS = 6000
const MILLISECONDS_PER_TICK = 2

/**
 * Messages that are sent at a rate of their own, on time whether the server keeps up or not (open loop): what people do.
 * Times count from the moment at which a message was to be sent, so that a generator that is late does not flatter the
 * server. The frames of a group are taken to come in the order in which its messages were sent.
 */
export class Arrivals {
  readonly #sender: Sender
  readonly #audience: Audience
  readonly #command: Extract<Command, { kind: "arrivals" }>
  readonly #answers: number[] = []
  readonly #refusals: number[] = []
  readonly #frames: number[] = []
  /** Moments at which the messages of each talker were to be sent. */
  readonly #sent: number[][]
  /** How many frames each recipient has. */
  readonly #heard: number[] = []
  #retryAfter = 0
  #failed = 0
  #acceptedInTime = 0
  #framesInTime = 0
  #inTime = true

  constructor(sender: Sender, audience: Audience, command: Extract<Command, { kind: "arrivals" }>) {
    this.#sender = sender
    this.#audience = audience
    this.#command = command
    this.#sent = sender.talkers.map(() => [])
  }

  async run(): Promise<ArrivalsAnswer> {
    const { perSecond, seconds } = this.#command
    const requests = Array.from({ length: Math.round(perSecond * seconds) }, () => this.#sender.next())
    this.#audience.onFrame = (talker, recipient) => this.#heardFrom(talker, recipient)
    const acknowledging = setInterval(() => this.#audience.acknowledge(), ACKNOWLEDGE_MILLISECONDS)
    const began = performance.now()
    const posts: Promise<void>[] = []
    for (let sent = 0; sent < requests.length; await Bun.sleep(MILLISECONDS_PER_TICK)) {
      const due = Math.min(requests.length, ((performance.now() - began) * perSecond) / 1000)
      for (; sent < due; sent++)
        posts.push(this.#post(requests[sent] as Request, began + (sent * 1000) / perSecond))
    }
    this.#inTime = false
    await Promise.race([Promise.all(posts), Bun.sleep(PATIENCE_MILLISECONDS)])
    await this.#lastFrames()
    clearInterval(acknowledging)
    this.#audience.acknowledge()
    this.#audience.onFrame = undefined
    return this.#answer(requests.length)
  }

  async #post(request: Request, planned: number): Promise<void> {
    this.#sent[request.at]?.push(planned)
    const posted = await this.#sender.post(this.#command.url, request).catch(() => undefined)
    const time = (performance.now() - planned) * 1000
    if (posted?.status === 200) {
      this.#answers.push(time)
      if (this.#inTime) this.#acceptedInTime++
    } else if (posted?.status === 503) {
      this.#refusals.push(time)
      if (posted.retryAfter) this.#retryAfter++
    } else this.#failed++
  }

  #heardFrom(talker: number, recipient: number): void {
    const at = this.#heard[recipient] ?? 0
    this.#heard[recipient] = at + 1
    const planned = this.#sent[talker]?.[at]
    if (planned !== undefined) this.#frames.push((performance.now() - planned) * 1000)
    if (this.#inTime) this.#framesInTime++
  }

  /** Frames follow the answers closely; they are over when none has come for a while. */
  async #lastFrames(): Promise<void> {
    for (let before = -1; before !== this.#frames.length; await Bun.sleep(200)) before = this.#frames.length
  }

  #answer(sent: number): ArrivalsAnswer {
    return {
      sent,
      accepted: this.#answers.length,
      refused: this.#refusals.length,
      failed: this.#failed,
      retryAfter: this.#retryAfter,
      acceptedInTime: this.#acceptedInTime,
      framesInTime: this.#framesInTime,
      answer: spread(this.#answers),
      refusal: spread(this.#refusals),
      frame: spread(this.#frames),
    }
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { count: sorted.length, p50: at(0.5), p99: at(0.99) }
}

import { Recipient } from "../recipient.ts"
import type { Audience } from "./audience.ts"
import type { ArrivalsAnswer, Command } from "./commands.ts"
import type { Request, Sender } from "./sender.ts"
import { spread } from "./spread.ts"

/** How often recipients acknowledge what they have. */
const ACKNOWLEDGE_MILLISECONDS = 100
/** The longest that is waited for answers after the last arrival, and the pause after which no more frames are expected. */
const PATIENCE_MILLISECONDS = 20_000
const SILENCE_MILLISECONDS = 200
const MILLISECONDS_PER_TICK = 2

/** What became of one message. */
interface Sent {
  readonly at: number
  /** The moment at which it was to be sent. */
  readonly planned: number
  accepted: boolean
}

/**
 * Messages that are sent at a rate of their own, on time whether the server keeps up or not (open loop): what people do.
 * Times count from the moment at which a message was to be sent, so that a generator that is late does not flatter the
 * server. The frames of a group are taken to come in the order in which its messages were sent.
 */
export class Arrivals {
  readonly #sender: Sender
  readonly #audience: Audience
  readonly #command: Extract<Command, { kind: "arrivals" }>
  readonly #sent: Sent[] = []
  readonly #answers: number[] = []
  readonly #refusals: number[] = []
  readonly #openings: number[] = []
  /** Moments at which frames came, for each recipient of each talker. */
  readonly #heard = new Map<number, Map<number, number[]>>()
  #frames = 0
  #retryAfter = 0
  #failed = 0
  #acceptedInTime = 0
  #framesInTime = 0
  #inTime = true

  constructor(sender: Sender, audience: Audience, command: Extract<Command, { kind: "arrivals" }>) {
    this.#sender = sender
    this.#audience = audience
    this.#command = command
  }

  async run(): Promise<ArrivalsAnswer> {
    const { perSecond, seconds } = this.#command
    const requests = Array.from({ length: Math.round(perSecond * seconds) }, () => this.#sender.next())
    this.#audience.onFrame = (talker, recipient) => this.#heardFrom(talker, recipient)
    const acknowledging = setInterval(() => this.#audience.acknowledge(), ACKNOWLEDGE_MILLISECONDS)
    const work = [this.#probe(), ...(await this.#send(requests))]
    this.#inTime = false
    await Promise.race([Promise.all(work), Bun.sleep(PATIENCE_MILLISECONDS)])
    for (let before = -1; before !== this.#frames; await Bun.sleep(SILENCE_MILLISECONDS))
      before = this.#frames
    clearInterval(acknowledging)
    this.#audience.acknowledge()
    this.#audience.onFrame = undefined
    return this.#answer(requests.length)
  }

  async #send(requests: readonly Request[]): Promise<Promise<void>[]> {
    const { perSecond } = this.#command
    const began = performance.now()
    const posts: Promise<void>[] = []
    for (let sent = 0; sent < requests.length; await Bun.sleep(MILLISECONDS_PER_TICK)) {
      const due = Math.min(requests.length, ((performance.now() - began) * perSecond) / 1000)
      for (; sent < due; sent++) {
        posts.push(this.#post(requests[sent] as Request, began + (sent * 1000) / perSecond))
      }
    }
    return posts
  }

  async #post(request: Request, planned: number): Promise<void> {
    const sent: Sent = { at: request.at, planned, accepted: false }
    this.#sent.push(sent)
    const posted = await this.#sender.post(this.#command.url, request).catch(() => undefined)
    const time = (performance.now() - planned) * 1000
    if (posted?.status === 200) {
      sent.accepted = true
      this.#answers.push(time)
      if (this.#inTime) this.#acceptedInTime++
    } else if (posted?.status === 503) {
      this.#refusals.push(time)
      if (posted.retryAfter) this.#retryAfter++
    } else this.#failed++
  }

  async #probe(): Promise<void> {
    const { port, seconds, probes } = this.#command
    const opened = probes.map(async (reader, i) => {
      await Bun.sleep(((i + 0.5) * seconds * 1000) / probes.length)
      const began = performance.now()
      const recipient = await Recipient.open(port, reader, () => undefined).catch(() => undefined)
      if (recipient !== undefined) this.#openings.push((performance.now() - began) * 1000)
      recipient?.close()
    })
    await Promise.all(opened)
  }

  #heardFrom(talker: number, recipient: number): void {
    const recipients = this.#heard.get(talker) ?? new Map<number, number[]>()
    this.#heard.set(talker, recipients)
    const moments = recipients.get(recipient) ?? []
    recipients.set(recipient, moments)
    moments.push(performance.now())
    this.#frames++
    if (this.#inTime) this.#framesInTime++
  }

  #frameTimes(): number[] {
    return [...this.#heard].flatMap(([talker, recipients]) => {
      const planned = this.#sent.filter(({ at, accepted }) => accepted && at === talker)
      return [...recipients.values()].flatMap((moments) =>
        planned.slice(0, moments.length).map((sent, i) => ((moments[i] as number) - sent.planned) * 1000),
      )
    })
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
      frame: spread(this.#frameTimes()),
      opening: spread(this.#openings),
    }
  }
}

import { PUSH_TTL_SECONDS } from "../../limits.ts"
import { type Outgoing, OutgoingFailed } from "../../outgoing/post.ts"
import { parseEndpoint } from "./endpoint.ts"
import type { Vapid } from "./vapid.ts"

/** What became of a push: `gone` means that no push to this endpoint will ever arrive. */
export type PushOutcome = "sent" | "gone" | "refused" | "failed"

/**
 * Empty Web Pushes (RFC 8030 section 5): they say that there is something to fetch and nothing else. There is no
 * content, so there is nothing to encrypt (RFC 8291). A newer one takes the place of one that has not arrived yet.
 */
export class WebPush {
  readonly #outgoing: Outgoing
  readonly #vapid: Vapid

  constructor(outgoing: Outgoing, vapid: Vapid) {
    this.#outgoing = outgoing
    this.#vapid = vapid
  }

  /** `url`: the push resource, the caller's to wipe. Never throws for what the other side does. */
  async send(url: Uint8Array): Promise<PushOutcome> {
    const endpoint = parseEndpoint(url)
    if (endpoint === undefined) return "gone"
    try {
      return outcomeOf(
        await this.#outgoing.post(endpoint, {
          Authorization: this.#vapid.authorization(endpoint.origin),
          TTL: `${PUSH_TTL_SECONDS}`,
          Urgency: "normal",
          Topic: "queue",
        }),
      )
    } catch (error) {
      if (error instanceof OutgoingFailed) return "failed"
      throw error
    }
  }
}

function outcomeOf(status: number): PushOutcome {
  if (status < 300) return "sent"
  if (status === 404 || status === 410) return "gone"
  return status === 429 || status >= 500 ? "failed" : "refused"
}

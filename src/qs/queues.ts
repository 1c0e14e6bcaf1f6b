import type { Static } from "@sinclair/typebox"
import type { QueueStream, StreamSink } from "../queue/stream.ts"
import type { Handlers, SignedCall } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"
import type { queues as operations } from "../wire/qs/queues.ts"
import type { StreamOpen } from "../wire/queue.ts"
import type { QsParts } from "./parts.ts"

/** Reading the own queue (docs/protocol.md section 6.3), without a stream. */
export function queueHandlers({ authentication, engine, pushes }: QsParts): Handlers<typeof operations> {
  return {
    async dequeue(call) {
      const { id: client, params } = authentication.client(call)
      pushes.seen(client)
      const result = await engine.dequeue(client, params)
      if (result === undefined) throw new Problem("auth.refused")
      return result
    },
  }
}

/**
 * Verifies who opens a stream, and begins it.
 *
 * @throws Problem `auth.refused`, `auth.replayed`
 */
export function openStream(
  { authentication, engine, pushes }: QsParts,
  call: SignedCall<Static<typeof StreamOpen>>,
  sink: StreamSink,
): QueueStream {
  const { id: client } = authentication.client(call)
  const stream = engine.openStream(client, sink)
  if (stream === undefined) throw new Problem("auth.refused")
  pushes.seen(client)
  return stream
}

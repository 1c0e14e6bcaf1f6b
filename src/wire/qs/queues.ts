import { SMALL_REQUEST_BODY_BYTES_MAX } from "../../limits.ts"
import { endpoint } from "../endpoint.ts"
import { DequeueParams, DequeueResult } from "../queue.ts"

/** How a client reads its queue without a stream; the stream is in wire/queue.ts. */
export const queues = {
  dequeue: endpoint({
    name: "qs.dequeue",
    path: "/qs/dequeue",
    sender: "qs-client",
    token: false,
    summary: "Reads the own queue without a stream and deletes what is acknowledged.",
    params: DequeueParams,
    result: DequeueResult,
    bodyBytesMax: SMALL_REQUEST_BODY_BYTES_MAX,
    problems: ["queue.invalid-cursor"],
  }),
} as const

import { expect, test } from "bun:test"
import { Addressee, address } from "../../src/ds/fan-out.ts"
import { FAN_OUT_BYTES_MAX, QUEUE_MESSAGE_BYTES_MAX } from "../../src/limits.ts"
import { MemoryFanout } from "./memory-fanout.ts"

test("what one request sends to everybody together has a limit, whatever each gets", () => {
  const fanout = new MemoryFanout("example.org")
  const message = new Uint8Array(QUEUE_MESSAGE_BYTES_MAX)
  const queueConfig = fanout.queueConfig("queue", "example.org")
  const addressees = (count: number) =>
    Array.from({ length: count }, (_, leaf) => {
      return new Addressee({ leaf, queueConfig, ticket: undefined }, message)
    })
  const most = FAN_OUT_BYTES_MAX / QUEUE_MESSAGE_BYTES_MAX
  expect(address(fanout, addressees(most)).deliveries).toHaveLength(most)
  expect(() => address(fanout, addressees(most + 1))).toThrow(
    expect.objectContaining({ code: "ds.fan-out-too-large" }),
  )
})

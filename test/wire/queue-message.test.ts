import { expect, test } from "bun:test"
import fc from "fast-check"
import { decodeQueueMessage, encodeQueueMessage, type QueueMessage } from "../../src/wire/queue-message.ts"
import { CodecError } from "../../src/wire/tls.ts"

const bytes = fc.uint8Array({ maxLength: 300 })
const groupId = fc.uint8Array({ minLength: 16, maxLength: 16 })
const bundle = fc.record({
  epoch: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  welcome: bytes,
  sealedEarKey: bytes,
  attribution: bytes,
})
const message: fc.Arbitrary<QueueMessage> = fc.oneof(
  fc.record({ type: fc.constant("mls" as const), groupId, message: bytes }),
  fc.record({ type: fc.constant("welcome" as const), groupId, bundle }),
  fc.record({
    type: fc.constant("proposals" as const),
    groupId,
    proposals: fc.array(bytes, { maxLength: 5 }),
  }),
)

test("queue messages round-trip, and nothing but a whole one decodes", () => {
  fc.assert(
    fc.property(message, fc.nat(), (value, cut) => {
      const encoded = encodeQueueMessage(value)
      expect(decodeQueueMessage(encoded)).toEqual(value)
      expect(() => decodeQueueMessage(encoded.subarray(0, cut % encoded.length))).toThrow(CodecError)
      expect(() => decodeQueueMessage(Uint8Array.of(...encoded, 0))).toThrow(CodecError)
      expect(() => decodeQueueMessage(encoded.with(0, 2))).toThrow(CodecError)
      expect(() => decodeQueueMessage(encoded.with(1, 4))).toThrow(CodecError)
    }),
    { numRuns: 200 },
  )
})

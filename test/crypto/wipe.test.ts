import { expect, test } from "bun:test"
import { discard, isZero, release } from "../../src/crypto/wipe.ts"

const LARGE_BYTES = 64 * 1024

test("large buffers are given back with every view of them, small ones are left as they are", () => {
  const [large, small] = [new Uint8Array(LARGE_BYTES).fill(1), new Uint8Array(1024).fill(1)]
  const view = large.subarray(8)
  for (const bytes of [view, small]) release(bytes)
  expect([large.length, view.length]).toEqual([0, 0])
  expect(small).toEqual(new Uint8Array(1024).fill(1))
})

test("what is discarded is overwritten", () => {
  const [large, small] = [new Uint8Array(LARGE_BYTES).fill(1), new Uint8Array(1024).fill(1)]
  discard(large, small)
  expect(large).toHaveLength(0)
  expect(isZero(small)).toBe(true)
})

test("bytes are zero if each of them is, wherever in a buffer they begin and however few they are", () => {
  for (let offset = 0; offset < 8; offset++) {
    for (let length = 0; length < 20; length++) {
      const around = new Uint8Array(40).fill(1)
      const bytes = around.subarray(offset, offset + length).fill(0)
      expect(isZero(bytes)).toBe(true)
      for (let at = 0; at < length; at++) {
        bytes[at] = 0x80
        expect(isZero(bytes)).toBe(false)
        bytes[at] = 0
      }
    }
  }
})

import { expect, test } from "bun:test"
import { isZero } from "../../src/crypto/wipe.ts"

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

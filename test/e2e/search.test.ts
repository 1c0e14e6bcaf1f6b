import { expect, test } from "bun:test"
import { Buffer } from "node:buffer"
import { concat, toHex, utf8 } from "../../src/wire/bytes.ts"
import { contains, Haystack } from "./search.ts"

/** The attacks on the data directory prove something only if they find what is there. */

const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))

test("finds a key in every form and at every place", () => {
  for (let at = 0; at < 6; at++) {
    const key = random(32)
    const around = (inner: Uint8Array) => [random(100), concat(random(at), inner, random(9))]
    const inside = Buffer.from(concat(random(at), key, random(5)))
    for (const text of [
      toHex(key),
      toHex(key).toUpperCase(),
      inside.toString("base64"),
      inside.toString("base64url"),
    ]) {
      expect(contains(around(utf8(text)), key)).toBe(true)
    }
    expect(contains(around(key), key)).toBe(true)
    expect(contains([random(100), key.subarray(1)], key)).toBe(false)
  }
  const id = random(16)
  expect(contains([utf8(`x${toHex(id).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}`)], id)).toBe(
    true,
  )
})

test("finds a part of a value wherever it is, but nothing that is excepted or does not look random", () => {
  for (let round = 0; round < 50; round++) {
    const id = random(16)
    const haystack = new Haystack([random(5000), concat(random(round), id, random(77))])
    const value = concat(random(round * 3), id, random(20))
    expect(haystack.sharedWith(value).length).toBe(1)
    expect(haystack.sharedWith(value, new Haystack([id]))).toEqual([])
    expect(haystack.sharedWith(random(1000))).toEqual([])
  }
  expect(new Haystack([new Uint8Array(100)]).sharedWith(new Uint8Array(50))).toEqual([])
})

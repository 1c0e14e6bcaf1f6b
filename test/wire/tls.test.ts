import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { fromHex, toHex } from "../../src/wire/bytes.ts"
import { CodecError, decodeAll, encodeWith, Reader, VECTOR_LENGTH_MAX, Writer } from "../../src/wire/tls.ts"

interface Sample {
  small: number
  medium: number
  large: number
  huge: bigint
  fixed: Uint8Array
  opaque: Uint8Array
  items: Uint8Array[]
  maybe: number | undefined
}

function writeSample(writer: Writer, value: Sample): void {
  writer
    .u8(value.small)
    .u16(value.medium)
    .u32(value.large)
    .u64(value.huge)
    .raw(value.fixed)
    .opaque(value.opaque)
  writer.vector(value.items, (inner, item) => inner.opaque(item))
  writer.optional(value.maybe, (inner, item) => inner.u16(item))
}

function readSample(reader: Reader): Sample {
  return {
    small: reader.u8(),
    medium: reader.u16(),
    large: reader.u32(),
    huge: reader.u64(),
    fixed: reader.raw(5),
    opaque: reader.opaque(),
    items: reader.vector((inner) => inner.opaque()),
    maybe: reader.optional((inner) => inner.u16()),
  }
}

const sample: fc.Arbitrary<Sample> = fc.record({
  small: fc.nat(0xff),
  medium: fc.nat(0xffff),
  large: fc.nat(0xffff_ffff),
  huge: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fixed: fc.uint8Array({ minLength: 5, maxLength: 5 }),
  opaque: fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.nat(40_000).map((length) => new Uint8Array(length).fill(3)),
  ),
  items: fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 6 }),
  maybe: fc.option(fc.nat(0xffff), { nil: undefined }),
})

describe("the TLS codec", () => {
  test("decodes what it encoded", () => {
    fc.assert(
      fc.property(sample, (value) => {
        expect(decodeAll(encodeWith(value, writeSample), readSample)).toEqual(value)
      }),
      { numRuns: 150 },
    )
  })

  test("accepts only what it would encode, in changed, cut and extended bytes", () => {
    fc.assert(
      fc.property(sample, fc.nat(), fc.nat(255), (value, at, byte) => {
        const bytes = encodeWith(value, writeSample)
        const changed = bytes.slice()
        changed[at % changed.length] = byte
        for (const input of [
          changed,
          bytes.subarray(0, at % bytes.length),
          Uint8Array.of(...bytes.subarray(0, 500), byte),
        ]) {
          let decoded: Sample
          try {
            decoded = decodeAll(input, readSample)
          } catch (error) {
            expect(error).toBeInstanceOf(CodecError)
            continue
          }
          expect(encodeWith(decoded, writeSample)).toEqual(input)
        }
      }),
      { numRuns: 150 },
    )
  })

  test("vector headers are the shortest that hold the length", () => {
    const lengths: [number, string][] = [
      [0, "00"],
      [63, "3f"],
      [64, "4040"],
      [16_383, "7fff"],
      [16_384, "80004000"],
      [VECTOR_LENGTH_MAX, "bfffffff"],
    ]
    for (const [length, hex] of lengths) {
      expect(toHex(new Writer().vectorHeader(length).view())).toBe(hex)
      expect(new Reader(fromHex(hex)).vectorHeader()).toBe(length)
    }
    expect(() => new Writer().vectorHeader(VECTOR_LENGTH_MAX + 1)).toThrow(CodecError)
  })

  for (const [what, hex] of [
    ["a two-byte header for a short vector", "403f"],
    ["a four-byte header for a two-byte length", "80003fff"],
    ["the reserved header", "c000000000000000"],
    ["a vector longer than the input", "bfffffff00"],
    ["a cut header", "40"],
    ["nothing", ""],
  ] as const) {
    test(`refuses ${what}`, () => {
      expect(() => new Reader(fromHex(hex)).opaque()).toThrow(CodecError)
    })
  }

  test("refuses an optional marker that is neither 0 nor 1, trailing bytes and empty elements", () => {
    expect(() => new Reader(Uint8Array.of(2, 0)).optional((inner) => inner.u8())).toThrow(CodecError)
    expect(() => decodeAll(Uint8Array.of(1, 2), (reader) => reader.u8())).toThrow(CodecError)
    expect(() => new Reader(Uint8Array.of(1, 0)).vector(() => 0)).toThrow(CodecError)
  })

  test("refuses a vector whose last element reaches beyond it", () => {
    expect(() => new Reader(fromHex("0301020304")).vector((inner) => inner.u16())).toThrow(CodecError)
  })

  test("a wiped writer holds nothing of what it wrote", () => {
    const writer = new Writer(4).opaque(new Uint8Array(100).fill(7))
    const view = writer.view()
    const copy = writer.finish()
    writer.wipe()
    expect(view).toEqual(new Uint8Array(102))
    expect(copy.length).toBe(102)
    expect(copy[5]).toBe(7)
    expect(writer.length).toBe(0)
  })

  test("reads views that start in the middle of a buffer", () => {
    const buffer = Uint8Array.of(9, 9, 2, 5, 6, 9)
    expect(decodeAll(buffer.subarray(2, 5), (reader) => reader.opaque())).toEqual(Uint8Array.of(5, 6))
  })
})

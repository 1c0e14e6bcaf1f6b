import { describe, expect, test } from "bun:test"
import { encode as referenceEncode, rfc8949EncodeOptions } from "cborg"
import fc from "fast-check"
import { fromHex, toHex } from "../../src/wire/bytes.ts"
import { CBOR_DEPTH_MAX, decodeBody, decodeCbor, encodeBody, encodeCbor } from "../../src/wire/cbor.ts"
import { CodecError } from "../../src/wire/tls.ts"

const key = fc.string({ unit: "binary", maxLength: 30 }).filter((text) => text !== "__proto__")
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger(),
    fc.integer({ min: -300, max: 300 }),
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(key, tie("value"), { maxKeys: 8, noNullPrototype: true }),
  ),
}))

/** Every accepted input is the one encoding of its value; everything else is the one error. */
function decodesStrictly(bytes: Uint8Array): void {
  let decoded: unknown
  try {
    decoded = decodeCbor(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError)
    return
  }
  expect(encodeCbor(decoded)).toEqual(bytes)
}

describe("CBOR", () => {
  test("encodes like an independent encoder of the deterministic form, and decodes to the same value", () => {
    fc.assert(
      fc.property(value, (any) => {
        const encoded = encodeCbor(any)
        expect(encoded).toEqual(referenceEncode(any, rfc8949EncodeOptions))
        expect(decodeCbor(encoded)).toEqual(any)
      }),
      { numRuns: 300 },
    )
  })

  test("accepts no second encoding of anything, in random and in slightly changed bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), decodesStrictly), { numRuns: 300 })
    fc.assert(
      fc.property(value, fc.nat(), fc.nat(255), (any, at, byte) => {
        const changed = encodeCbor(any).slice()
        changed[at % changed.length] = byte
        decodesStrictly(changed)
        decodesStrictly(changed.subarray(0, at % changed.length))
      }),
      { numRuns: 300 },
    )
  })

  // RFC 8949 appendix A.
  const examples: [string, unknown][] = [
    ["00", 0],
    ["17", 23],
    ["1818", 24],
    ["1903e8", 1000],
    ["1a000f4240", 1_000_000],
    ["1b000000e8d4a51000", 1_000_000_000_000],
    ["1b001fffffffffffff", Number.MAX_SAFE_INTEGER],
    ["20", -1],
    ["3903e7", -1000],
    ["3b001ffffffffffffe", Number.MIN_SAFE_INTEGER],
    ["f4", false],
    ["f5", true],
    ["f6", null],
    ["40", new Uint8Array(0)],
    ["4401020304", Uint8Array.of(1, 2, 3, 4)],
    ["62c3bc", "ü"],
    ["64f0908591", "𐅑"],
    ["8301820203820405", [1, [2, 3], [4, 5]]],
    ["a0", {}],
    ["a26161016162820203", { a: 1, b: [2, 3] }],
  ]
  for (const [hex, expected] of examples) {
    test(`${hex} is the encoding of its value`, () => {
      expect(decodeCbor(fromHex(hex))).toEqual(expected)
      expect(toHex(encodeCbor(expected))).toBe(hex)
    })
  }

  const refused: [string, string][] = [
    ["nothing", ""],
    ["trailing bytes", "0000"],
    ["an integer not in shortest form", "1800"],
    ["a 16-bit integer that fits 8", "190018"],
    ["a 32-bit integer that fits 16", "1a0000ffff"],
    ["a 64-bit integer that fits 32", "1b00000000ffffffff"],
    ["an integer beyond 53 bits", "1b0020000000000000"],
    ["the largest integer", "1bffffffffffffffff"],
    ["a negative integer beyond 53 bits", "3b001fffffffffffff"],
    ["a length not in shortest form", "580100"],
    ["an indefinite byte string", "5f4100ff"],
    ["an indefinite text", "7f6161ff"],
    ["an indefinite array", "9fff"],
    ["an indefinite map", "bfff"],
    ["a break", "ff"],
    ["reserved additional information", "1c"],
    ["undefined", "f7"],
    ["an unassigned simple value", "e0"],
    ["a two-byte simple value", "f8ff"],
    ["a half-precision float", "f93c00"],
    ["a single-precision float", "fa47c35000"],
    ["a double-precision float", "fb3ff0000000000000"],
    ["a tag", "c000"],
    ["a bignum", "c24101"],
    ["text that is not UTF-8", "61ff"],
    ["an encoded surrogate", "63eda080"],
    ["an overlong encoding", "62c0af"],
    ["a truncated byte string", "420a"],
    ["a byte string longer than memory", "5b001fffffffffffff"],
    ["an array longer than the input", "9b001fffffffffffff"],
    ["a map longer than the input", "bb000fffffffffffff00"],
    ["a map without its last value", "a16161"],
    ["a map with an integer key", "a10101"],
    ["a map with a byte string key", "a1416101"],
    ["a map with a key twice", "a2616101616102"],
    ["map keys out of order", "a2616201616101"],
    ["a longer key before a shorter one", "a262616101616201"],
    ["the key __proto__", `a169${toHex(new TextEncoder().encode("__proto__"))}a0`],
  ]
  for (const [what, hex] of refused) {
    test(`refuses ${what}`, () => {
      expect(() => decodeCbor(fromHex(hex))).toThrow(CodecError)
    })
  }

  test("nests to the limit and not beyond, however deep the input claims to be", () => {
    const nested = (depth: number) => new Uint8Array(depth + 1).fill(0x81, 0, depth)
    expect(encodeCbor(decodeCbor(nested(CBOR_DEPTH_MAX)))).toEqual(nested(CBOR_DEPTH_MAX))
    expect(() => decodeCbor(nested(CBOR_DEPTH_MAX + 1))).toThrow(CodecError)
    expect(() => decodeCbor(nested(1_000_000))).toThrow(CodecError)
    let deep: unknown = 0
    for (let i = 0; i <= CBOR_DEPTH_MAX; i++) deep = { deep }
    expect(() => encodeCbor(deep)).toThrow(CodecError)
    const circular: unknown[] = []
    circular.push(circular)
    expect(() => encodeCbor(circular)).toThrow(CodecError)
  })

  test("encodes nothing that it would not decode", () => {
    const own = JSON.parse('{"__proto__": 1}') as unknown
    const bad = [
      undefined,
      0.5,
      Number.NaN,
      2 ** 53,
      -(2 ** 53),
      1n,
      Symbol("s"),
      () => 0,
      "\ud800",
      "a\udc00b",
      own,
    ]
    for (const any of bad) {
      for (const wrapped of [any, [any], { a: any }]) expect(() => encodeCbor(wrapped)).toThrow(CodecError)
    }
    for (const any of [new Date(), new Map(), /a/, new Uint16Array(2), new ArrayBuffer(2)]) {
      expect(() => encodeCbor(any)).toThrow(CodecError)
    }
    expect(() => encodeCbor({ "\ud800": 1 })).toThrow(CodecError)
    expect(toHex(encodeCbor(-0))).toBe("00")
  })

  test("keys named like members of every object are keys like any other", () => {
    const names = { constructor: 1, toString: 2, hasOwnProperty: 3 }
    const decoded = decodeCbor(encodeCbor(names))
    expect(decoded).toEqual(names)
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
  })

  test("decoded byte strings are views: overwriting the input overwrites them", () => {
    const body = encodeBody({ earKey: new Uint8Array(32).fill(7) })
    const { earKey } = decodeBody(body) as { earKey: Uint8Array }
    body.fill(0)
    expect(earKey).toEqual(new Uint8Array(32))
  })

  test("errors never echo the input", () => {
    for (const [hex, echo] of [
      ["6573656372ff", "secr"],
      ["a2667365637265740066736563726574", "secret"],
      ["1a0000303900", "12345"],
    ] as const) {
      let message = ""
      try {
        decodeCbor(fromHex(hex))
      } catch (error) {
        message = String(error)
      }
      expect(message).toContain("CodecError")
      expect(message).not.toContain(echo)
    }
  })
})

describe("a versioned body", () => {
  test("is the version and the value", () => {
    expect(toHex(encodeBody({ a: 1 }))).toBe("01a1616101")
    expect(decodeBody(fromHex("01a1616101"))).toEqual({ a: 1 })
  })

  test("of another version, or none, is refused", () => {
    for (const hex of ["", "00a0", "02a0", "a0", "01"])
      expect(() => decodeBody(fromHex(hex))).toThrow(CodecError)
  })
})

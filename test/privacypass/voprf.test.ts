import { describe, expect, test } from "bun:test"
import { ristretto255 } from "@noble/curves/ed25519.js"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { type EvaluatedInput, nobleVoprf, type VoprfKeyPair } from "../../src/privacypass/voprf.ts"
import { fromHex, utf8 } from "../../src/wire/bytes.ts"
import { outcome, voprf } from "./world.ts"

/** The function by itself; RFC 9497's vectors run with `npm run vectors`. */

const { random } = nativeCrypto
const INFO = utf8("PrivacyPass")
const keys = voprf.deriveKeyPair(random(32), INFO)

/** Encodings that RFC 9496 section 4.3.1 refuses, and lengths that no element has. */
const badElements: readonly (readonly [string, Uint8Array])[] = [
  ["the identity", new Uint8Array(32)],
  ["a field element that is not canonical", fromHex(`ed${"ff".repeat(30)}7f`)],
  ["a negative field element", fromHex(`01${"00".repeat(31)}`)],
  ["a set top bit", fromHex(`${"00".repeat(31)}80`)],
  ["no square root", fromHex("26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371")],
  ["31 bytes", random(31)],
  ["33 bytes", random(33)],
  ["nothing", new Uint8Array(0)],
]

function batch(pair: VoprfKeyPair, count: number): { items: EvaluatedInput[]; proof: Uint8Array } {
  const inputs = Array.from({ length: count }, () => random(98))
  const blinds = inputs.map((input) => voprf.blind(input))
  const { evaluated, proof } = voprf.blindEvaluateBatch(
    pair,
    blinds.map(({ blinded }) => blinded),
  )
  return { items: inputs.map((input, i) => ({ input, ...blinds[i]!, evaluated: evaluated[i]! })), proof }
}

function finalize(items: readonly EvaluatedInput[], proof: Uint8Array, publicKey = keys.publicKey) {
  return outcome(() => voprf.finalizeBatch(publicKey, items, proof))
}

describe("the VOPRF", () => {
  test("gives the client the outputs that the server computes alone, under one proof", () => {
    for (const count of [1, 2, 7]) {
      const { items, proof } = batch(keys, count)
      expect(proof.length).toBe(64)
      expect(voprf.finalizeBatch(keys.publicKey, items, proof)).toEqual(
        items.map(({ input }) => voprf.evaluate(keys.secretKey, input)),
      )
    }
  })

  test("derives the same key from the same seed, another from another seed or purpose", () => {
    const seed = random(32)
    const derived = voprf.deriveKeyPair(seed, INFO)
    expect(voprf.deriveKeyPair(seed, INFO)).toEqual(derived)
    expect(voprf.deriveKeyPair(seed, utf8("else"))).not.toEqual(derived)
    expect(voprf.deriveKeyPair(random(32), INFO)).not.toEqual(derived)
  })

  for (const [name, element] of badElements) {
    test(`refuses ${name} for a blinded element, an evaluated one and a public key`, async () => {
      const { items, proof } = batch(keys, 2)
      const { blinded } = items[0]!
      expect(await outcome(() => voprf.blindEvaluateBatch(keys, [blinded, element]))).toBe("element")
      expect(await finalize([items[0]!, { ...items[1]!, evaluated: element }], proof)).toBe("proof")
      expect(await finalize([items[0]!, { ...items[1]!, blinded: element }], proof)).toBe("proof")
      expect(await finalize(items, proof, element)).toBe("proof")
    })
  }

  test("refuses an empty batch on both sides", async () => {
    expect(await outcome(() => voprf.blindEvaluateBatch(keys, []))).toBe("batch-size")
    expect(await finalize([], batch(keys, 1).proof)).toBe("batch-size")
  })

  test("refuses a proof that was changed anywhere, cut, lengthened or not canonical", async () => {
    const { items, proof } = batch(keys, 3)
    expect(await finalize(items, proof)).toBe("done")
    for (let bit = 0; bit < 512; bit += 37) {
      const forged = proof.slice()
      forged[bit >> 3]! ^= 1 << (bit & 7)
      expect(await finalize(items, forged)).toBe("proof")
    }
    expect(await finalize(items, proof.subarray(0, 63))).toBe("proof")
    expect(await finalize(items, new Uint8Array([...proof, 0]))).toBe("proof")
    const { ORDER } = ristretto255.Point.Fn
    const s = BigInt(`0x${proof.slice(32).toReversed().toHex()}`) + ORDER
    const unreduced = fromHex(s.toString(16).padStart(64, "0")).reverse()
    expect(await finalize(items, new Uint8Array([...proof.subarray(0, 32), ...unreduced]))).toBe("proof")
  })

  test("refuses evaluated elements that were swapped, repeated, left out or taken from another batch", async () => {
    const { items, proof } = batch(keys, 3)
    const [a, b, c] = items as [EvaluatedInput, EvaluatedInput, EvaluatedInput]
    const other = batch(keys, 3).items[0]!
    const withEvaluated = (item: EvaluatedInput, { evaluated }: EvaluatedInput) => ({ ...item, evaluated })
    expect(await finalize([withEvaluated(a, b), withEvaluated(b, a), c], proof)).toBe("proof")
    expect(await finalize([withEvaluated(a, b), b, c], proof)).toBe("proof")
    expect(await finalize([a, b], proof)).toBe("proof")
    expect(await finalize([a, b, c, c], proof)).toBe("proof")
    expect(await finalize([b, a, c], proof)).toBe("proof")
    expect(await finalize([withEvaluated(a, other), b, c], proof)).toBe("proof")
  })

  test("refuses the proof of another key, so that a key for one client alone is noticed", async () => {
    const tagging = voprf.deriveKeyPair(random(32), INFO)
    const { items, proof } = batch(tagging, 2)
    expect(await finalize(items, proof)).toBe("proof")
    const { secretKey } = tagging
    const claiming = voprf.blindEvaluateBatch(
      { secretKey, publicKey: keys.publicKey },
      items.map(({ blinded }) => blinded),
    )
    const claimed = items.map((item, i) => ({ ...item, evaluated: claiming.evaluated[i]! }))
    expect(await finalize(claimed, claiming.proof)).toBe("proof")
  })

  test("overwrites the random bytes that blinds and proofs are made of", () => {
    const drawn: Uint8Array[] = []
    const watched = nobleVoprf((length) => {
      drawn.push(random(length))
      return drawn.at(-1)!
    })
    const { blind, blinded } = watched.blind(random(98))
    watched.blindEvaluateBatch(keys, [blinded])
    expect(drawn.length).toBe(2)
    for (const bytes of drawn) expect(bytes.every((byte) => byte === 0)).toBe(true)
    expect(blind.some((byte) => byte !== 0)).toBe(true)
  })
})

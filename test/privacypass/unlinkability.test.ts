import { describe, expect, test } from "bun:test"
import { ristretto255 } from "@noble/curves/ed25519.js"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { decodeBatchRequest, decodeBatchResponse } from "../../src/privacypass/batch.ts"
import { encodeToken } from "../../src/privacypass/token.ts"
import { compare, toHex } from "../../src/wire/bytes.ts"
import { windows } from "../queue/bytes.ts"
import { answer, buy, newKey, order, voprf } from "./world.ts"

/**
 * Why an issuer that records everything and knows its key cannot tell which issuance a token came from: every blinded
 * element fits every token, equally likely. With the prime order q of the group, blinding is r -> r * H(input), and H(input)
 * is not the identity, so each element comes from exactly one r.
 */

const { Point } = ristretto255
const { Fn } = Point
const { random } = nativeCrypto

function randomScalar(): bigint {
  return Fn.create(BigInt(`0x${toHex(random(48))}`))
}

describe("issuance and redemption", () => {
  test("share no bytes but the key's last one: neither nonce nor authenticator is in what the issuer saw", async () => {
    const key = newKey()
    const pending = order(key, 5)
    const response = await answer(key, pending.request)
    const transcript = new Set([...windows(pending.request, 6), ...windows(response, 6)])
    for (const { nonce, authenticator } of pending.finalize(voprf, response)) {
      for (const part of [...windows(nonce, 6), ...windows(authenticator, 6)]) {
        expect(transcript.has(part)).toBe(false)
      }
    }
  })

  test("one token comes out of any number of transcripts, which have nothing in common", () => {
    const key = newKey()
    const input = random(98)
    const runs = Array.from({ length: 20 }, () => {
      const { blind, blinded } = voprf.blind(input)
      const { evaluated, proof } = voprf.blindEvaluateBatch(key, [blinded])
      const items = [{ input, blind, blinded, evaluated: evaluated[0]! }]
      return {
        seen: [blinded, evaluated[0]!, proof],
        output: voprf.finalizeBatch(key.publicKey, items, proof)[0]!,
      }
    })
    expect(new Set(runs.map(({ output }) => toHex(output))).size).toBe(1)
    expect(new Set(runs.flatMap(({ seen }) => seen.map(toHex))).size).toBe(3 * runs.length)
  })

  test("every blinded element fits every token: there is a blind that leads from one to the other", () => {
    // Logarithms of hashed inputs are unknown to everybody; with points whose logarithms are known the blind can be computed.
    const key = Fn.fromBytes(newKey().secretKey)
    const tokens = Array.from({ length: 6 }, () => {
      const logarithm = randomScalar()
      const point = Point.BASE.multiply(logarithm)
      const blind = randomScalar()
      return { logarithm, point, unblinded: point.multiply(key), blind, blinded: point.multiply(blind) }
    })
    for (const issued of tokens) {
      const evaluated = issued.blinded.multiply(key)
      for (const redeemed of tokens) {
        const connecting = Fn.div(Fn.mul(issued.blind, issued.logarithm), redeemed.logarithm)
        expect(redeemed.point.multiply(connecting).equals(issued.blinded)).toBe(true)
        expect(evaluated.multiply(Fn.inv(connecting)).equals(redeemed.unblinded)).toBe(true)
      }
    }
  })

  test("the elements of one input are spread like random ones: no bit of them leans", () => {
    const count = 600
    const input = random(98)
    const ones = new Float64Array(256)
    for (let i = 0; i < count; i++) {
      const { blinded } = voprf.blind(input)
      for (let bit = 0; bit < 256; bit++) ones[bit]! += (blinded[bit >> 3]! >> (bit & 7)) & 1
    }
    // Bit 0 says that an encoding is not negative, bit 255 is unused. 7 sigma: once in 10^9 runs by chance.
    const bound = 7 * Math.sqrt(count / 4)
    for (let bit = 1; bit < 255; bit++) expect(Math.abs(ones[bit]! - count / 2)).toBeLessThan(bound)
    expect([ones[0], ones[255]]).toEqual([0, 0])
  })

  test("tokens of one batch have nothing in common that tokens of different clients have not", async () => {
    const key = newKey()
    const [one, other] = [await buy(key, 3), await buy(key, 3)]
    const shared = (a: Uint8Array, b: Uint8Array) => a.filter((byte, i) => byte === b[i]).length
    const [a, b] = one.map(encodeToken) as [Uint8Array, Uint8Array]
    const c = encodeToken(other[0]!)
    for (const [x, y] of [
      [a, b],
      [a, c],
      [b, c],
    ] as const) {
      expect(compare(x.subarray(34, 98), y.subarray(34, 98))).toBe(0)
      expect(shared(x.subarray(2, 34), y.subarray(2, 34))).toBeLessThan(16)
      expect(shared(x.subarray(98), y.subarray(98))).toBeLessThan(16)
    }
  })

  test("requests and answers of the same size have the same length, whoever sends them", async () => {
    const key = newKey()
    for (const tokens of [1, 3]) {
      const requests = [order(key, tokens).request, order(key, tokens).request]
      const answers = await Promise.all(requests.map((request) => answer(key, request)))
      expect(new Set(requests.map(({ length }) => length)).size).toBe(1)
      expect(new Set(answers.map(({ length }) => length)).size).toBe(1)
      expect(decodeBatchRequest(requests[0]!).truncatedTokenKeyId).toBe(
        decodeBatchRequest(requests[1]!).truncatedTokenKeyId,
      )
      expect(decodeBatchResponse(answers[0]!).evaluated.length).toBe(tokens)
    }
  })
})

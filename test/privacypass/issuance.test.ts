import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { PRIVACY_PASS_BATCH_MAX } from "../../src/limits.ts"
import {
  decodeBatchRequest,
  decodeBatchResponse,
  encodeBatchRequest,
  encodeBatchResponse,
} from "../../src/privacypass/batch.ts"
import { PendingBatch } from "../../src/privacypass/client.ts"
import { IssuanceRequest } from "../../src/privacypass/issuer.ts"
import { deriveIssuerKey, makeIssuerSeed } from "../../src/privacypass/keys.ts"
import { encodeToken, truncatedTokenKeyId } from "../../src/privacypass/token.ts"
import { VerifiedToken } from "../../src/privacypass/verifier.ts"
import { nobleVoprf } from "../../src/privacypass/voprf.ts"
import { concat, equal, toHex } from "../../src/wire/bytes.ts"
import { answer, buy, digest, evaluatorOf, newKey, order, outcome, redeem, voprf } from "./world.ts"

const { random } = nativeCrypto
const key = newKey()

describe("a batch of tokens", () => {
  test("is bought and redeemed, each token by its own nonce under the key's id", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 8 }), async (count) => {
        const tokens = await buy(key, count)
        const verified = await Promise.all(tokens.map((token) => redeem(key, token)))
        expect(verified.map(({ nonce }) => toHex(nonce))).toEqual(tokens.map(({ nonce }) => toHex(nonce)))
        expect(new Set(verified.map(({ nonce }) => toHex(nonce))).size).toBe(count)
        for (const { keyId } of verified) expect(equal(keyId, key.keyId)).toBe(true)
      }),
      { numRuns: 10 },
    )
  })

  test("can be as large as the limit says and no larger, on both sides", async () => {
    const pending = order(key, PRIVACY_PASS_BATCH_MAX)
    const request = IssuanceRequest.check([key], pending.request)
    expect(request.tokens).toBe(PRIVACY_PASS_BATCH_MAX)
    const tokens = pending.finalize(voprf, await request.answer(evaluatorOf(key)))
    expect(tokens.length).toBe(PRIVACY_PASS_BATCH_MAX)
    for (const count of [0, -1, 1.5, Number.NaN, PRIVACY_PASS_BATCH_MAX + 1]) {
      expect(await outcome(() => order(key, count))).toBe("batch-size")
    }
    const { truncatedTokenKeyId: named, blinded } = decodeBatchRequest(pending.request)
    for (const elements of [[], [...blinded, blinded[0]!]]) {
      const other = encodeBatchRequest({ truncatedTokenKeyId: named, blinded: elements })
      expect(await outcome(() => IssuanceRequest.check([key], other))).toBe("batch-size")
    }
  })

  test("that was answered twice gives the same tokens, from either answer", async () => {
    const pending = order(key, 3)
    const [first, second] = [await answer(key, pending.request), await answer(key, pending.request)]
    expect(decodeBatchResponse(first).evaluated).toEqual(decodeBatchResponse(second).evaluated)
    expect(pending.finalize(voprf, first)).toEqual(pending.finalize(voprf, second))
  })

  test("survives a crash before the answer: what was kept repeats the request and takes the answer", async () => {
    const before = order(key, 4)
    const kept = before.serialize()
    const lost = await answer(key, before.request)
    const after = PendingBatch.restore(nativeCrypto, kept)
    expect(after.request).toEqual(before.request)
    const tokens = after.finalize(voprf, await answer(key, after.request))
    expect(tokens).toEqual(before.finalize(voprf, lost))
    for (const token of tokens) expect((await redeem(key, token)).nonce).toEqual(token.nonce)
  })

  test("refuses an answer that is not its own and can still take the right one", async () => {
    const pending = order(key, 3)
    const right = await answer(key, pending.request)
    const { evaluated, proof } = decodeBatchResponse(right)
    const changed = (elements: readonly Uint8Array[]) => encodeBatchResponse({ evaluated: elements, proof })
    const [a, b, c] = evaluated as [Uint8Array, Uint8Array, Uint8Array]
    const forged = right.slice()
    forged[forged.length - 1]! ^= 1
    const take = (response: Uint8Array) => outcome(() => pending.finalize(voprf, response))
    expect(await take(changed([b, a, c]))).toBe("proof")
    expect(await take(changed([a, b, new Uint8Array(32)]))).toBe("proof")
    expect(await take(changed([a, b]))).toBe("batch-size")
    expect(await take(changed([a, b, c, c]))).toBe("batch-size")
    expect(await take(forged)).toBe("proof")
    expect(await take(await answer(key, order(key, 3).request))).toBe("proof")
    expect(await take(right.subarray(1))).toBe("malformed")
    expect(await take(new Uint8Array(0))).toBe("malformed")
    expect(await take(right)).toBe("done")
  })

  test("refuses the answer of another key, even one with the same short id", async () => {
    const pending = order(key, 2)
    const { blinded } = decodeBatchRequest(pending.request)
    const other = newKey()
    const request = encodeBatchRequest({ truncatedTokenKeyId: truncatedTokenKeyId(other.keyId), blinded })
    expect(await outcome(async () => pending.finalize(voprf, await answer(other, request)))).toBe("proof")
  })

  test("cannot be finalized once it was wiped, and its secrets are gone from what it would keep", async () => {
    const pending = order(key, 2)
    const response = await answer(key, pending.request)
    pending.wipe()
    expect(await outcome(() => pending.finalize(voprf, response))).toBe("proof")
    const tokens = pending.serialize().subarray(1 + 32 + 32 + 2)
    for (const at of [0, 96]) expect(tokens.subarray(at + 32, at + 64)).toEqual(new Uint8Array(32))
  })

  test("draws every nonce and blind anew", () => {
    const orders = [order(key, 4), order(key, 4)]
    const seen = orders.flatMap(({ request }) => decodeBatchRequest(request).blinded.map(toHex))
    expect(new Set(seen).size).toBe(8)
  })
})

describe("an issuer", () => {
  test("finds its key by the short id and refuses one that it does not have", async () => {
    const keys = [deriveIssuerKey(nativeCrypto, voprf, makeIssuerSeed(nativeCrypto, voprf, [key])), key]
    for (const one of keys) {
      const pending = order(one, 1)
      const response = await IssuanceRequest.check(keys, pending.request).answer(evaluatorOf(...keys))
      expect(pending.finalize(voprf, response)[0]!.tokenKeyId).toEqual(one.keyId)
    }
    const { request } = order(key, 1)
    expect(await outcome(() => IssuanceRequest.check([keys[0]!], request))).toBe("unknown-key")
    expect(await outcome(() => IssuanceRequest.check([], request))).toBe("unknown-key")
  })

  test("refuses what is no request, of another type, or holds elements that are none", async () => {
    const { request } = order(key, 2)
    expect(await outcome(() => IssuanceRequest.check([key], request.subarray(0, -1)))).toBe("malformed")
    expect(await outcome(() => IssuanceRequest.check([key], concat(request, request)))).toBe("malformed")
    const otherType = request.slice()
    otherType[1] = 1
    expect(await outcome(() => IssuanceRequest.check([key], otherType))).toBe("token-type")
    const { truncatedTokenKeyId: named, blinded } = decodeBatchRequest(request)
    for (const element of [
      new Uint8Array(32),
      new Uint8Array(32).fill(0xff),
      Uint8Array.of(1, ...new Uint8Array(31)),
    ]) {
      const hostile = encodeBatchRequest({ truncatedTokenKeyId: named, blinded: [blinded[0]!, element] })
      expect(await outcome(() => answer(key, hostile))).toBe("element")
    }
  })

  test("makes keys whose short ids differ from those beside it, and says when there is none left", () => {
    const ids = Array.from({ length: 256 }, (_, last) => new Uint8Array(32).fill(last))
    const taken = ids.map((keyId) => ({ keyId, publicKey: keyId }))
    const free = taken.splice(100, 16)
    const allowed = new Set(free.map(({ keyId }) => truncatedTokenKeyId(keyId)))
    for (let i = 0; i < 5; i++) {
      const seed = makeIssuerSeed(nativeCrypto, voprf, taken)
      const made = deriveIssuerKey(nativeCrypto, voprf, seed)
      expect(allowed.has(truncatedTokenKeyId(made.keyId))).toBe(true)
    }
    expect(() => makeIssuerSeed(nativeCrypto, voprf, [...taken, ...free])).toThrow(RangeError)
  })

  test("derives the same key from a seed again, over any generator", () => {
    const seed = random(32)
    const again = nobleVoprf(() => {
      throw new Error("nothing random in a derived key")
    })
    expect(deriveIssuerKey(nativeCrypto, again, seed)).toEqual(deriveIssuerKey(nativeCrypto, voprf, seed))
  })
})

describe("a redeemed token", () => {
  test("is refused if a bit of it was changed, and the refusal says what was wrong", async () => {
    const [token] = await buy(key, 1)
    const change = (part: Uint8Array) => Uint8Array.from(part, (byte, i) => (i === 7 ? byte ^ 4 : byte))
    const refused = (changed: object) => outcome(() => redeem(key, { ...token!, ...changed }))
    expect(await refused({ nonce: change(token!.nonce) })).toBe("authenticator")
    expect(await refused({ authenticator: change(token!.authenticator) })).toBe("authenticator")
    expect(await refused({ challengeDigest: change(token!.challengeDigest) })).toBe("challenge")
    expect(await refused({ tokenKeyId: change(token!.tokenKeyId) })).toBe("unknown-key")
    expect(await refused({ tokenType: 0x0001 })).toBe("token-type")
    expect(await refused({ authenticator: token!.authenticator.subarray(1) })).toBe("malformed")
    expect(await refused({})).toBe("done")
  })

  test("is refused at another origin, though the key made it", async () => {
    const [foreign] = await buy(key, 1, random(32))
    expect(await outcome(() => redeem(key, foreign!))).toBe("challenge")
    expect(await outcome(() => redeem(key, { ...foreign!, challengeDigest: digest }))).toBe("authenticator")
  })

  test("is refused under another key, also one that claims its id", async () => {
    const [token] = await buy(key, 1)
    const other = newKey()
    expect(await outcome(() => redeem(other, token!))).toBe("unknown-key")
    expect(await outcome(() => redeem({ ...other, keyId: key.keyId }, token!))).toBe("authenticator")
    expect(await outcome(() => redeem(key, { ...token!, tokenKeyId: other.keyId }))).toBe("unknown-key")
  })

  test("is refused once its key's time is over, though the key is still there", async () => {
    const [token] = await buy(key, 1)
    const acceptance = { keys: [newKey()], challengeDigest: digest }
    const late = () => VerifiedToken.verify(evaluatorOf(key), acceptance, encodeToken(token!))
    expect(await outcome(late)).toBe("unknown-key")
  })

  test("random bytes are never one, and never more than a refusal", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.uint8Array({ minLength: 160, maxLength: 160 }),
        async (a, b) => {
          const acceptance = { keys: [key], challengeDigest: digest }
          for (const noise of [a, concat(Uint8Array.of(0, 5), b)]) {
            expect(await outcome(() => VerifiedToken.verify(evaluatorOf(key), acceptance, noise))).not.toBe(
              "done",
            )
          }
        },
      ),
    )
  })

  test("its encoding has 162 bytes", async () => {
    expect(encodeToken((await buy(key, 1))[0]!).length).toBe(162)
  })
})

import { afterAll, describe, expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { startEvaluatorWorker, WorkerEvaluator } from "../../src/evaluator.ts"
import { type Evaluator, LocalEvaluator } from "../../src/privacypass/evaluator.ts"
import { IssuanceRequest } from "../../src/privacypass/issuer.ts"
import { encodeToken } from "../../src/privacypass/token.ts"
import { VerifiedToken } from "../../src/privacypass/verifier.ts"
import { digest, newKey, order, outcome, voprf } from "./world.ts"

/** Both evaluators, in this thread and in a real worker, as issuance and redemption use them. */

const { random } = nativeCrypto
const key = newKey()
const other = newKey()

const workers: Worker[] = []
const evaluators: readonly (readonly [string, Evaluator])[] = [
  ["in this thread", new LocalEvaluator(voprf)],
  [
    "in a worker",
    new WorkerEvaluator(() => {
      const worker = startEvaluatorWorker()
      workers.push(worker)
      return worker
    }),
  ],
]
afterAll(() => {
  for (const [, evaluator] of evaluators) evaluator.close()
})

for (const [where, evaluator] of evaluators) {
  describe(`an evaluator ${where}`, () => {
    test("issues and redeems", async () => {
      evaluator.setKeys([key, other])
      const pending = order(key, 3)
      const request = IssuanceRequest.check([key], pending.request)
      const tokens = pending.finalize(voprf, await request.answer(evaluator))
      const acceptance = { keys: [other, key], challengeDigest: digest }
      for (const token of tokens) {
        const verified = await VerifiedToken.verify(evaluator, acceptance, encodeToken(token))
        expect([verified.keyId, verified.nonce]).toEqual([key.keyId, token.nonce])
      }
    })

    test("gives each of many at once its own answer", async () => {
      evaluator.setKeys([key, other])
      const asked = Array.from({ length: 60 }, (_, i) => [i % 3 === 0 ? other : key, random(98)] as const)
      const answers = await Promise.all(asked.map(([{ keyId }, input]) => evaluator.evaluate(keyId, input)))
      expect(answers).toEqual(asked.map(([{ secretKey }, input]) => voprf.evaluate(secretKey, input)))
    })

    test("refuses a key that it does not have, elements that are none and empty batches", async () => {
      evaluator.setKeys([key])
      const element = voprf.blind(random(98)).blinded
      expect(await outcome(() => evaluator.evaluate(other.keyId, random(98)))).toBe("unknown-key")
      expect(await outcome(() => evaluator.blindEvaluate(other.keyId, [element]))).toBe("unknown-key")
      expect(await outcome(() => evaluator.blindEvaluate(key.keyId, [element, new Uint8Array(32)]))).toBe(
        "element",
      )
      expect(await outcome(() => evaluator.blindEvaluate(key.keyId, []))).toBe("batch-size")
      expect((await evaluator.blindEvaluate(key.keyId, [element])).evaluated.length).toBe(1)
    })

    test("takes new keys for what is asked later, and keeps its copies when the caller wipes", async () => {
      const passing = { ...key, secretKey: key.secretKey.slice() }
      evaluator.setKeys([passing])
      passing.secretKey.fill(0)
      const input = random(98)
      const before = evaluator.evaluate(key.keyId, input)
      evaluator.setKeys([other])
      const after = evaluator.evaluate(other.keyId, input)
      expect(await before).toEqual(voprf.evaluate(key.secretKey, input))
      expect(await after).toEqual(voprf.evaluate(other.secretKey, input))
      expect(await outcome(() => evaluator.evaluate(key.keyId, input))).toBe("unknown-key")
    })

    test("fails with an error, not a refusal, if it is used wrongly, and goes on", async () => {
      const zero = { ...key, secretKey: new Uint8Array(32) }
      evaluator.setKeys([zero, other])
      await expect(outcome(() => evaluator.evaluate(key.keyId, random(98)))).rejects.toThrow(Error)
      const input = random(98)
      expect(await evaluator.evaluate(other.keyId, input)).toEqual(voprf.evaluate(other.secretKey, input))
    })

    test("has no keys once it is closed", async () => {
      evaluator.setKeys([key])
      evaluator.close()
      expect(await outcome(() => evaluator.evaluate(key.keyId, random(98)))).toBe("unknown-key")
    })
  })
}

describe("an evaluator in a worker", () => {
  const [, evaluator] = evaluators[1]!

  test("rejects what waits when the worker ends, and starts another with the same keys", async () => {
    evaluator.setKeys([key])
    await evaluator.evaluate(key.keyId, random(98))
    const blinded = Array.from({ length: 50 }, () => voprf.blind(random(98)).blinded)
    const waiting = [evaluator.blindEvaluate(key.keyId, blinded), evaluator.evaluate(key.keyId, random(98))]
    const started = workers.length
    workers.at(-1)!.terminate()
    const results = await Promise.allSettled(waiting)
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"])
    const input = random(98)
    expect(await evaluator.evaluate(key.keyId, input)).toEqual(voprf.evaluate(key.secretKey, input))
    expect(workers.length).toBe(started + 1)
  })

  test("that is closed rejects what waits and starts nothing more", async () => {
    evaluator.setKeys([key])
    const waiting = evaluator.evaluate(key.keyId, random(98))
    evaluator.close()
    expect((await Promise.allSettled([waiting]))[0]!.status).toBe("rejected")
    const started = workers.length
    expect(await outcome(() => evaluator.evaluate(key.keyId, random(98)))).toBe("unknown-key")
    expect(workers.length).toBe(started)
  })

  test("leaves this thread free while it works", async () => {
    evaluator.setKeys([key])
    const blinded = Array.from({ length: 100 }, () => voprf.blind(random(98)).blinded)
    let turns = 0
    let working = true
    const work = evaluator.blindEvaluate(key.keyId, blinded).finally(() => {
      working = false
    })
    while (working) {
      await new Promise((resolve) => setImmediate(resolve))
      turns += 1
    }
    await work
    expect(turns).toBeGreaterThan(10)
  })
})

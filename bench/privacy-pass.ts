import { nativeCrypto } from "../src/crypto/native.ts"
import { WorkerEvaluator } from "../src/evaluator.ts"
import { PendingBatch } from "../src/privacypass/client.ts"
import { type Evaluator, LocalEvaluator } from "../src/privacypass/evaluator.ts"
import { IssuanceRequest } from "../src/privacypass/issuer.ts"
import { deriveIssuerKey, type IssuerKey } from "../src/privacypass/keys.ts"
import { encodeToken } from "../src/privacypass/token.ts"
import { VerifiedToken } from "../src/privacypass/verifier.ts"
import { nobleVoprf } from "../src/privacypass/voprf.ts"
import { median, type Options, type Result, summarized, timeSteps } from "./harness.ts"

/**
 * Privacy Pass from bytes to bytes, evaluated in the server's thread and in a worker: what one caller waits, how many
 * a second come through, and how long the server's thread is busy with each.
 */

const BATCHES = [10, 30, 100]
/** Redemptions under way at a time, where many are measured. */
const IN_FLIGHT = 64

const voprf = nobleVoprf(nativeCrypto.random)
const challengeDigest = nativeCrypto.random(32)

interface Place {
  readonly name: string
  readonly evaluator: Evaluator
}

function order({ publicKey }: IssuerKey, tokens: number): PendingBatch {
  return PendingBatch.create(nativeCrypto, voprf, { publicKey, challengeDigest, tokens })
}

async function redeemer(key: IssuerKey, evaluator: Evaluator): Promise<() => Promise<void>> {
  const pending = order(key, 1)
  const response = await IssuanceRequest.check([key], pending.request).answer(evaluator)
  const [token] = pending.finalize(voprf, response).map(encodeToken)
  return async () => {
    await VerifiedToken.verify(evaluator, { keys: [key], challengeDigest }, token!)
  }
}

async function many(count: number, step: () => Promise<void>): Promise<void> {
  let left = count
  const caller = async () => {
    while (left-- > 0) await step()
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller))
}

/** How many a second, and the microseconds of processor time that each takes of this thread. */
async function load(count: number, step: () => Promise<void>): Promise<{ rate: number; busy: number }> {
  const before = process.threadCpuUsage()
  const [all] = await timeSteps(1, () => many(count, step))
  const { user, system } = process.threadCpuUsage(before)
  return { rate: (count * 1e6) / all!, busy: (user + system) / count }
}

async function benchRedeem(key: IssuerKey, { name, evaluator }: Place, options: Options): Promise<Result> {
  const redeem = await redeemer(key, evaluator)
  const [few, lots] = options.short ? [30, 300] : [200, 3000]
  const waits: number[] = []
  const loads: { rate: number; busy: number }[] = []
  for (let run = 0; run < options.runs; run++) {
    waits.push(median(await timeSteps(few, redeem)))
    loads.push(await load(lots, redeem))
  }
  const [rates, busy] = [loads.map(({ rate }) => rate), loads.map((each) => each.busy)]
  const more = { per_second: median(rates), µs_of_the_server_thread: median(busy) }
  return summarized(`redeem, ${name}`, 1, waits, { more })
}

async function benchIssue(
  key: IssuerKey,
  { name, evaluator }: Place,
  tokens: number,
  options: Options,
): Promise<Result> {
  const { request } = order(key, tokens)
  const issue = async () => {
    await IssuanceRequest.check([key], request).answer(evaluator)
  }
  const waits: number[] = []
  for (let run = 0; run < options.runs; run++) {
    waits.push(median(await timeSteps(options.short ? 5 : 25, issue)))
  }
  return summarized(`issue, ${name}`, tokens, waits)
}

/** What a client does before and after: blinds, and verifies the proof and unblinds. */
async function benchClient(key: IssuerKey, evaluator: Evaluator, tokens: number, options: Options) {
  const pending = order(key, tokens)
  const response = await IssuanceRequest.check([key], pending.request).answer(evaluator)
  const steps = {
    "client asks": async () => void order(key, tokens),
    "client finishes": async () => void pending.finalize(voprf, response),
  }
  const results: Result[] = []
  for (const [name, step] of Object.entries(steps)) {
    const runs: number[] = []
    for (let run = 0; run < options.runs; run++) {
      runs.push(median(await timeSteps(options.short ? 5 : 25, step)))
    }
    results.push(summarized(name, tokens, runs))
  }
  return results
}

export async function benchPrivacyPass(options: Options): Promise<readonly Result[]> {
  const key = deriveIssuerKey(nativeCrypto, voprf, nativeCrypto.random(32))
  const places: readonly Place[] = [
    { name: "same thread", evaluator: new LocalEvaluator(voprf) },
    { name: "worker", evaluator: new WorkerEvaluator() },
  ]
  const results: Result[] = []
  try {
    for (const { evaluator } of places) evaluator.setKeys([key])
    for (const place of places) results.push(await benchRedeem(key, place, options))
    for (const place of places) {
      for (const tokens of BATCHES) results.push(await benchIssue(key, place, tokens, options))
    }
    for (const tokens of BATCHES) {
      results.push(...(await benchClient(key, places[0]!.evaluator, tokens, options)))
    }
    return results
  } finally {
    for (const { evaluator } of places) evaluator.close()
  }
}

import { wipe } from "./crypto/wipe.ts"
import { PrivacyPassError, type PrivacyPassFailure } from "./privacypass/error.ts"
import type { Evaluator } from "./privacypass/evaluator.ts"
import type { IssuerKey } from "./privacypass/keys.ts"
import type { BlindEvaluation } from "./privacypass/voprf.ts"
import { equal } from "./wire/bytes.ts"

/**
 * Privacy Pass evaluations in a thread of their own. One redemption costs as much as many deliveries and an issuance as
 * much as a hundred redemptions; here they cost the server's thread two messages each. What waits is bounded by the
 * requests that the server has in flight, since each of them waits for one evaluation at most.
 *
 * This file and the worker's lie side by side at the top, because in a compiled binary everything else is one file.
 */

export type EvaluatorRequest =
  | { readonly kind: "keys"; readonly keys: readonly IssuerKey[] }
  | { readonly kind: "evaluate"; readonly id: number; readonly keyId: Uint8Array; readonly input: Uint8Array }
  | {
      readonly kind: "blindEvaluate"
      readonly id: number
      readonly keyId: Uint8Array
      readonly blinded: readonly Uint8Array[]
    }

export type EvaluatorAnswer =
  | { readonly id: number; readonly result: Uint8Array | BlindEvaluation }
  | { readonly id: number; readonly refused: PrivacyPassFailure | "failed" }

interface Waiting {
  resolve(result: Uint8Array | BlindEvaluation): void
  reject(error: Error): void
}

export function startEvaluatorWorker(): Worker {
  return new Worker(new URL("./evaluator-worker.ts", import.meta.url))
}

/**
 * Answers in the order of the calls. If the worker ends by itself, what waits for it is rejected, and the next call
 * starts another with the same keys.
 */
export class WorkerEvaluator implements Evaluator {
  readonly #start: () => Worker
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #keys: readonly IssuerKey[] = []
  #nextId = 0

  constructor(start: () => Worker = startEvaluatorWorker) {
    this.#start = start
  }

  setKeys(keys: readonly IssuerKey[]): void {
    this.#wipeKeys()
    this.#keys = keys.map((key) => ({ ...key, secretKey: key.secretKey.slice() }))
    this.#worker?.postMessage(this.#keysRequest())
  }

  evaluate(keyId: Uint8Array, input: Uint8Array): Promise<Uint8Array> {
    return this.#ask(keyId, (id) => ({ kind: "evaluate", id, keyId, input })) as Promise<Uint8Array>
  }

  blindEvaluate(keyId: Uint8Array, blinded: readonly Uint8Array[]): Promise<BlindEvaluation> {
    return this.#ask(keyId, (id) => {
      return { kind: "blindEvaluate", id, keyId, blinded }
    }) as Promise<BlindEvaluation>
  }

  close(): void {
    this.#wipeKeys()
    this.#worker?.terminate()
    this.#ended()
  }

  async #ask(
    keyId: Uint8Array,
    make: (id: number) => EvaluatorRequest,
  ): Promise<Uint8Array | BlindEvaluation> {
    if (!this.#keys.some((key) => equal(key.keyId, keyId))) throw new PrivacyPassError("unknown-key")
    const id = this.#nextId++
    this.#worker ??= this.#open()
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | BlindEvaluation>()
    this.#waiting.set(id, { resolve, reject })
    this.#worker.postMessage(make(id))
    return promise
  }

  #open(): Worker {
    const worker = this.#start()
    worker.addEventListener("message", ({ data }: MessageEvent<EvaluatorAnswer>) => this.#answered(data))
    worker.addEventListener("close", () => {
      if (worker === this.#worker) this.#ended()
    })
    worker.postMessage(this.#keysRequest())
    return worker
  }

  #keysRequest(): EvaluatorRequest {
    return { kind: "keys", keys: this.#keys }
  }

  #answered(answer: EvaluatorAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ("result" in answer) waiting?.resolve(answer.result)
    else if (answer.refused === "failed") waiting?.reject(new Error("evaluation failed"))
    else waiting?.reject(new PrivacyPassError(answer.refused))
  }

  #ended(): void {
    this.#worker = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(new Error("evaluator ended"))
  }

  #wipeKeys(): void {
    for (const { secretKey } of this.#keys) wipe(secretKey)
    this.#keys = []
  }
}

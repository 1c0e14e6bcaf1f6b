import { nativeCrypto } from "./crypto/native.ts"
import { wipe } from "./crypto/wipe.ts"
import type { EvaluatorAnswer, EvaluatorRequest } from "./evaluator.ts"
import { PrivacyPassError } from "./privacypass/error.ts"
import { LocalEvaluator } from "./privacypass/evaluator.ts"
import { nobleVoprf } from "./privacypass/voprf.ts"

/** The other thread of a WorkerEvaluator: an entry point of its own, which `bun build --compile` has to be told. */

declare const self: Worker

const evaluator = new LocalEvaluator(nobleVoprf(nativeCrypto.random))

async function evaluate(request: Exclude<EvaluatorRequest, { kind: "keys" }>): Promise<EvaluatorAnswer> {
  const { id, keyId } = request
  try {
    const result =
      request.kind === "evaluate"
        ? await evaluator.evaluate(keyId, request.input)
        : await evaluator.blindEvaluate(keyId, request.blinded)
    return { id, result }
  } catch (error) {
    return { id, refused: error instanceof PrivacyPassError ? error.reason : "failed" }
  }
}

self.onmessage = async ({ data: request }: MessageEvent<EvaluatorRequest>) => {
  if (request.kind === "keys") {
    evaluator.setKeys(request.keys)
    for (const { secretKey } of request.keys) wipe(secretKey)
  } else {
    self.postMessage(await evaluate(request))
  }
}

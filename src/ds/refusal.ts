import { CryptoError } from "../crypto/provider.ts"
import { MlsError } from "../mls/index.ts"
import { Problem } from "../wire/problem.ts"
import { CodecError } from "../wire/tls.ts"
import type { OperationRule } from "./operation-rules.ts"

/** Runs the validation of what a client sent, and turns what it throws into the service's refusals. */
export function validating<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof MlsError) {
      if (error.code === "mls.wrong-epoch") throw new Problem("ds.wrong-epoch")
      throw new Problem("ds.invalid-message", error.rule)
    }
    if (error instanceof CodecError || error instanceof CryptoError) throw new Problem("ds.invalid-message")
    throw error
  }
}

/** Refuses with `ds.not-allowed` unless the rule is kept. */
export function allow(condition: boolean, rule: OperationRule): asserts condition {
  if (!condition) throw new Problem("ds.not-allowed", rule.id)
}

/** What decodes keeps the rule; what does not is refused with `ds.not-allowed`. */
export function decodable<T>(decode: () => T, rule: OperationRule): T {
  try {
    return decode()
  } catch (error) {
    if (error instanceof CodecError) throw new Problem("ds.not-allowed", rule.id)
    throw error
  }
}

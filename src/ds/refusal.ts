import { CryptoError } from "../crypto/provider.ts"
import { MlsError } from "../mls/index.ts"
import { Problem } from "../wire/problem.ts"
import { CodecError } from "../wire/tls.ts"

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

/** Refuses with `ds.not-allowed` unless the message is what the operation is for. */
export function allow(condition: boolean): asserts condition {
  if (!condition) throw new Problem("ds.not-allowed")
}

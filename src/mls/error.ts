import { CodecError } from "../wire/tls.ts"
import { type Rule, rules } from "./rules.ts"

/** Input broke a rule of MLS. The message is the rule's own text and never holds input. */
export class MlsError extends Error {
  override readonly name = "MlsError"
  /** Stable, for callers and problem details: `mls.wrong-epoch`. */
  readonly code: string
  /** The rule's id: `DS-VAL-104`. */
  readonly rule: string

  constructor(rule: Rule) {
    super(rule.text)
    this.code = rule.code
    this.rule = rule.id
  }
}

/** Throws the rule's {@link MlsError} unless `holds`. */
export function check(holds: boolean, rule: Rule): asserts holds {
  if (!holds) throw new MlsError(rule)
}

/** Runs `read` and turns a CodecError into the {@link MlsError} of `rule`. */
export function decoding<T>(read: () => T, rule: Rule = rules.malformed): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof CodecError) throw new MlsError(rule)
    throw error
  }
}

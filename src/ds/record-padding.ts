import type { EarPurpose } from "../crypto/ear.ts"
import { type PaddingPolicy, paddedLength } from "../crypto/padding.ts"
import { CryptoError } from "../crypto/provider.ts"
import { GROUP_STATE_BYTES_MAX } from "../limits.ts"
import { Problem } from "../wire/problem.ts"
import { SizeHistogram } from "./size-histogram.ts"

/** What the operator decides about padding. */
export interface PaddingConfig {
  readonly kind: PaddingPolicy["kind"]
  /** The smallest unit, in bytes; at least PADDING_UNIT_BYTES_MIN. */
  readonly unitBytes: number
  /** So many tenths of the groups look equally large. */
  readonly percentile: number
}

/**
 * To which lengths group records are padded (docs/protocol.md section 5.1). The unit follows the sizes of the groups that were
 * written lately, for heads and trees each; a record gets its new length when it is written the next time.
 */
export class RecordPadding {
  readonly #config: PaddingConfig
  readonly #sizes: Readonly<Record<EarPurpose, SizeHistogram>>

  constructor(config: PaddingConfig) {
    this.#config = config
    this.#sizes = { head: new SizeHistogram(), tree: new SizeHistogram() }
  }

  /** The padded length of a record that is about to be written. @throws Problem `ds.group-too-large` */
  lengthFor(purpose: EarPurpose, groupId: Uint8Array, bytes: number): number {
    const { kind, unitBytes, percentile } = this.#config
    const sizes = this.#sizes[purpose]
    sizes.note(groupId, bytes)
    const unit = Math.max(unitBytes, sizes.holding(percentile) ?? 0)
    try {
      return paddedLength({ kind, unitBytes: unit }, bytes, GROUP_STATE_BYTES_MAX)
    } catch (error) {
      if (error instanceof CryptoError) throw new Problem("ds.group-too-large")
      throw error
    }
  }

  /** About the length that a group's record had the last time, to take memory by; 0 if that is not known. */
  lengthBefore(purpose: EarPurpose, groupId: Uint8Array): number {
    return this.#sizes[purpose].of(groupId) ?? 0
  }
}

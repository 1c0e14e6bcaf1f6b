import type { CryptoProvider } from "./crypto/provider.ts"
import { wipe } from "./crypto/wipe.ts"
import { CLAIM_PERIOD_SECONDS, CLAIM_TARGETS_MAX, CONSUMING_CLAIMS_MAX, KEY_BYTES } from "./limits.ts"
import { toHex } from "./wire/bytes.ts"

export interface QuotaLimits {
  /** How often each target may be used in one period. */
  readonly turns: number
  readonly periodSeconds: number
  /** Targets that are remembered; with so many, all others have no turn left. */
  readonly targetsMax: number
}

/** For claims that use a package up. */
export const claimLimits: QuotaLimits = {
  turns: CONSUMING_CLAIMS_MAX,
  periodSeconds: CLAIM_PERIOD_SECONDS,
  targetsMax: CLAIM_TARGETS_MAX,
}

/**
 * How often something may still be done to each of many targets. It is counted in memory only, under HMACs of the targets
 * with a key of the period; when the period is over, counts and key are gone.
 */
export class Quota {
  readonly #crypto: CryptoProvider
  readonly #limits: QuotaLimits
  readonly #now: () => number
  readonly #taken = new Map<string, number>()
  #key: Uint8Array | undefined
  #end = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `now` in milliseconds. */
  constructor(crypto: CryptoProvider, now: () => number, limits: QuotaLimits) {
    this.#crypto = crypto
    this.#now = now
    this.#limits = limits
  }

  /** Takes one of the target's turns; false if it has none left in this period. */
  take(target: Uint8Array): boolean {
    const name = toHex(this.#crypto.hmacSha256(this.#periodKey(), target))
    const taken = this.#taken.get(name)
    if (taken === undefined && this.#taken.size >= this.#limits.targetsMax) return false
    if (taken !== undefined && taken >= this.#limits.turns) return false
    this.#taken.set(name, (taken ?? 0) + 1)
    return true
  }

  /** Ends the period. */
  forget(): void {
    clearTimeout(this.#timer)
    wipe(this.#key)
    this.#key = undefined
    this.#taken.clear()
  }

  #periodKey(): Uint8Array {
    const now = this.#now()
    if (now >= this.#end) this.forget()
    if (this.#key !== undefined) return this.#key
    const milliseconds = 1000 * this.#limits.periodSeconds
    this.#end = now + milliseconds
    this.#timer = setTimeout(() => this.forget(), milliseconds)
    this.#timer.unref()
    this.#key = this.#crypto.random(KEY_BYTES)
    return this.#key
  }
}

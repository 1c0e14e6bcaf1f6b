import { Allowance, type PeriodKeys } from "./as/allowance.ts"
import type { Issuance } from "./as/issuance.ts"
import { TokenKeys } from "./as/token-keys.ts"
import type { CryptoProvider } from "./crypto/provider.ts"
import { WorkerEvaluator } from "./evaluator.ts"
import type { PublicDocument } from "./http/answers.ts"
import { ISSUER_DIRECTORY_SECONDS } from "./limits.ts"
import { monthOf } from "./month.ts"
import { ISSUER_DIRECTORY_MEDIA_TYPE } from "./privacypass/directory.ts"
import { nobleVoprf } from "./privacypass/voprf.ts"
import { Redeemer } from "./redemption/redeemer.ts"
import type { Store } from "./store/database.ts"
import type { TokenService } from "./wire/endpoint.ts"

export interface RateLimitOptions {
  readonly crypto: CryptoProvider
  readonly stores: Readonly<Record<TokenService, Store>>
  readonly domain: string
  /** Tokens that a client may draw in a period. */
  readonly allowance: number
  readonly periodKeys: PeriodKeys
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** Anonymous rate limits (docs/protocol.md section 4.4): the AS issues tokens, every service takes them. */
export interface RateLimits {
  readonly issuance: Issuance
  readonly gates: Readonly<Record<TokenService, Redeemer>>
  /** The issuer's directory (RFC 9578 section 4). */
  readonly directory: PublicDocument
  /** Brings keys up to date and forgets what goes with old ones; to be called before serving and about daily. */
  maintain(): Promise<void>
  stop(): void
}

export async function openRateLimits(options: RateLimitOptions): Promise<RateLimits> {
  const { crypto, stores, domain, clock } = options
  const voprf = nobleVoprf(crypto.random)
  // A thread for each: a batch takes as long as a hundred redemptions, and those would wait for it.
  const [issuing, redeeming] = [new WorkerEvaluator(), new WorkerEvaluator()]
  const evaluators = [issuing, redeeming]
  const keys = await TokenKeys.open({ crypto, voprf, store: stores.as, evaluators }, monthOf(clock()))
  const redeemer = (service: TokenService) =>
    new Redeemer({
      crypto,
      store: stores[service],
      tablePrefix: `${service}_spent`,
      domain,
      service,
      evaluator: redeeming,
      keys: () => keys.accepted,
    })
  const gates = { as: redeemer("as"), delivery: redeemer("delivery") }
  const allowance = new Allowance(crypto, options.periodKeys, options.allowance)
  const maintain = async () => {
    await keys.maintain(monthOf(clock()))
    await allowance.enterPeriod(stores.as.writer, Math.floor(clock() / 1000))
    for (const gate of Object.values(gates)) await gate.forgetOldKeys()
  }
  return {
    issuance: { keys, evaluator: issuing, allowance },
    gates,
    directory: {
      mediaType: ISSUER_DIRECTORY_MEDIA_TYPE,
      maxAgeSeconds: ISSUER_DIRECTORY_SECONDS,
      text: () => keys.directory(),
    },
    maintain,
    stop() {
      for (const evaluator of evaluators) evaluator.close()
    },
  }
}

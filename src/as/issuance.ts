import { PrivacyPassError } from "../privacypass/error.ts"
import type { Evaluator } from "../privacypass/evaluator.ts"
import { IssuanceRequest } from "../privacypass/issuer.ts"
import type { tokens } from "../wire/as/tokens.ts"
import type { Handlers } from "../wire/call.ts"
import { Problem } from "../wire/problem.ts"
import type { Allowance } from "./allowance.ts"
import type { AsParts } from "./parts.ts"
import type { TokenKeys } from "./token-keys.ts"

/** What issuing tokens takes. */
export interface Issuance {
  readonly keys: TokenKeys
  readonly evaluator: Evaluator
  readonly allowance: Allowance
}

/** How clients come by tokens (docs/protocol.md section 4.4). */
export function issuanceHandlers(
  { crypto, store, authentication, seconds, change }: AsParts,
  { keys, evaluator, allowance }: Issuance,
): Handlers<typeof tokens> {
  return {
    async requestTokens(call) {
      const { clientId, params } = authentication.client(call)
      const request = refusing(() => IssuanceRequest.check([keys.accepted[0]], params.request))
      const digest = crypto.sha256(params.request)
      await allowance.enterPeriod(store.writer, seconds())
      // Before the work is done, and again when it is paid for, since others may have been paid for in between.
      allowance.draw(store, clientId, request.tokens, digest)
      const response = await request.answer(evaluator).catch(refused)
      await change((view) => allowance.draw(view, clientId, request.tokens, digest))
      return { response }
    },
  }
}

function refusing<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    return refused(error)
  }
}

function refused(error: unknown): never {
  if (error instanceof PrivacyPassError) throw new Problem("as.invalid-token-request")
  throw error
}

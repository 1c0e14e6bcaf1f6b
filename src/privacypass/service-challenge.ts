import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import type { TokenService } from "../wire/endpoint.ts"
import type { TokenChallenge } from "./challenge.ts"
import { TOKEN_TYPE } from "./token.ts"

const contexts = { as: labels.tokenContextAs, delivery: labels.tokenContextDelivery } as const

/**
 * The one challenge that a service of a domain poses, to everybody and always. AS and delivery take tokens for contexts
 * of their own, so that each can remember its spent nonces alone. The issuer does not see which one a token is for.
 */
export function serviceChallenge(
  crypto: CryptoProvider,
  domain: string,
  service: TokenService,
): TokenChallenge {
  return {
    tokenType: TOKEN_TYPE,
    issuerName: domain,
    redemptionContext: crypto.sha256(contexts[service]),
    originInfo: domain,
  }
}

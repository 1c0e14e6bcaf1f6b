import { nativeCrypto } from "../../src/crypto/native.ts"
import { challengeDigest, type TokenChallenge } from "../../src/privacypass/challenge.ts"
import { PendingBatch } from "../../src/privacypass/client.ts"
import { PrivacyPassError } from "../../src/privacypass/error.ts"
import { LocalEvaluator } from "../../src/privacypass/evaluator.ts"
import { IssuanceRequest } from "../../src/privacypass/issuer.ts"
import { deriveIssuerKey, type IssuerKey } from "../../src/privacypass/keys.ts"
import { encodeToken, type Token } from "../../src/privacypass/token.ts"
import { VerifiedToken } from "../../src/privacypass/verifier.ts"
import { nobleVoprf } from "../../src/privacypass/voprf.ts"

/** An issuer with one key, and what clients and servers do with it. */

export const voprf = nobleVoprf(nativeCrypto.random)

export const challenge: TokenChallenge = {
  tokenType: 0x0005,
  issuerName: "example.org",
  redemptionContext: new Uint8Array(0),
  originInfo: "example.org",
}

export const digest = challengeDigest(nativeCrypto, challenge)

export function newKey(): IssuerKey {
  return deriveIssuerKey(nativeCrypto, voprf, nativeCrypto.random(32))
}

export function evaluatorOf(...keys: readonly IssuerKey[]): LocalEvaluator {
  const evaluator = new LocalEvaluator(voprf)
  evaluator.setKeys(keys)
  return evaluator
}

export function order(key: IssuerKey, tokens: number, challengeDigest = digest): PendingBatch {
  return PendingBatch.create(nativeCrypto, voprf, { publicKey: key.publicKey, challengeDigest, tokens })
}

/** The issuer's answer to a request. */
export function answer(key: IssuerKey, request: Uint8Array): Promise<Uint8Array> {
  return IssuanceRequest.check([key], request).answer(evaluatorOf(key))
}

export async function buy(key: IssuerKey, tokens: number, challengeDigest = digest): Promise<Token[]> {
  const pending = order(key, tokens, challengeDigest)
  return pending.finalize(voprf, await answer(key, pending.request))
}

export function redeem(key: IssuerKey, token: Token): Promise<VerifiedToken> {
  const acceptance = { keys: [key], challengeDigest: digest }
  return VerifiedToken.verify(evaluatorOf(key), acceptance, encodeToken(token))
}

/** Why something was refused, or `done`; any other error is thrown on. */
export async function outcome(work: () => unknown): Promise<string> {
  try {
    await work()
    return "done"
  } catch (error) {
    if (error instanceof PrivacyPassError) return error.reason
    throw error
  }
}

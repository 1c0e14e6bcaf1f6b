import { nativeCrypto } from "../../src/crypto/native.ts"
import type { CryptoProvider } from "../../src/crypto/provider.ts"
import { decodeBatchResponse, encodeBatchRequest, encodeBatchResponse } from "../../src/privacypass/batch.ts"
import {
  challengeDigest,
  decodeTokenChallenge,
  encodeTokenChallenge,
  type TokenChallenge,
} from "../../src/privacypass/challenge.ts"
import { PendingBatch } from "../../src/privacypass/client.ts"
import { LocalEvaluator } from "../../src/privacypass/evaluator.ts"
import { formatAuthorization, parseAuthorization, parseChallenges } from "../../src/privacypass/header.ts"
import { IssuanceRequest } from "../../src/privacypass/issuer.ts"
import type { IssuerKey } from "../../src/privacypass/keys.ts"
import {
  decodeToken,
  encodeToken,
  encodeTokenInput,
  TOKEN_TYPE,
  tokenKeyId,
  truncatedTokenKeyId,
} from "../../src/privacypass/token.ts"
import { VerifiedToken } from "../../src/privacypass/verifier.ts"
import { ELEMENT_BYTES, nobleVoprf } from "../../src/privacypass/voprf.ts"
import { concat, fromUtf8 } from "../../src/wire/bytes.ts"
import { ensure, ensureEqual } from "./check.ts"
import { hex, integer, objects, text } from "./field.ts"
import { hexes, reportCase } from "./mls-case.ts"
import { arraySuite, isArrayOf, type JsonObject, type VectorReport, type VectorSuite } from "./suite.ts"
import { drawing } from "./voprf.ts"

/**
 * RFC 9577, RFC 9578 and the batched tokens draft. Challenges, token inputs and headers are the same for all token
 * types and always run; issuance and tokens run for type 0x0005.
 */

const OTHER_TYPES: Readonly<Record<number, string>> = {
  1: "Privacy Pass: token type 0x0001 (P-384) is not offered",
  2: "Privacy Pass: token type 0x0002 (blind RSA) is not offered",
}

/** The files of different authors name their fields differently. */
function key(item: JsonObject, which: "s" | "p"): Uint8Array {
  return hex(item, `${which}k_s` in item ? `${which}k_s` : `${which}kS`)
}

function challengeOf(item: JsonObject): TokenChallenge {
  return decodeTokenChallenge(hex(item, "token_challenge"))
}

/** Why the tokens of an item do not concern us. */
function foreign(item: JsonObject): string | undefined {
  const { tokenType } = challengeOf(item)
  return tokenType === TOKEN_TYPE ? undefined : (OTHER_TYPES[tokenType] ?? "Privacy Pass: unknown token type")
}

function checkChallenge(item: JsonObject): void {
  ensureEqual(encodeTokenChallenge(challengeOf(item)), hex(item, "token_challenge"), "challenge")
}

function issuerKey(item: JsonObject): IssuerKey {
  const publicKey = key(item, "p")
  return { secretKey: key(item, "s"), publicKey, keyId: tokenKeyId(nativeCrypto, publicKey) }
}

function evaluatorOf(issuer: IssuerKey): LocalEvaluator {
  const evaluator = new LocalEvaluator(nobleVoprf(nativeCrypto.random))
  evaluator.setKeys([issuer])
  return evaluator
}

/** A provider whose random bytes are these nonces in turn. */
function withNonces(nonces: readonly Uint8Array[]): CryptoProvider {
  const rest = nonces.map((nonce) => nonce.slice())
  return { ...nativeCrypto, random: (length) => rest.shift() ?? nativeCrypto.random(length) }
}

async function checkToken(item: JsonObject, token: Uint8Array): Promise<void> {
  const issuer = issuerKey(item)
  ensureEqual(encodeToken(decodeToken(token)), token, "token's encoding")
  ensureEqual(parseAuthorization(formatAuthorization(token)), token, "token's header")
  const acceptance = { keys: [issuer], challengeDigest: challengeDigest(nativeCrypto, challengeOf(item)) }
  const verified = await VerifiedToken.verify(evaluatorOf(issuer), acceptance, token)
  ensureEqual(verified.nonce, decodeToken(token).nonce, "nonce")
}

function pendingOf(
  item: JsonObject,
  nonces: readonly Uint8Array[],
  blinds: readonly Uint8Array[],
): PendingBatch {
  return PendingBatch.create(withNonces(nonces), nobleVoprf(drawing(...blinds)), {
    publicKey: key(item, "p"),
    challengeDigest: challengeDigest(nativeCrypto, challengeOf(item)),
    tokens: nonces.length,
  })
}

async function checkBatch(item: JsonObject): Promise<void> {
  const [request, response, tokens] = [
    hex(item, "token_request"),
    hex(item, "token_response"),
    hexes(item, "tokens"),
  ]
  const voprf = nobleVoprf(nativeCrypto.random)
  const pending = pendingOf(item, hexes(item, "nonces"), hexes(item, "blinds"))
  ensureEqual(pending.request, request, "request")
  const finalize = (answer: Uint8Array) => concat(...pending.finalize(voprf, answer).map(encodeToken))
  ensureEqual(finalize(response), concat(...tokens), "tokens")

  const issuer = issuerKey(item)
  const ours = await IssuanceRequest.check([issuer], request).answer(evaluatorOf(issuer))
  const [made, expected] = [decodeBatchResponse(ours), decodeBatchResponse(response)]
  ensureEqual(concat(...made.evaluated), concat(...expected.evaluated), "evaluated elements")
  ensureEqual(encodeBatchResponse(expected), response, "response's encoding")
  ensureEqual(finalize(ours), concat(...tokens), "tokens of our own response")
  for (const token of tokens) await checkToken(item, token)
}

/**
 * The unbatched request and response of one token have no framing of ours; their elements and proof are those of a
 * batch of one.
 */
async function checkSingle(item: JsonObject): Promise<void> {
  const [request, response, token] = [
    hex(item, "token_request"),
    hex(item, "token_response"),
    hex(item, "token"),
  ]
  const pending = pendingOf(item, [hex(item, "nonce")], [hex(item, "blind")])
  const truncatedId = truncatedTokenKeyId(pending.keyId)
  const asBatch = encodeBatchRequest({ truncatedTokenKeyId: truncatedId, blinded: [request.subarray(3)] })
  ensureEqual(pending.request, asBatch, "blinded element")
  const [evaluated, proof] = [response.subarray(0, ELEMENT_BYTES), response.subarray(ELEMENT_BYTES)]
  const answer = encodeBatchResponse({ evaluated: [evaluated], proof })
  const [made] = pending.finalize(nobleVoprf(nativeCrypto.random), answer)
  ensureEqual(encodeToken(made!), token, "token")
  await checkToken(item, token)
}

/** The challenge of every type, and what `check` looks at for type 0x0005. */
function ofAnyType(
  check: (item: JsonObject) => Promise<void>,
): (item: JsonObject, caseName: string, report: VectorReport) => Promise<void> {
  return async (item, caseName, report) => {
    await reportCase(`${caseName} challenge`, report, () => checkChallenge(item))
    const why = foreign(item)
    if (why === undefined) await reportCase(`${caseName} issuance`, report, () => check(item))
    else report(`${caseName} issuance`, "skipped", why)
  }
}

const batchSuite = arraySuite(
  "Privacy Pass amortized batches",
  ["token_challenge", "nonces", "blinds", "token_request", "token_response", "tokens"],
  ofAnyType(checkBatch),
)

const singleSuite = arraySuite(
  "Privacy Pass single tokens",
  ["token_challenge", "nonce", "blind", "token_request", "token_response", "token"],
  ofAnyType(checkSingle),
)

const genericSuite = arraySuite(
  "Privacy Pass generic batches",
  ["issuance", "token_request", "token_response"],
  async (item, caseName, report) => {
    for (const [index, one] of objects(item, "issuance").entries()) {
      await ofAnyType((token) => checkToken(token, hex(token, "token")))(one, `${caseName} ${index}`, report)
    }
    report(caseName, "skipped", "Privacy Pass: generic batches are not offered")
  },
)

const inputSuite = arraySuite(
  "Privacy Pass token inputs",
  ["token_type", "issuer_name", "redemption_context", "origin_info", "nonce", "token_authenticator_input"],
  async (item, caseName, report) => {
    await reportCase(caseName, report, () => {
      const tokenType = Number.parseInt(text(item, "token_type"), 16)
      const digest = challengeDigest(nativeCrypto, {
        tokenType,
        issuerName: fromUtf8(hex(item, "issuer_name")),
        redemptionContext: hex(item, "redemption_context"),
        originInfo: fromUtf8(hex(item, "origin_info")),
      })
      const [nonce, keyId] = [hex(item, "nonce"), hex(item, "token_key_id")]
      const input = encodeTokenInput({ tokenType, nonce, challengeDigest: digest, tokenKeyId: keyId })
      ensureEqual(input, hex(item, "token_authenticator_input"), "token input")
    })
  },
)

const headerSuite = arraySuite(
  "Privacy Pass challenges in headers",
  ["WWW-Authenticate", "token-challenge-0"],
  async (item, caseName, report) => {
    await reportCase(caseName, report, () => {
      const challenges = parseChallenges(text(item, "WWW-Authenticate"))
      ensure(!(`token-challenge-${challenges.length}` in item), "number of challenges")
      challenges.forEach(({ challenge, tokenKey, maxAgeSeconds }, i) => {
        ensureEqual(challenge, hex(item, `token-challenge-${i}`), "challenge")
        ensureEqual(encodeTokenChallenge(decodeTokenChallenge(challenge)), challenge, "challenge's encoding")
        ensure(decodeTokenChallenge(challenge).tokenType === integer(item, `token-type-${i}`), "token type")
        ensureEqual(tokenKey ?? new Uint8Array(0), hex(item, `token-key-${i}`), "token key")
        ensure(maxAgeSeconds === integer(item, `max-age-${i}`), "max-age")
      })
    })
  },
)

/** Recognised, so that it is skipped for what it is. */
const opaqueSuite: VectorSuite = {
  name: "OPAQUE RFC 9807",
  recognise: (json) => isArrayOf(json, "config", "inputs", "intermediates", "outputs"),
  run(json, report) {
    ;(json as JsonObject[]).forEach((_, index) => {
      report(`vector ${index}`, "skipped", "OPAQUE: the library takes no fixed randomness")
    })
  },
}

export const privacyPassSuites: readonly VectorSuite[] = [
  batchSuite,
  singleSuite,
  genericSuite,
  inputSuite,
  headerSuite,
  opaqueSuite,
]

import { join } from "node:path"
import { TokenKeys } from "../src/as/token-keys.ts"
import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import { asMigrations } from "../src/migrations.ts"
import { monthOf } from "../src/month.ts"
import { challengeDigest } from "../src/privacypass/challenge.ts"
import { formatAuthorization } from "../src/privacypass/header.ts"
import type { IssuerKey } from "../src/privacypass/keys.ts"
import { serviceChallenge } from "../src/privacypass/service-challenge.ts"
import { encodeToken, encodeTokenInput, NONCE_BYTES, TOKEN_TYPE } from "../src/privacypass/token.ts"
import { nobleVoprf } from "../src/privacypass/voprf.ts"
import { openStore } from "../src/store/open.ts"
import { DOMAIN } from "./homeserver.ts"

const voprf = nobleVoprf(crypto.random)
const digest = challengeDigest(crypto, serviceChallenge(crypto, DOMAIN, "delivery"))

/** The key that the server will find in a directory: whoever has it makes tokens without asking. */
export async function issuerKey(directory: string): Promise<IssuerKey> {
  const store = await openStore({ file: join(directory, "data", "as.sqlite"), migrations: asMigrations })
  try {
    const parts = { crypto, voprf, store, evaluators: [] }
    return (await TokenKeys.open(parts, monthOf(Date.now()))).accepted[0]
  } finally {
    await store.close()
  }
}

/** An Authorization header for one message. */
export function makeToken({ keyId, secretKey }: IssuerKey): string {
  const nonce = crypto.random(NONCE_BYTES)
  const input = { tokenType: TOKEN_TYPE, nonce, challengeDigest: digest, tokenKeyId: keyId }
  const authenticator = voprf.evaluate(secretKey, encodeTokenInput(input))
  return formatAuthorization(encodeToken({ ...input, authenticator }))
}

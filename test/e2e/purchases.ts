import type { Account } from "../../src/client/records.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { challengeDigest } from "../../src/privacypass/challenge.ts"
import { PendingBatch } from "../../src/privacypass/client.ts"
import { ISSUER_DIRECTORY_PATH, parseDirectory, preferredKey } from "../../src/privacypass/directory.ts"
import { formatAuthorization } from "../../src/privacypass/header.ts"
import { serviceChallenge } from "../../src/privacypass/service-challenge.ts"
import { encodeToken } from "../../src/privacypass/token.ts"
import { as } from "../../src/wire/as.ts"
import type { TokenService } from "../../src/wire/endpoint.ts"
import { voprf } from "../privacypass/world.ts"
import { DOMAIN, type Homeserver } from "./homeserver.ts"
import { handTo } from "./hostile/neighbour.ts"
import { Interceptor } from "./interceptor.ts"

/** An order of so many tokens of a server's, for one of its services. */
export async function orderTokens(
  { url }: Homeserver,
  service: TokenService,
  tokens: number,
): Promise<PendingBatch> {
  const directory = parseDirectory(await (await fetch(`${url}${ISSUER_DIRECTORY_PATH}`)).text())
  const publicKey = preferredKey(directory, Math.floor(Date.now() / 1000))
  if (publicKey === undefined) throw new Error("no key issues")
  const digest = challengeDigest(crypto, serviceChallenge(crypto, DOMAIN, service))
  return PendingBatch.create(crypto, voprf, { publicKey, challengeDigest: digest, tokens })
}

/** Buys tokens as a registered client, by hand. `Authorization` headers. */
export async function buyTokens(
  server: Homeserver,
  { clientId, clientSeed }: Pick<Account, "clientId" | "clientSeed">,
  service: TokenService,
  tokens: number,
): Promise<string[]> {
  const order = await orderTokens(server, service, tokens)
  const signer = { sender: { kind: "client", id: clientId }, seed: clientSeed } as const
  const hand = handTo(server, new Interceptor())
  const { response } = await hand.call(as.requestTokens, { request: order.request }, signer)
  return order.finalize(voprf, response).map((token) => formatAuthorization(encodeToken(token)))
}

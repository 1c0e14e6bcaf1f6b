import { ristretto255_hasher } from "@noble/curves/ed25519.js"
import { nativeCrypto } from "../../../src/crypto/native.ts"
import { PendingBatch } from "../../../src/privacypass/client.ts"
import type { IssuerKey } from "../../../src/privacypass/keys.ts"
import type { Voprf } from "../../../src/privacypass/voprf.ts"
import { as } from "../../../src/wire/as.ts"
import { encodeBody, encodeCbor } from "../../../src/wire/cbor.ts"
import { ds } from "../../../src/wire/ds.ts"
import { answer, digest, newKey, voprf } from "../../privacypass/world.ts"
import { HASH_TO_GROUP } from "./attacks.ts"
import type { Dossier } from "./dossier.ts"
import type { Sighting } from "./sighting.ts"

/** Clients that buy a few tokens and spend them, where the issuer or they themselves do it wrong. */

const TOKENS = 5

/** An issuer that has a key for each client. */
export function withKeysOfTheirOwn(count: number): Promise<Dossier[]> {
  return Promise.all(Array.from({ length: count }, () => client(newKey(), voprf)))
}

/** Clients that hide nothing: their blind is 1. */
export function withoutBlinds(count: number): Promise<Dossier[]> {
  const key = newKey()
  const one = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0))
  const open: Voprf = {
    ...voprf,
    blind: (input) => ({
      blind: one,
      blinded: ristretto255_hasher.hashToCurve(input, { DST: HASH_TO_GROUP }).toBytes(),
    }),
  }
  return Promise.all(Array.from({ length: count }, () => client(key, open)))
}

async function client(key: IssuerKey, how: Voprf): Promise<Dossier> {
  const order = { publicKey: key.publicKey, challengeDigest: digest, tokens: TOKENS }
  const batch = PendingBatch.create(nativeCrypto, how, order)
  const { request } = batch
  const response = await answer(key, request)
  const issuance = sighting(as.requestTokens.path, {
    sent: [encodeCbor({ request }), new Uint8Array(64)],
    answer: encodeBody({ response }),
  })
  const redemptions = batch
    .finalize(how, response)
    .map((token) => sighting(ds.sendMessage.path, { token, sent: [token.nonce, token.authenticator] }))
  return { identity: [issuance], alias: [], stranger: [], pseudonym: redemptions }
}

function sighting(target: string, seen: Partial<Sighting>): Sighting {
  const nothing = { token: undefined, sent: [], answer: new Uint8Array(0) }
  return {
    connection: 0,
    target,
    headers: [],
    sender: undefined,
    lag: undefined,
    size: 0,
    ...nothing,
    ...seen,
  }
}

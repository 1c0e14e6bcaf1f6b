import type { OpaqueClient, Stretching } from "../crypto/opaque/client.ts"
import { CryptoError } from "../crypto/provider.ts"
import { toHex } from "../wire/bytes.ts"
import { userOfClient } from "../wire/user-id.ts"
import { ClientError } from "./errors.ts"
import type { Account } from "./records.ts"

/** How a new account logs in: with the user's password or, if there is none, with 32 random bytes that are kept. */
export function newLogin(
  password: string | undefined,
  random: () => Uint8Array,
): { readonly loginSecret: Uint8Array | null; readonly stretching: Stretching } {
  return password === undefined
    ? { loginSecret: random(), stretching: "minimal" }
    : { loginSecret: null, stretching: "memory-constrained" }
}

/**
 * The account's side of OPAQUE. `password` is what the user typed; an account that has a random secret does without.
 * The module is loaded when it is wanted: most of the time a client neither registers nor deletes its account.
 *
 * Throws ClientError `client.password-needed`.
 */
export async function opaqueOf(account: Account, password: string | undefined): Promise<OpaqueClient> {
  const { domain, clientId, loginSecret, stretching } = account
  // Keyboards differ in how they compose letters with accents.
  const secret = loginSecret === null ? password?.normalize("NFC") : toHex(loginSecret)
  if (secret === undefined) throw new ClientError("client.password-needed")
  const { OpaqueClient } = await import("../crypto/opaque/client.ts")
  return new OpaqueClient({ user: userOfClient(clientId), domain }, secret, stretching)
}

/** Takes an answer in. Throws ClientError `client.unexpected-response` where OPAQUE cannot read it. */
export function takeAnswer<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof CryptoError) throw new ClientError("client.unexpected-response")
    throw error
  }
}

import { Account, Anchors, at, load } from "../../src/client/records.ts"
import type { ClientStore } from "../../src/client/store.ts"
import { decodeIssuedCredential } from "../../src/wire/credential-format.ts"

/** What a registered client has in its store. */

export async function accountIn(store: ClientStore): Promise<Account & { credential: Uint8Array }> {
  const account = await load(store, Account, at.account)
  if (account === undefined || account.credential === null) throw new Error("not registered")
  return { ...account, credential: account.credential }
}

export async function anchorsIn(store: ClientStore): Promise<Anchors> {
  const anchors = await load(store, Anchors, at.anchors)
  if (anchors === undefined) throw new Error("not registered")
  return anchors
}

/** When the client's credential ends, in seconds. */
export async function credentialEnd(store: ClientStore): Promise<number> {
  const { credential } = await accountIn(store)
  return decodeIssuedCredential("client", credential).expiration.notAfter
}

import { storedPackages } from "../../src/client/connection-packages.ts"
import { at, load } from "../../src/client/record-store.ts"
import { Account, Anchors, PublishedAddPackages } from "../../src/client/records.ts"
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
  return endOf(credential)
}

function endOf(credential: Uint8Array): number {
  return decodeIssuedCredential("client", credential).expiration.notAfter
}

/** When the packages end that were published last: connection packages of the user id, AddPackages. */
export async function packageEnds(store: ClientStore): Promise<number[]> {
  const stored = await storedPackages(store, null)
  const published = stored.filter(({ state }) => state === "published").map(({ expires }) => expires)
  const add = await load(store, PublishedAddPackages, at.addPackages)
  return [Math.max(0, ...published), add === undefined ? 0 : endOf(add.credential)]
}

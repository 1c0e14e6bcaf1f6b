import type { OpaqueClient } from "../crypto/opaque/client.ts"
import { wipe } from "../crypto/wipe.ts"
import { as } from "../wire/as.ts"
import type { ClientContext } from "./context.ts"
import { ClientError } from "./errors.ts"
import { opaqueOf, takeAnswer } from "./password.ts"
import { at, load, removal } from "./record-store.ts"
import { Account } from "./records.ts"
import { clientSigner } from "./signers.ts"

/** How often a login is done again because the server forgot it. */
const ATTEMPTS_MAX = 3

/**
 * Has the AS delete the user, under a login with the password. `before` runs as soon as the password is known to be right. That the server is asked is stored first: if it does not know this client afterwards, then the deletion went
 * through and only its answer was lost.
 *
 * Throws ClientError `client.wrong-password`, `client.password-needed`, or what the server refuses with.
 */
export async function deleteAtAs(
  context: ClientContext,
  password: string | undefined,
  before: () => Promise<void>,
): Promise<void> {
  const { account, identity, store, transport } = context
  const opaque = await opaqueOf(account, password)
  let asked = (await load(store, Account, at.account))?.stage === "leaving"
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const ke3 = await logIn(context, opaque)
    if (ke3 === undefined && asked) return
    if (ke3 === undefined) break
    await before()
    await identity.leave()
    asked = true
    const deleted = transport.call(as.deleteAccount, { ke3 }, clientSigner(account))
    if ((await unlessRefused(deleted)) !== undefined) return
  }
  throw new ClientError("auth.refused")
}

/** Deletes all that the client keeps, and overwrites the keys in memory. */
export async function forgetEverything({ account, store }: ClientContext): Promise<void> {
  await store.transaction((await store.list("")).map(removal))
  const { clientSeed, connectionQueueKey, queueKey, qsUserSeed, qsClientSeed } = account
  wipe(clientSeed, account.loginSecret ?? undefined, connectionQueueKey, queueKey, qsUserSeed, qsClientSeed)
  wipe(account.friendshipToken, account.friendshipKey, account.profileKey, account.pushTokenKey)
}

/** OPAQUE's last message; undefined: the server does not know this client. */
async function logIn(
  { account, transport }: ClientContext,
  opaque: OpaqueClient,
): Promise<Uint8Array | undefined> {
  const login = opaque.startLogin()
  const begun = transport.call(as.startLogin, { ke1: login.ke1 }, clientSigner(account))
  const answer = await unlessRefused(begun)
  if (answer === undefined) return undefined
  const ke3 = takeAnswer(() => login.finish(answer.ke2))
  if (ke3 === undefined) throw new ClientError("client.wrong-password")
  return ke3
}

/** undefined: the server knows no such sender, or no such login. */
async function unlessRefused<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (error instanceof ClientError && error.code === "auth.refused") return undefined
    throw error
  }
}

import { CLIENT_ID_BYTES, KEY_BYTES } from "../limits.ts"
import { qs } from "../wire/qs.ts"
import { type EnrolmentParts, finishEnrolment, notEnrolled, requestCredential } from "./enrolment.ts"
import { ClientError } from "./errors.ts"
import type { Membership } from "./mls/member.ts"
import { pause, spreadMilliseconds } from "./pace.ts"
import { publishAddPackages } from "./packages.ts"
import { newLogin } from "./password.ts"
import { at, change, load } from "./record-store.ts"
import { Account, type RegisteredAccount } from "./records.ts"
import type { ClientStore, StoreChange } from "./store.ts"

interface RegistrationParts extends EnrolmentParts {
  readonly membership: Membership
  readonly store: ClientStore
  readonly displayName: string
  readonly signal: AbortSignal
  /** Mean of the random time between what the AS sees and what the QS sees. */
  readonly spreadMilliseconds: number
}

/** How often a step is done again because the server forgot what came before it. */
const ATTEMPTS_MAX = 5

/**
 * Registers a client, step by step: whatever a step needs is stored before it, and its outcome before the next, so that
 * a crash at any point is picked up by calling this again.
 */
export async function register(parts: RegistrationParts): Promise<RegisteredAccount> {
  const { store } = parts
  let account = await load(store, Account, at.account)
  if (account === undefined) {
    account = newAccount(parts)
    await save(parts, account)
  }
  for (let attempt = 0; account.stage === "new" || account.stage === "credential"; attempt++) {
    if (attempt === ATTEMPTS_MAX) throw new ClientError("auth.refused")
    account = await enrol(parts, account)
  }
  if (account.stage === "registered") {
    await pause(spreadMilliseconds(parts.spreadMilliseconds), parts.signal)
    account = await createQueue(parts, account)
  }
  const registered = requireComplete(account)
  if (registered.stage === "queued") {
    await publishAddPackages({ ...parts, account: registered })
    return requireComplete(await save(parts, { ...registered, stage: "ready" }))
  }
  return registered
}

function requireComplete(account: Account): RegisteredAccount {
  const { credential, qs: queue } = account
  if (credential === null || queue === null) throw new ClientError("client.damaged-store")
  return { ...account, credential, qs: queue }
}

function newAccount({ crypto, domain, displayName, password }: RegistrationParts): Account {
  return {
    domain,
    displayName,
    clientId: crypto.random(CLIENT_ID_BYTES),
    clientSeed: crypto.random(KEY_BYTES),
    ...newLogin(password, () => crypto.random(KEY_BYTES)),
    firstLogin: null,
    credential: null,
    connectionPackages: [],
    connectionQueueKey: crypto.random(KEY_BYTES),
    friendshipToken: crypto.random(KEY_BYTES),
    friendshipKey: crypto.random(KEY_BYTES),
    profileKey: crypto.random(KEY_BYTES),
    qsUserSeed: crypto.random(KEY_BYTES),
    qsClientSeed: crypto.random(KEY_BYTES),
    queueKey: crypto.random(KEY_BYTES),
    pushTokenKey: crypto.random(KEY_BYTES),
    qs: null,
    stage: "new",
  }
}

async function save(
  { store }: RegistrationParts,
  account: Account,
  changes: readonly StoreChange[] = [],
): Promise<Account> {
  await store.transaction([change(Account, at.account, account), ...changes])
  return account
}

/** Does what comes next at the AS. */
async function enrol(parts: RegistrationParts, account: Account): Promise<Account> {
  try {
    const next = account.stage === "new" ? requestCredential : finishEnrolment
    const step = await next(parts, account)
    return await save(parts, step.account, step.changes)
  } catch (error) {
    // The pending registration lives in the server's memory only: after a restart or some minutes it is gone.
    const forgotten = error instanceof ClientError && error.code === "auth.refused"
    // Somebody else used the invitation meanwhile; with another one it is a new beginning as well.
    const taken = error instanceof ClientError && error.code === "as.invalid-invitation"
    if (!forgotten && !taken) throw error
    const again = await save(parts, notEnrolled(account))
    if (taken) throw error
    return again
  }
}

async function createQueue(parts: RegistrationParts, before: Account): Promise<Account> {
  const { crypto, transport } = parts
  let account = before
  const { configKey } = await transport.call(qs.publicKeys, {})
  for (let attempt = 0; ; attempt++) {
    try {
      const { user, client } = await transport.call(qs.createUser, {
        userAuthKey: crypto.ed25519Public(account.qsUserSeed),
        friendshipTokenHash: crypto.sha256(account.friendshipToken),
        clientAuthKey: crypto.ed25519Public(account.qsClientSeed),
        queueKey: crypto.x25519Public(account.queueKey),
      })
      const queue = { user: user.slice(), client: client.slice(), configKey: configKey.slice() }
      return await save(parts, { ...account, qs: queue, stage: "queued" })
    } catch (error) {
      // An attempt whose answer was lost took the token with it; nobody knows it yet, so another one does as well.
      const taken = error instanceof ClientError && error.code === "qs.token-taken"
      if (!taken || attempt === ATTEMPTS_MAX) throw error
      account = await save(parts, { ...account, friendshipToken: crypto.random(KEY_BYTES) })
    }
  }
}

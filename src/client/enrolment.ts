import type { CryptoProvider } from "../crypto/provider.ts"
import { as } from "../wire/as.ts"
import { parseInvitation } from "../wire/invitation.ts"
import { CodecError } from "../wire/tls.ts"
import { makeConnectionPackages } from "./connection-packages.ts"
import { ClientError } from "./errors.ts"
import { ownCsr, verifyOwnCredential } from "./own-credential.ts"
import { opaqueOf, takeAnswer } from "./password.ts"
import type { Account } from "./records.ts"
import { clientSigner } from "./signers.ts"
import type { StoreChange } from "./store.ts"
import type { Transport } from "./transport.ts"
import type { Trust } from "./trust.ts"

/** The AS's part of a registration: the account after each step, and what is to be stored together with it. */

export interface EnrolmentParts {
  readonly crypto: CryptoProvider
  readonly transport: Transport
  readonly trust: Trust
  readonly domain: string
  readonly password: string | undefined
  /** As people write it. */
  readonly invitation: string | undefined
}

export interface Step {
  readonly account: Account
  readonly changes: readonly StoreChange[]
}

/** Has a credential signed, and shows that the password fits the record that the AS is to keep. */
export async function requestCredential(parts: EnrolmentParts, account: Account): Promise<Step> {
  const { crypto, transport, password } = parts
  const opaque = await opaqueOf(account, password)
  const registration = opaque.startRegistration()
  const { credential, opaqueResponse } = await transport.call(as.initRegistration, {
    csr: ownCsr(parts, account),
    opaqueRequest: registration.request,
    invitation: invitationBytes(parts),
  })
  const issued = { ...account, credential: credential.slice() }
  await verifyOwnCredential(parts, account, issued.credential)
  const record = takeAnswer(() => registration.finish(opaqueResponse))
  const login = opaque.startLogin()
  const started = await transport.call(
    as.startRegistrationLogin,
    { record, ke1: login.ke1 },
    clientSigner(account),
  )
  const firstLogin = takeAnswer(() => login.finish(started.ke2))
  if (firstLogin === undefined) throw new ClientError("client.unexpected-response")
  const { packages, changes } = makeConnectionPackages(crypto, issued, transport.now())
  return {
    account: { ...issued, firstLogin, connectionPackages: packages, stage: "credential" },
    changes,
  }
}

/** Has user, client, queue and connection packages stored. Repeating it is safe. */
export async function finishEnrolment(
  { crypto, transport }: EnrolmentParts,
  account: Account,
): Promise<Step> {
  const { firstLogin: ke3, connectionPackages, connectionQueueKey } = account
  if (ke3 === null) throw new ClientError("client.damaged-store")
  await transport.call(
    as.finishRegistration,
    { ke3, queueKey: crypto.x25519Public(connectionQueueKey), connectionPackages },
    clientSigner(account),
  )
  return {
    account: { ...account, firstLogin: null, connectionPackages: [], stage: "registered" },
    changes: [],
  }
}

/** The account as it was before the first step, whose outcome the AS has forgotten. */
export function notEnrolled(account: Account): Account {
  return { ...account, credential: null, firstLogin: null, connectionPackages: [], stage: "new" }
}

function invitationBytes({ invitation }: EnrolmentParts): Uint8Array | null {
  if (invitation === undefined) return null
  try {
    return parseInvitation(invitation)
  } catch (error) {
    if (error instanceof CodecError) throw new ClientError("as.invalid-invitation")
    throw error
  }
}

import type { OpaqueServer } from "../crypto/opaque/server.ts"
import { CryptoError } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import type { accounts } from "../wire/as/accounts.ts"
import type { Handlers } from "../wire/call.ts"
import { decodeIssuedCredential } from "../wire/credential-format.ts"
import { Problem } from "../wire/problem.ts"
import { deleteUser } from "./deletion.ts"
import type { Invitations } from "./invitations.ts"
import type { Logins } from "./logins.ts"
import { checkPackages } from "./packages.ts"
import type { AsParts } from "./parts.ts"
import type { PendingRegistrations } from "./pending.ts"
import { type ProvenUser, registrationEffects } from "./registration.ts"
import { clientKey, clients, users } from "./tables.ts"

/** What only the coming and going of users needs. */
export interface AccountParts {
  readonly opaque: OpaqueServer
  readonly pending: PendingRegistrations
  readonly logins: Logins
  readonly invitations: Invitations
}

/** How users come and go (docs/protocol.md section 4.2). */
export function accountHandlers(parts: AsParts, accountParts: AccountParts): Handlers<typeof accounts> {
  const { crypto, engine, authority, store, authentication, seconds, change, changeQueues } = parts
  const { opaque, pending, logins, invitations } = accountParts

  /** undefined: no registration of the client is pending. @throws Problem auth.refused the password does not fit */
  function provenUser(clientId: Uint8Array, ke3: Uint8Array): ProvenUser | undefined {
    const registration = pending.get(clientId)
    if (registration === undefined) return undefined
    const login = pending.login(clientId)
    const { user } = clientKey(clientId)
    if (login === undefined || !opaque.finishLogin(user, login.state, ke3)) throw new Problem("auth.refused")
    return { record: login.record, invitation: registration.invitation }
  }

  return {
    async initRegistration({ csr, opaqueRequest, invitation: code }) {
      const invitation = invitations.admit(store, code)
      const credential = authority.issue(csr)
      const { subject: clientId, publicKey } = decodeIssuedCredential("client", credential).request
      const { user } = clientKey(clientId)
      if (store.list(clients, { user }, 1).length > 0) throw new Problem("as.client-exists")
      const opaqueResponse = wellFormed(() => opaque.registrationResponse(user, opaqueRequest))
      pending.add({ clientId, publicKey, credential, invitation })
      return { credential, opaqueResponse }
    },

    async startRegistrationLogin(call) {
      const { clientId, params } = authentication.newClient(call, pending)
      if (pending.get(clientId) === undefined) throw new Problem("auth.refused")
      const { user } = clientKey(clientId)
      const record = params.record.slice()
      const { ke2, state } = wellFormed(() => opaque.startLogin(user, record, params.ke1))
      pending.beginLogin(clientId, { record, state })
      return { ke2 }
    },

    async finishRegistration(call) {
      const { clientId, credential, params } = authentication.newClient(call, pending)
      const { ke3, queueKey } = params
      const proven = provenUser(clientId, ke3)
      const connectionPackages = checkPackages(crypto, credential, params.connectionPackages, seconds())
      const queueRecord = engine.newRecord(clientId, queueKey)
      const registration = { clientId, credential, connectionPackages, queueKey, proven }
      await change((view) => registrationEffects(crypto, view, registration, queueRecord))
      pending.remove(clientId)
      return {}
    },

    async startLogin(call) {
      const { clientId, params } = authentication.client(call)
      const { user } = clientKey(clientId)
      const record = store.get(users, { user })?.record
      const ke2 = logins.begin(clientId, () => wellFormed(() => opaque.startLogin(user, record, params.ke1)))
      return { ke2 }
    },

    async deleteAccount(call) {
      const { clientId, params } = authentication.client(call)
      const { user } = clientKey(clientId)
      const state = logins.take(clientId)
      const proven = state !== undefined && opaque.finishLogin(user, state, params.ke3)
      wipe(state)
      if (!proven) throw new Problem("auth.refused")
      await changeQueues((view) => deleteUser(engine, view, user))
      logins.forget(clientId)
      return {}
    },
  }
}

/** What OPAQUE cannot read is not a request. */
function wellFormed<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof CryptoError) throw new Problem("request.malformed")
    throw error
  }
}

import type { accounts } from "../wire/as/accounts.ts"
import type { Handlers } from "../wire/call.ts"
import { decodeIssuedCredential } from "../wire/credential-format.ts"
import { Problem } from "../wire/problem.ts"
import { checkPackages } from "./packages.ts"
import type { AsParts } from "./parts.ts"
import type { PendingRegistrations } from "./pending.ts"
import { registrationEffects } from "./registration.ts"
import { clientKey, clients } from "./tables.ts"

/** How users come and go (PROTOCOL.md section 4.2). */
export function accountHandlers(parts: AsParts, pending: PendingRegistrations): Handlers<typeof accounts> {
  const { crypto, engine, authority, store, authentication, seconds, change } = parts
  return {
    async initRegistration({ csr }) {
      const credential = authority.issue(csr)
      const { subject: clientId, publicKey } = decodeIssuedCredential("client", credential).request
      const { user } = clientKey(clientId)
      if (store.list(clients, { user }, 1).length > 0) throw new Problem("as.client-exists")
      pending.add({ clientId, publicKey, credential })
      return { credential }
    },

    async finishRegistration(call) {
      const { clientId, credential, params } = authentication.newClient(call, pending)
      const { queueKey } = params
      const connectionPackages = checkPackages(crypto, credential, params.connectionPackages, seconds())
      const queueRecord = engine.newRecord(clientId, queueKey)
      const registration = { clientId, credential, connectionPackages, queueKey }
      await change((view) => registrationEffects(crypto, view, registration, queueRecord))
      pending.remove(clientId)
      return {}
    },
  }
}

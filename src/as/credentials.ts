import { CREDENTIAL_RENEWAL_GRACE_SECONDS } from "../limits.ts"
import { put } from "../store/database.ts"
import type { credentials } from "../wire/as/credentials.ts"
import { equal } from "../wire/bytes.ts"
import type { Handlers } from "../wire/call.ts"
import { decodeIssuedCredential } from "../wire/credential-format.ts"
import { Problem } from "../wire/problem.ts"
import type { AsParts } from "./parts.ts"
import { clientKey, clients } from "./tables.ts"

/** The AS's own credentials, and how clients renew theirs (docs/protocol.md sections 4.1 and 4.3). */
export function credentialHandlers(parts: AsParts): Handlers<typeof credentials> {
  const { authority, aliasSalt, authentication, seconds, change } = parts
  return {
    async getCredentials() {
      return { ...authority.published(), aliasSalt }
    },

    async renewCredential(call) {
      const { clientId, credential: before, params } = authentication.client(call)
      const known = decodeIssuedCredential("client", before)
      if (seconds() > known.expiration.notAfter + CREDENTIAL_RENEWAL_GRACE_SECONDS)
        throw new Problem("as.credential-expired")
      const credential = authority.issue(params.csr)
      if (!equal(decodeIssuedCredential("client", credential).request.subject, clientId))
        throw new Problem("as.invalid-csr")
      await change((view) => {
        const stored = view.get(clients, clientKey(clientId))
        // Deleted meanwhile, or renewed with a key that did not sign this request.
        if (stored === undefined || !hasKey(stored.credential, known.request.publicKey))
          throw new Problem("auth.refused")
        if (equal(stored.credential, credential)) return []
        return [put(clients, { ...clientKey(clientId), credential })]
      })
      return { credential }
    },
  }
}

function hasKey(credential: Uint8Array, publicKey: Uint8Array): boolean {
  return equal(decodeIssuedCredential("client", credential).request.publicKey, publicKey)
}

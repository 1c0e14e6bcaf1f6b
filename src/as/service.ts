import type { CryptoProvider } from "../crypto/provider.ts"
import { CLIENTS_PER_USER_MAX, CONNECTION_PACKAGES_MAX } from "../limits.ts"
import type { QueueEngine } from "../queue/engine.ts"
import type { Store, Unit } from "../store/database.ts"
import type { as } from "../wire/as.ts"
import type { Handlers } from "../wire/call.ts"
import { decodeIssuedCredential } from "../wire/credential-format.ts"
import { CredentialError, issueClientCredential } from "../wire/credentials.ts"
import { Problem } from "../wire/problem.ts"
import { Authentication } from "./authentication.ts"
import { addPackages, type Claim, checkPackages, choosePackage } from "./packages.ts"
import { type PendingLimits, PendingRegistrations } from "./pending.ts"
import { registrationEffects } from "./registration.ts"
import { clientKey, clients, packages } from "./tables.ts"

/** The AS's credentials, as published, and the key that signs clients. The root's key is not needed here. */
export interface AsKeys {
  /** Encoded AsCredentials. */
  readonly asCredentials: readonly Uint8Array[]
  /** Encoded AsIntermediateCredentials, {@link intermediate} among them. */
  readonly intermediates: readonly Uint8Array[]
  /** The intermediate that signs new clients, and its Ed25519 seed. */
  readonly intermediate: Uint8Array
  readonly intermediateSeed: Uint8Array
  /** Fingerprints of revoked credentials: published, and clients among them are refused. */
  readonly revoked?: readonly Uint8Array[]
}

export interface AsOptions {
  readonly store: Store
  readonly crypto: CryptoProvider
  /** Over the table `as_queue`; a queue's id is its client's id. */
  readonly engine: QueueEngine
  readonly keys: AsKeys
  readonly domain: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly pendingLimits?: PendingLimits
}

/** The authentication service (PROTOCOL.md section 4): the only place where real identities are used. */
export interface As {
  readonly handlers: Handlers<typeof as>
}

const PACKAGES_PER_USER_MAX = CLIENTS_PER_USER_MAX * CONNECTION_PACKAGES_MAX

export function createAs(options: AsOptions): As {
  const { crypto, engine, keys, store } = options
  const { writer } = store
  const revoked = keys.revoked ?? []
  const authentication = new Authentication(crypto, store, options.domain, revoked)
  const pending = new PendingRegistrations(options.now, options.pendingLimits)
  const seconds = () => Math.floor(options.now() / 1000)
  const change = (effects: Unit["effects"]) => writer.submit({ expects: [], effects })

  const handlers: Handlers<typeof as> = {
    async getCredentials() {
      return {
        credentials: [...keys.asCredentials],
        intermediates: [...keys.intermediates],
        revoked: [...revoked],
      }
    },

    async initRegistration({ csr }) {
      const credential = issued(() => {
        return issueClientCredential(crypto, keys.intermediateSeed, keys.intermediate, csr, seconds())
      })
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

    async publishConnectionPackages(call) {
      const { clientId, credential, params } = authentication.client(call)
      const added = checkPackages(crypto, credential, params.connectionPackages, seconds())
      const key = clientKey(clientId)
      await change((view) => {
        const stored = view.list(packages, key, CONNECTION_PACKAGES_MAX)
        return addPackages(crypto, key, stored, added, seconds())
      })
      return {}
    },

    async claimConnectionPackage({ user }) {
      if (store.list(packages, { user }, 1).length === 0) throw new Problem("as.no-connection-package")
      const claimed: Claim[] = []
      await change((view) => {
        const claim = choosePackage(crypto, view.list(packages, { user }, PACKAGES_PER_USER_MAX), seconds())
        if (claim === undefined) throw new Problem("as.no-connection-package")
        claimed.push(claim)
        return claim.effects
      })
      const [claim] = claimed as [Claim]
      return { connectionPackage: claim.body }
    },

    async enqueue({ client, message }) {
      if (!engine.exists(client)) throw new Problem("as.unknown-queue")
      let enqueued: ReturnType<QueueEngine["enqueue"]> | undefined
      await writer.submit({
        expects: [],
        effects: (view) => {
          enqueued = engine.enqueue(view, [{ queue: client, message }])
          return enqueued.effects
        },
        committed: () => enqueued?.committed(),
        failed: () => enqueued?.failed(),
      })
      return {}
    },

    async dequeue(call) {
      const { clientId, params } = authentication.client(call)
      const result = await engine.dequeue(clientId, params)
      if (result === undefined) throw new Problem("auth.refused")
      return result
    },
  }
  return { handlers }
}

/** An expired issuer is the server's fault, everything else the request's. */
function issued(issue: () => Uint8Array): Uint8Array {
  try {
    return issue()
  } catch (error) {
    if (error instanceof CredentialError && error.code !== "not-valid-now")
      throw new Problem("as.invalid-csr")
    throw error
  }
}

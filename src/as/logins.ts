import type { BegunLogin } from "../crypto/opaque/server.ts"
import { wipe } from "../crypto/wipe.ts"
import { ExpiringMap } from "../expiring-map.ts"
import { LOGIN_CLIENTS_MAX, LOGIN_SECONDS, LOGIN_WINDOW_SECONDS, LOGINS_PER_CLIENT_MAX } from "../limits.ts"
import { toHex } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"

/** How many logins are allowed to whom, and for how long. */
export interface LoginLimits {
  readonly perClientMax: number
  readonly windowSeconds: number
  readonly loginSeconds: number
  readonly clientsMax: number
}

const DEFAULTS: LoginLimits = {
  perClientMax: LOGINS_PER_CLIENT_MAX,
  windowSeconds: LOGIN_WINDOW_SECONDS,
  loginSeconds: LOGIN_SECONDS,
  clientsMax: LOGIN_CLIENTS_MAX,
}

interface ClientLogins {
  begun: number
  login: { readonly deadline: number; readonly state: Uint8Array } | undefined
}

/**
 * Logins between their two steps, one for each client, in memory only. Whoever has a client's key can try one password
 * with each login that begins, and needs no second step to see whether it was right (RFC 9807 section 9.2): so it is
 * beginnings that are counted. A restart forgets the counts. Only clients whose signature was verified get in here.
 */
export class Logins {
  readonly #limits: LoginLimits
  readonly #now: () => number
  readonly #clients: ExpiringMap<ClientLogins>

  /** `now` in milliseconds, not going back. */
  constructor(now: () => number, limits: LoginLimits = DEFAULTS) {
    this.#now = now
    this.#limits = limits
    this.#clients = new ExpiringMap(now, limits.windowSeconds, ({ login }) => wipe(login?.state))
  }

  /**
   * Begins a login in place of an earlier one of the same client, and returns what is answered.
   *
   * @throws Problem as.too-many-logins; server.overloaded if those of too many clients are counted
   */
  begin(clientId: Uint8Array, start: () => BegunLogin): Uint8Array {
    const client = this.#clients.get(toHex(clientId)) ?? this.#open(clientId)
    if (client.begun >= this.#limits.perClientMax) throw new Problem("as.too-many-logins")
    client.begun += 1
    const { ke2, state } = start()
    wipe(client.login?.state)
    client.login = { deadline: this.#now() + 1000 * this.#limits.loginSeconds, state }
    return ke2
  }

  /** The state of the client's login, which is forgotten here: it is used once. The caller overwrites it. */
  take(clientId: Uint8Array): Uint8Array | undefined {
    const client = this.#clients.get(toHex(clientId))
    const login = client?.login
    if (client === undefined || login === undefined) return undefined
    client.login = undefined
    if (login.deadline > this.#now()) return login.state
    wipe(login.state)
    return undefined
  }

  /** Forgets a client that is no more. */
  forget(clientId: Uint8Array): void {
    this.#clients.delete(toHex(clientId))
  }

  #open(clientId: Uint8Array): ClientLogins {
    if (this.#clients.size >= this.#limits.clientsMax) throw new Problem("server.overloaded")
    const client: ClientLogins = { begun: 0, login: undefined }
    this.#clients.set(toHex(clientId), client)
    return client
  }
}

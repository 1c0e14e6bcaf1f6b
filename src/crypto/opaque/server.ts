import { fromText, identifiersOf, opaqueServer, refusing, toText } from "./library.ts"

/** What a server keeps of a login between its two steps, and what it answers to the first. */
export interface BegunLogin {
  readonly ke2: Uint8Array
  /** Secret. */
  readonly state: Uint8Array
}

/**
 * Makes the secrets of a new server: OPRF seed, key pair, and a public key of nobody for users who are unknown. Whoever
 * has them and a user's record can try passwords at leisure.
 */
export function makeOpaqueSetup(): Uint8Array {
  return fromText(opaqueServer.createSetup())
}

/**
 * The server's side of OPAQUE (RFC 9807): it learns neither a password nor, without its setup, anything that passwords
 * could be tried on. All inputs have the lengths that limits.ts names.
 */
export class OpaqueServer {
  readonly #setup: string
  readonly #domain: string

  /** `setup` from {@link makeOpaqueSetup}; a copy of it stays in memory as text. */
  constructor(setup: Uint8Array, domain: string) {
    this.#setup = toText(setup)
    this.#domain = domain
    refusing("setup", () => opaqueServer.getPublicKey(this.#setup))
  }

  /**
   * CreateRegistrationResponse (section 5.2.2).
   *
   * @throws CryptoError the request is not one
   */
  registrationResponse(user: Uint8Array, request: Uint8Array): Uint8Array {
    const { registrationResponse } = refusing("registration request", () =>
      opaqueServer.createRegistrationResponse({
        serverSetup: this.#setup,
        userIdentifier: this.#identifiers(user).client,
        registrationRequest: toText(request),
      }),
    )
    return fromText(registrationResponse)
  }

  /**
   * GenerateKE2 (section 6.2.2). Without a record, it is the answer for an unknown user, which cannot be told from
   * others and which no password fits (section 10.9).
   *
   * @throws CryptoError record or KE1 are not one
   */
  startLogin(user: Uint8Array, record: Uint8Array | undefined, ke1: Uint8Array): BegunLogin {
    const identifiers = this.#identifiers(user)
    const { loginResponse, serverLoginState } = refusing("first login message", () =>
      opaqueServer.startLogin({
        serverSetup: this.#setup,
        userIdentifier: identifiers.client,
        registrationRecord: record === undefined ? null : toText(record),
        startLoginRequest: toText(ke1),
        identifiers,
      }),
    )
    return { ke2: fromText(loginResponse), state: fromText(serverLoginState) }
  }

  /** ServerFinish (section 6.2.4): whether the user's password was used to make KE3. */
  finishLogin(user: Uint8Array, state: Uint8Array, ke3: Uint8Array): boolean {
    try {
      opaqueServer.finishLogin({
        serverLoginState: toText(state),
        finishLoginRequest: toText(ke3),
        identifiers: this.#identifiers(user),
      })
      return true
    } catch {
      return false
    }
  }

  #identifiers(user: Uint8Array) {
    return identifiersOf({ user, domain: this.#domain })
  }
}

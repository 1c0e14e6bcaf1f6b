import { fromText, identifiersOf, opaqueClient, type Parties, refusing, toText } from "./library.ts"

/**
 * How Argon2id (RFC 9106) makes each try of a password costly for whoever stole the server's secrets and records. Both
 * ends of a user's logins have to use the same.
 *
 * - `memory-constrained`, for passwords of people: 64 MiB, 3 passes, 4 lanes, the second choice of RFC 9106 section 4.
 *   The first choice, which RFC 9807 names as well, takes 2 GiB, which browsers on phones do not give.
 * - `minimal`, for a secret of 32 random bytes, which nobody can try out anyway: 8 KiB, 1 pass.
 */
export type Stretching = "memory-constrained" | "minimal"

const keyStretching = {
  "memory-constrained": "memory-constrained",
  minimal: { "argon2id-custom": { memory: 8, iterations: 1, parallelism: 1 } },
} as const satisfies Record<Stretching, unknown>

/** The first step of a registration, and what follows when the server has answered. */
export interface BegunRegistration {
  readonly request: Uint8Array
  /**
   * FinalizeRegistrationRequest (RFC 9807 section 5.2.3): the record that the server is to keep.
   *
   * @throws CryptoError the answer is not one
   */
  finish(response: Uint8Array): Uint8Array
}

/** The first step of a login, and what follows when the server has answered. */
export interface BegunLogin {
  readonly ke1: Uint8Array
  /**
   * GenerateKE3 (RFC 9807 section 6.2.3). undefined: the password is not the one of the record, or the server not the one
   * that has it.
   *
   * @throws CryptoError the answer is not one
   */
  finish(ke2: Uint8Array): Uint8Array | undefined
}

/** A user's side of OPAQUE (RFC 9807). The password never leaves it in a form that could be tried out. */
export class OpaqueClient {
  readonly #password: string
  readonly #options: {
    readonly password: string
    readonly identifiers: ReturnType<typeof identifiersOf>
    readonly keyStretching: (typeof keyStretching)[Stretching]
  }

  constructor(parties: Parties, password: string, stretching: Stretching) {
    this.#password = password
    this.#options = {
      password,
      identifiers: identifiersOf(parties),
      keyStretching: keyStretching[stretching],
    }
  }

  startRegistration(): BegunRegistration {
    const { clientRegistrationState, registrationRequest } = opaqueClient.startRegistration({
      password: this.#password,
    })
    return {
      request: fromText(registrationRequest),
      finish: (response) => {
        const { registrationRecord } = refusing("registration response", () =>
          opaqueClient.finishRegistration({
            ...this.#options,
            clientRegistrationState,
            registrationResponse: toText(response),
          }),
        )
        return fromText(registrationRecord)
      },
    }
  }

  startLogin(): BegunLogin {
    const { clientLoginState, startLoginRequest } = opaqueClient.startLogin({ password: this.#password })
    return {
      ke1: fromText(startLoginRequest),
      finish: (ke2) => {
        const finished = refusing("login response", () =>
          opaqueClient.finishLogin({ ...this.#options, clientLoginState, loginResponse: toText(ke2) }),
        )
        return finished === undefined ? undefined : fromText(finished.finishLoginRequest)
      },
    }
  }
}

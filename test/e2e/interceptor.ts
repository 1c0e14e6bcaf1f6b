import type { Fetch } from "../../src/client/transport.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import type { CryptoProvider } from "../../src/crypto/provider.ts"

/** What a client is about to send. */
export interface Intercepted {
  readonly path: string
  readonly body: Uint8Array
  /** The Ed25519 seed that the client signed with last: the request's, if it is signed. */
  readonly seed: Uint8Array
}

/** Holds a client's next request to a path back while something else happens; then it goes on as it was. */
export class Interceptor {
  #seed = new Uint8Array(32)
  readonly #attacks = new Map<string, (request: Intercepted) => Promise<void>>()

  /** For the client whose requests these are. */
  readonly crypto: CryptoProvider = {
    ...nativeCrypto,
    ed25519Sign: (seed, message) => {
      this.#seed = seed.slice()
      return nativeCrypto.ed25519Sign(seed, message)
    },
  }

  readonly fetch: Fetch = async (url, request) => {
    const attack = this.#attacks.get(url.pathname)
    if (attack === undefined || !(request.body instanceof Uint8Array)) return await fetch(url, request)
    this.#attacks.delete(url.pathname)
    const body = Uint8Array.from(request.body)
    await attack({ path: url.pathname, body: body.slice(), seed: this.#seed })
    return await fetch(url, { ...request, body, signal: null })
  }

  /** Resolves when the request was held back and `attack` is done; rejects with what it throws. */
  beforeNext(path: string, attack: (request: Intercepted) => Promise<void>): Promise<void> {
    const done = Promise.withResolvers<void>()
    this.#attacks.set(path, (request) => attack(request).then(done.resolve, done.reject))
    return done.promise
  }
}

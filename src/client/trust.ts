import type { CryptoProvider } from "../crypto/provider.ts"
import { as } from "../wire/as.ts"
import { CredentialError, type TrustAnchors, type TrustSource } from "../wire/credentials.ts"
import type { Result } from "../wire/endpoint.ts"
import { Anchors, at, change, load } from "./records.ts"
import type { ClientStore } from "./store.ts"
import type { Transport } from "./transport.ts"

interface TrustParts {
  readonly domain: string
  readonly store: ClientStore
  readonly transport: Transport
  readonly crypto: CryptoProvider
}

/**
 * The roots of the own domain, as they were when this client registered: an AS that shows others later is not
 * believed. Intermediates and revocations are asked for again when a credential names an issuer that is not known.
 */
export class Trust {
  /** What aliases of the own domain are hashed with; as the roots, what it was at registration. */
  readonly aliasSalt: Uint8Array
  readonly #parts: TrustParts
  #anchors: TrustAnchors

  private constructor(parts: TrustParts, { roots, intermediates, revoked, aliasSalt }: Anchors) {
    this.#parts = parts
    this.aliasSalt = aliasSalt
    this.#anchors = { domain: parts.domain, credentials: roots, intermediates, revoked }
  }

  /** From the store; the first time from the AS, whose roots are then pinned. */
  static async open(parts: TrustParts): Promise<Trust> {
    const known = await load(parts.store, Anchors, at.anchors)
    if (known !== undefined) return new Trust(parts, known)
    const anchors = copied(await parts.transport.call(as.getCredentials, {}))
    await parts.store.transaction([change(Anchors, at.anchors, anchors)])
    return new Trust(parts, anchors)
  }

  /** For the functions that verify: anchors of the own domain only, since there is no federation yet. */
  readonly source: TrustSource = (domain) => (domain === this.#anchors.domain ? this.#anchors : undefined)

  /** Runs a verification and, if it failed for want of an issuer, once more with what the AS says now. */
  async verify<T>(work: (source: TrustSource) => T): Promise<T> {
    try {
      return work(this.source)
    } catch (error) {
      if (!(error instanceof CredentialError) || error.code !== "unknown-issuer") throw error
    }
    await this.#refresh()
    return work(this.source)
  }

  async #refresh(): Promise<void> {
    const { store, transport, domain } = this.#parts
    const { intermediates, revoked } = copied(await transport.call(as.getCredentials, {}))
    const roots = [...this.#anchors.credentials]
    const { aliasSalt } = this
    await store.transaction([change(Anchors, at.anchors, { roots, intermediates, revoked, aliasSalt })])
    this.#anchors = { domain, credentials: roots, intermediates, revoked }
  }
}

function copied(answer: Result<typeof as.getCredentials>): Anchors {
  const copy = (list: readonly Uint8Array[]): Uint8Array[] => list.map((bytes) => bytes.slice())
  return {
    roots: copy(answer.credentials),
    intermediates: copy(answer.intermediates),
    revoked: copy(answer.revoked),
    aliasSalt: answer.aliasSalt.slice(),
  }
}

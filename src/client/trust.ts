import type { CryptoProvider } from "../crypto/provider.ts"
import { as } from "../wire/as.ts"
import { includesBytes, toHex } from "../wire/bytes.ts"
import { CredentialError, type TrustSource } from "../wire/credentials.ts"
import { endorsedRoots } from "../wire/endorsement.ts"
import type { Result } from "../wire/endpoint.ts"
import { credentialFingerprint, subjectFingerprint } from "../wire/revocation.ts"
import { userOfClient } from "../wire/user-id.ts"
import { ClientError, type ClientErrorCode } from "./errors.ts"
import { at, change, load } from "./record-store.ts"
import { Anchors } from "./records.ts"
import { isRefusal } from "./refusal.ts"
import type { ClientStore, StoreChange } from "./store.ts"
import type { Transport } from "./transport.ts"

interface TrustParts {
  readonly domain: string
  readonly store: ClientStore
  readonly transport: Transport
  readonly crypto: CryptoProvider
}

/** A root of the own domain, for people to compare. */
export interface Root {
  /** SHA-256 of the AS credential, hexadecimal. */
  readonly fingerprint: string
  /** Otherwise nothing that it vouches for is accepted. */
  readonly trusted: boolean
}

/** Told of each change before it is stored: what is to be stored with it, and what is to be done then. */
export type TrustListener = (
  before: Anchors,
  after: Anchors,
) => { readonly changes: readonly StoreChange[]; written(): void }

/**
 * What this client believes of its own domain's AS. The roots are pinned as they were when it registered. Another one is
 * taken for the operator's next root only if a trusted one vouches for it; of any other the application is told, and its
 * user has to compare fingerprints with somebody. A root that is not published any more stays trusted until it ends.
 *
 * Intermediates and revocations are asked for again now and then, and when a credential names an issuer that is not
 * known.
 */
export class Trust {
  /** What aliases of the own domain are hashed with; as the roots, what it was at registration. */
  readonly aliasSalt: Uint8Array
  readonly #parts: TrustParts
  #anchors: Anchors
  #listener: TrustListener | undefined

  private constructor(parts: TrustParts, anchors: Anchors) {
    this.#parts = parts
    this.#anchors = anchors
    this.aliasSalt = anchors.aliasSalt
  }

  /** From the store; the first time from the AS, whose roots are then pinned. */
  static async open(parts: TrustParts): Promise<Trust> {
    const known = await load(parts.store, Anchors, at.anchors)
    if (known !== undefined) return new Trust(parts, known)
    const { endorsements: _, ...published } = copied(await parts.transport.call(as.getCredentials, {}))
    const anchors = { ...published, unknownRoots: [] }
    await parts.store.transaction([change(Anchors, at.anchors, anchors)])
    return new Trust(parts, anchors)
  }

  /** For the functions that verify: anchors of the own domain only, since there is no federation yet. */
  readonly source: TrustSource = (domain) => {
    if (domain !== this.#parts.domain) return undefined
    const { roots: credentials, intermediates, revoked } = this.#anchors
    return { domain, credentials, intermediates, revoked }
  }

  /** Whether a client, named by its 32-byte id, or its user is revoked, as far as this client knows. */
  isRevoked(clientId: Uint8Array): boolean {
    const { crypto } = this.#parts
    const names = [clientId, userOfClient(clientId)].map((id) => subjectFingerprint(crypto, id))
    return names.some((name) => includesBytes(this.#anchors.revoked, name))
  }

  get roots(): Root[] {
    const { roots, unknownRoots } = this.#anchors
    const describe = (trusted: boolean) => (root: Uint8Array) => ({
      fingerprint: toHex(credentialFingerprint(this.#parts.crypto, root)),
      trusted,
    })
    return [...roots.map(describe(true)), ...unknownRoots.map(describe(false))]
  }

  /** From now on each change is told; one listener. */
  listen(listener: TrustListener): void {
    this.#listener = listener
  }

  /** Runs a verification and, if it failed for want of an issuer, once more with what the AS says now. */
  async verify<T>(work: (source: TrustSource) => T): Promise<T> {
    try {
      return work(this.source)
    } catch (error) {
      if (!(error instanceof CredentialError) || error.code !== "unknown-issuer") throw error
    }
    await this.refresh()
    return work(this.source)
  }

  /**
   * What a failed verification is for the application: `client.unknown-root` if a root that is shown but not known may
   * be all that is missing, otherwise the code given. Whatever is no refusal stays as it is.
   */
  explain(error: unknown, code: ClientErrorCode = "client.invalid"): unknown {
    if (!isRefusal(error)) return error
    const unknown = error instanceof CredentialError && error.code === "unknown-issuer"
    const missing = unknown && this.#anchors.unknownRoots.length > 0
    return new ClientError(missing ? "client.unknown-root" : code, { cause: error })
  }

  /** Asks for what the AS publishes now. Throws ClientError. */
  async refresh(): Promise<void> {
    const { crypto, domain, transport } = this.#parts
    const published = copied(await transport.call(as.getCredentials, {}))
    const { intermediates, revoked, endorsements } = published
    const { roots: pinned } = this.#anchors
    const trust = { domain, credentials: pinned, intermediates, revoked }
    const endorsed = endorsedRoots(crypto, trust, published.roots, endorsements, transport.now())
    const roots = [...pinned, ...endorsed]
    const unknownRoots = published.roots.filter((root) => !includesBytes(roots, root))
    await this.#replace({ roots, unknownRoots, intermediates, revoked, aliasSalt: this.aliasSalt })
  }

  /**
   * Trusts roots that the server shows and the user has compared, by their fingerprints in hexadecimal. Throws
   * ClientError `client.invalid` if one of them is not among {@link roots}.
   */
  async trustRoots(fingerprints: readonly string[]): Promise<void> {
    const { roots, unknownRoots, ...rest } = this.#anchors
    const named = (root: Uint8Array) =>
      fingerprints.includes(toHex(credentialFingerprint(this.#parts.crypto, root)))
    const shown = this.roots.map(({ fingerprint }) => fingerprint)
    if (!fingerprints.every((fingerprint) => shown.includes(fingerprint)))
      throw new ClientError("client.invalid")
    await this.#replace({
      ...rest,
      roots: [...roots, ...unknownRoots.filter(named)],
      unknownRoots: unknownRoots.filter((root) => !named(root)),
    })
  }

  async #replace(next: Anchors): Promise<void> {
    const told = this.#listener?.(this.#anchors, next)
    await this.#parts.store.transaction([change(Anchors, at.anchors, next), ...(told?.changes ?? [])])
    this.#anchors = next
    told?.written()
  }
}

function copied(answer: Result<typeof as.getCredentials>) {
  const copy = (list: readonly Uint8Array[]): Uint8Array[] => list.map((bytes) => bytes.slice())
  return {
    roots: copy(answer.credentials),
    endorsements: copy(answer.endorsements),
    intermediates: copy(answer.intermediates),
    revoked: copy(answer.revoked),
    aliasSalt: answer.aliasSalt.slice(),
  }
}

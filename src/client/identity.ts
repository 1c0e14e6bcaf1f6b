import type { CryptoProvider } from "../crypto/provider.ts"
import { as } from "../wire/as.ts"
import { equal, includesBytes } from "../wire/bytes.ts"
import { decodeIssuedCredential, type Expiration } from "../wire/credential-format.ts"
import { CredentialError, verifyChainOfAnyDomain } from "../wire/credentials.ts"
import { clientFingerprints } from "../wire/revocation.ts"
import { Lock } from "./lock.ts"
import { ownCsr, verifyOwnCredential } from "./own-credential.ts"
import { at, change } from "./record-store.ts"
import { Account, type Anchors, type RegisteredAccount } from "./records.ts"
import { clientSigner } from "./signers.ts"
import type { ClientStore, StoreChange } from "./store.ts"
import type { Transport } from "./transport.ts"
import type { Trust } from "./trust.ts"

interface IdentityParts {
  readonly crypto: CryptoProvider
  readonly store: ClientStore
  readonly transport: Transport
  readonly trust: Trust
}

/** Who this client is: its account, whose credential is renewed while the client runs. */
export class Identity {
  readonly #parts: IdentityParts
  readonly #changing = new Lock()
  #account: RegisteredAccount

  constructor(parts: IdentityParts, account: RegisteredAccount) {
    this.#parts = parts
    this.#account = account
  }

  get account(): RegisteredAccount {
    return this.#account
  }

  /** The life of the credential, in seconds since 1970. */
  get expiration(): Expiration {
    return decodeIssuedCredential("client", this.#account.credential).expiration
  }

  /** The account with a credential that is valid now; one that has expired is renewed first. Throws ClientError. */
  async current(): Promise<RegisteredAccount> {
    if (this.expiration.notAfter < this.#parts.transport.now()) await this.renew()
    return this.#account
  }

  /** Remembers that the AS is asked to delete the account. */
  leave(): Promise<void> {
    return this.#changing.run(() => this.#keep({ ...this.#account, stage: "leaving" }))
  }

  /** Whether others would accept a credential of this client, as far as it knows; an issuer may have been revoked. */
  accepts(credential: Uint8Array): boolean {
    const { crypto, transport, trust } = this.#parts
    try {
      verifyChainOfAnyDomain(crypto, trust.source, credential, transport.now())
      return true
    } catch (error) {
      if (error instanceof CredentialError) return false
      throw error
    }
  }

  /** Whether these revocations name this client, which then cannot do anything about it. */
  isRevokedBy({ revoked }: Pick<Anchors, "revoked">): boolean {
    const { clientId, credential } = this.#account
    const own = clientFingerprints(this.#parts.crypto, credential, clientId)
    return own.some((fingerprint) => includesBytes(revoked, fingerprint))
  }

  /**
   * Gets the next credential for the same key. It is stored before anything is made with it; a crash at any point leaves
   * one that is valid, and the AS gives the same again.
   *
   * @throws ClientError auth.refused (this client is revoked, or its account gone), as.credential-expired
   */
  renew(): Promise<void> {
    return this.#changing.run(async () => {
      const { transport } = this.#parts
      const csr = ownCsr(this.#parts, this.#account)
      const answer = await transport.call(as.renewCredential, { csr }, clientSigner(this.#account))
      const credential = answer.credential.slice()
      await verifyOwnCredential(this.#parts, this.#account, credential)
      if (equal(credential, this.#account.credential)) return
      await this.#keep({ ...this.#account, credential })
    })
  }

  /** Takes other keys for contacts, in one transaction with the other changes. */
  replaceFriendship(
    keys: Pick<Account, "friendshipToken" | "friendshipKey" | "profileKey">,
    changes: readonly StoreChange[],
  ): Promise<void> {
    return this.#changing.run(() => this.#keep({ ...this.#account, ...keys }, changes))
  }

  async #keep(account: RegisteredAccount, changes: readonly StoreChange[] = []): Promise<void> {
    await this.#parts.store.transaction([change(Account, at.account, account), ...changes])
    this.#account = account
  }
}

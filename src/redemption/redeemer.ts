import { peek } from "bun"
import type { CryptoProvider } from "../crypto/provider.ts"
import { encodeTokenChallenge } from "../privacypass/challenge.ts"
import { PrivacyPassError } from "../privacypass/error.ts"
import type { Evaluator } from "../privacypass/evaluator.ts"
import { formatChallenge, parseAuthorization } from "../privacypass/header.ts"
import type { IssuerPublicKey } from "../privacypass/keys.ts"
import { serviceChallenge } from "../privacypass/service-challenge.ts"
import { decodeToken } from "../privacypass/token.ts"
import { VerifiedToken } from "../privacypass/verifier.ts"
import { expectAbsent, put, type Store } from "../store/database.ts"
import { equal, toHex } from "../wire/bytes.ts"
import type { TokenService } from "../wire/endpoint.ts"
import { Problem } from "../wire/problem.ts"
import { type SpentTable, spentTable, spentTables } from "./spent.ts"

/** A key whose tokens are taken. */
export interface AcceptedKey extends IssuerPublicKey {
  /** Lower-case letters, digits and underscores; never used for another key. */
  readonly name: string
}

export interface RedeemerOptions {
  readonly crypto: CryptoProvider
  readonly store: Store
  /** Beginning of the names of the tables of spent nonces. */
  readonly tablePrefix: string
  readonly domain: string
  readonly service: TokenService
  /** Needs the secret keys of {@link keys}. */
  readonly evaluator: Evaluator
  /** The one that issues now comes first. */
  readonly keys: () => readonly [AcceptedKey, ...AcceptedKey[]]
}

/** A token that was taken. */
export interface Redemption {
  /** Resolves when that is durable, or when it failed to become so: then only this process knows of it. */
  readonly durable: Promise<void>
}

/**
 * Takes the tokens of one service, each once (docs/protocol.md section 4.4). Spent nonces are in the service's own store, so
 * whatever a token pays for, its spending is written in the same epoch or an earlier one.
 */
export class Redeemer {
  readonly #options: RedeemerOptions
  readonly #challenge: Uint8Array
  readonly #digest: Uint8Array
  /** Tokens that are being looked at or written, or could not be written: taken, as far as this process is concerned. */
  readonly #taken = new Set<string>()

  constructor(options: RedeemerOptions) {
    const { crypto, domain, service } = options
    this.#options = options
    this.#challenge = encodeTokenChallenge(serviceChallenge(crypto, domain, service))
    this.#digest = crypto.sha256(this.#challenge)
  }

  /** The value of `WWW-Authenticate` (RFC 9577 section 2.1). */
  challenge(): string {
    return formatChallenge(this.#challenge, this.#options.keys()[0].publicKey)
  }

  /**
   * Takes the token of an `Authorization` header. Of many requests with one token exactly one is let through, the others
   * are refused before anything costly is done for them.
   *
   * @throws Problem token.required, token.refused, token.spent
   * @throws Overloaded, StoreClosed nothing was taken
   */
  async redeem(authorization: string | null): Promise<Redemption> {
    const bytes = tokenOf(authorization)
    const { table, nonce } = this.#locate(bytes)
    const name = `${table.name} ${toHex(nonce)}`
    if (this.#taken.has(name) || this.#options.store.get(table, { nonce }) !== undefined) {
      throw new Problem("token.spent")
    }
    this.#taken.add(name)
    try {
      await this.#verify(bytes)
      const written = this.#options.store.writer.submit({
        expects: [expectAbsent(table, { nonce })],
        effects: () => [put(table, { nonce })],
      })
      // A store that takes nothing more says so at once, and then the operation must not begin.
      if (peek.status(written) === "rejected") await written
      return { durable: this.#settled(written, name) }
    } catch (error) {
      this.#taken.delete(name)
      throw error
    }
  }

  async #settled(written: Promise<void>, name: string): Promise<void> {
    try {
      await written
      this.#taken.delete(name)
    } catch {
      // It stays taken: what it paid for may have become durable later.
    }
  }

  /** Drops the nonces of keys that are gone; their tokens are refused as they are. */
  async forgetOldKeys(): Promise<void> {
    const { store, tablePrefix, keys } = this.#options
    const names = new Set(keys().map(({ name }) => spentTable(tablePrefix, name).name))
    for (const table of spentTables(store, tablePrefix)) {
      if (!names.has(table.name)) await store.writer.dropTable(table)
    }
  }

  #locate(bytes: Uint8Array): { readonly table: SpentTable; readonly nonce: Uint8Array } {
    const { keys, tablePrefix } = this.#options
    const { nonce, tokenKeyId } = refusing(() => decodeToken(bytes))
    const key = keys().find(({ keyId }) => equal(keyId, tokenKeyId))
    if (key === undefined) throw new Problem("token.refused")
    return { table: spentTable(tablePrefix, key.name), nonce }
  }

  async #verify(bytes: Uint8Array): Promise<void> {
    const { evaluator, keys } = this.#options
    const expected = { keys: keys(), challengeDigest: this.#digest }
    await VerifiedToken.verify(evaluator, expected, bytes).catch(refused)
  }
}

function tokenOf(authorization: string | null): Uint8Array {
  if (authorization === null) throw new Problem("token.required")
  return refusing(() => parseAuthorization(authorization))
}

function refusing<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    return refused(error)
  }
}

function refused(error: unknown): never {
  if (error instanceof PrivacyPassError) throw new Problem("token.refused")
  throw error
}

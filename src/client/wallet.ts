import type { CryptoProvider } from "../crypto/provider.ts"
import { challengeDigest } from "../privacypass/challenge.ts"
import { PendingBatch } from "../privacypass/client.ts"
import { ISSUER_DIRECTORY_PATH, parseDirectory, preferredKey } from "../privacypass/directory.ts"
import { PrivacyPassError } from "../privacypass/error.ts"
import { formatAuthorization } from "../privacypass/header.ts"
import { serviceChallenge } from "../privacypass/service-challenge.ts"
import { decodeToken, encodeToken, tokenKeyId } from "../privacypass/token.ts"
import { nobleVoprf } from "../privacypass/voprf.ts"
import { as } from "../wire/as.ts"
import { equal, fromUtf8, toHex } from "../wire/bytes.ts"
import type { TokenService } from "../wire/endpoint.ts"
import type { ProblemCode } from "../wire/problem.ts"
import { ClientError } from "./errors.ts"
import { Lock } from "./lock.ts"
import { pause, spreadMilliseconds } from "./pace.ts"
import { at, load, removal } from "./record-store.ts"
import { Account } from "./records.ts"
import { clientSigner } from "./signers.ts"
import type { ClientStore, StoreChange } from "./store.ts"
import type { Tasks } from "./tasks.ts"
import type { TokenSource, Transport } from "./transport.ts"

/** Tokens of one purchase: always as many, so that a purchase does not show what for. */
const BATCH_TOKENS = 50
/** More are bought when fewer than this many are left. */
const LOW_TOKENS = 25

interface WalletParts {
  readonly crypto: CryptoProvider
  readonly store: ClientStore
  readonly domain: string
  readonly transport: Transport
  readonly tasks: Tasks
  readonly signal: AbortSignal
  /** Mean of the random time between running low and buying. */
  readonly spreadMilliseconds: number
}

/**
 * The client's tokens. They are bought ahead, in batches, at times that have nothing to do with when they are spent;
 * whatever the issuer sees at a purchase cannot be linked to a token (RFC 9578). A token is out of the store before it is
 * sent, so that none is spent twice; a batch is in the store before it is asked for, so that none is paid for twice.
 */
export class Wallet implements TokenSource {
  readonly #parts: WalletParts
  readonly #voprf
  readonly #stock: Record<TokenService, string[]>
  readonly #buying: Record<TokenService, Lock> = { as: new Lock(), delivery: new Lock() }
  readonly #ordered = new Set<TokenService>()
  /** The issuer's public key; null if the server wants no tokens. Undefined until it was asked. */
  #key: Uint8Array | null | undefined

  private constructor(parts: WalletParts, stock: Record<TokenService, string[]>) {
    this.#parts = parts
    this.#stock = stock
    this.#voprf = nobleVoprf(parts.crypto.random)
  }

  static async open(parts: WalletParts): Promise<Wallet> {
    const list = (service: TokenService) => parts.store.list(at.tokens(service))
    return new Wallet(parts, { as: await list("as"), delivery: await list("delivery") })
  }

  /** Buys what is missing, in its own time. */
  replenish(): void {
    for (const service of ["as", "delivery"] as const) this.#buyIfLow(service)
  }

  /** Throws ClientError as the purchase does when there is nothing left. */
  async take(service: TokenService): Promise<string | undefined> {
    const { store } = this.#parts
    for (;;) {
      const name = this.#stock[service].pop()
      if (name === undefined) {
        if ((await this.#issuerKey()) === null) return undefined
        await this.#buying[service].run(() => this.#buyIfEmpty(service))
        continue
      }
      const token = await store.get(name)
      await store.delete(name)
      this.#buyIfLow(service)
      if (token !== undefined) return formatAuthorization(token)
    }
  }

  async refused(service: TokenService, code: ProblemCode): Promise<void> {
    if (code === "token.spent") return
    const key = await this.#issuerKey({ anew: true })
    if (code === "token.refused") await this.#discardOthers(service, key)
  }

  /** A key whose tokens are refused is gone: only those of the current one are of use. */
  async #discardOthers(service: TokenService, publicKey: Uint8Array | null): Promise<void> {
    const { crypto, store } = this.#parts
    const keyId = publicKey === null ? undefined : tokenKeyId(crypto, publicKey)
    for (const name of this.#stock[service].splice(0)) {
      const token = await store.get(name)
      const current =
        token !== undefined && keyId !== undefined && equal(decodeToken(token).tokenKeyId, keyId)
      if (current) this.#stock[service].push(name)
      else await store.delete(name)
    }
  }

  #buyIfLow(service: TokenService): void {
    if (this.#stock[service].length >= LOW_TOKENS || this.#ordered.has(service)) return
    this.#ordered.add(service)
    const { tasks, signal, spreadMilliseconds: mean } = this.#parts
    tasks.start(async () => {
      try {
        await pause(spreadMilliseconds(mean), signal)
        await this.#buying[service].run(() => this.#buy(service))
      } finally {
        this.#ordered.delete(service)
      }
    })
  }

  async #buyIfEmpty(service: TokenService): Promise<void> {
    if (this.#stock[service].length === 0) await this.#buy(service)
  }

  async #buy(service: TokenService): Promise<void> {
    const { transport, store } = this.#parts
    const account = await load(store, Account, at.account)
    if (account === undefined) throw new ClientError("client.damaged-store")
    for (let attempt = 1; ; attempt++) {
      const batch = await this.#pendingBatch(service)
      if (batch === undefined) return
      try {
        const { response } = await transport.call(
          as.requestTokens,
          { request: batch.request },
          clientSigner(account),
        )
        await this.#keep(service, batch, response)
        return
      } catch (error) {
        // Of another key, because the issuer has a new one: nobody has paid for it.
        if (!isRefusedBatch(error) || attempt > 1) throw error
        await store.delete(at.pendingTokens(service))
        await this.#issuerKey({ anew: true })
      } finally {
        batch.wipe()
      }
    }
  }

  /** The batch that was asked for before, or a new one; undefined if the server wants no tokens. */
  async #pendingBatch(service: TokenService): Promise<PendingBatch | undefined> {
    const { crypto, store, domain } = this.#parts
    const stored = await store.get(at.pendingTokens(service))
    if (stored !== undefined) return restored(crypto, stored)
    const publicKey = await this.#issuerKey()
    if (publicKey === null) return undefined
    const digest = challengeDigest(crypto, serviceChallenge(crypto, domain, service))
    const order = { publicKey, challengeDigest: digest, tokens: BATCH_TOKENS }
    const batch = PendingBatch.create(crypto, this.#voprf, order)
    const state = batch.serialize()
    await store.put(at.pendingTokens(service), state)
    state.fill(0)
    return batch
  }

  async #keep(service: TokenService, batch: PendingBatch, response: Uint8Array): Promise<void> {
    const tokens = finalized(() => batch.finalize(this.#voprf, response))
    const changes = tokens.map((token): StoreChange => {
      return { key: at.token(service, toHex(token.nonce.subarray(0, 8))), value: encodeToken(token) }
    })
    await this.#parts.store.transaction([...changes, removal(at.pendingTokens(service))])
    this.#stock[service].push(...changes.map(({ key }) => key))
  }

  /** Asked for as anybody would, so that the server cannot show one client another key. */
  async #issuerKey({ anew = false } = {}): Promise<Uint8Array | null> {
    if (this.#key !== undefined && !anew) return this.#key
    const { transport } = this.#parts
    const document = await transport.document(ISSUER_DIRECTORY_PATH)
    this.#key = document === undefined ? null : keyOf(document, transport.now())
    return this.#key
  }
}

function keyOf(document: Uint8Array, now: number): Uint8Array {
  const key = finalized(() => preferredKey(parseDirectory(fromUtf8(document)), now))
  if (key === undefined) throw new ClientError("client.unexpected-response")
  return key
}

function restored(crypto: CryptoProvider, state: Uint8Array): PendingBatch {
  try {
    return PendingBatch.restore(crypto, state)
  } catch {
    throw new ClientError("client.damaged-store")
  }
}

function finalized<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof PrivacyPassError) throw new ClientError("client.unexpected-response")
    throw error
  }
}

function isRefusedBatch(error: unknown): boolean {
  return error instanceof ClientError && error.code === "as.invalid-token-request"
}

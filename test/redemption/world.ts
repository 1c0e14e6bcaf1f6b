import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { TokenKeys } from "../../src/as/token-keys.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { asMigrations } from "../../src/migrations.ts"
import { challengeDigest } from "../../src/privacypass/challenge.ts"
import { PendingBatch } from "../../src/privacypass/client.ts"
import { LocalEvaluator } from "../../src/privacypass/evaluator.ts"
import { formatAuthorization } from "../../src/privacypass/header.ts"
import { IssuanceRequest } from "../../src/privacypass/issuer.ts"
import { serviceChallenge } from "../../src/privacypass/service-challenge.ts"
import { encodeToken, type Token } from "../../src/privacypass/token.ts"
import { nobleVoprf } from "../../src/privacypass/voprf.ts"
import { Redeemer } from "../../src/redemption/redeemer.ts"
import { type OpenedStore, openStore } from "../../src/store/open.ts"
import type { TokenService } from "../../src/wire/endpoint.ts"

export const DOMAIN = "example.org"
const voprf = nobleVoprf(crypto.random)

/** Issuing keys and one service that takes tokens, over a real database. */
export class World {
  readonly directory = mkdtempSync(join(tmpdir(), "cinder-redemption-"))
  /** The current month, since January 2020. */
  month = 82
  store!: OpenedStore
  keys!: TokenKeys
  gate!: Redeemer
  readonly evaluator = new LocalEvaluator(voprf)

  static async open(pendingMax?: number): Promise<World> {
    const world = new World()
    await world.start(pendingMax)
    return world
  }

  async start(pendingMax = 100): Promise<void> {
    this.store = await openStore({
      file: join(this.directory, "tokens.sqlite"),
      migrations: asMigrations,
      pendingMax,
      scrubDelayMs: 0,
    })
    this.keys = await TokenKeys.open(
      { crypto, voprf, store: this.store, evaluators: [this.evaluator] },
      this.month,
    )
    this.gate = this.redeemer("delivery")
  }

  redeemer(service: TokenService): Redeemer {
    return new Redeemer({
      crypto,
      store: this.store,
      tablePrefix: `${service}_spent`,
      domain: DOMAIN,
      service,
      evaluator: this.evaluator,
      keys: () => this.keys.accepted,
    })
  }

  async restart(): Promise<void> {
    await this.store.close()
    await this.start()
  }

  /** Time passes, and what is to be done about keys is done. */
  async enterMonth(month: number): Promise<void> {
    this.month = month
    await this.keys.maintain(month)
    await this.gate.forgetOldKeys()
  }

  /** Tokens as an honest client gets them. */
  async issue(tokens = 1, service: TokenService = "delivery", domain = DOMAIN): Promise<Token[]> {
    const digest = challengeDigest(crypto, serviceChallenge(crypto, domain, service))
    const [issuing] = this.keys.accepted
    const order = { publicKey: issuing.publicKey, challengeDigest: digest, tokens }
    const batch = PendingBatch.create(crypto, voprf, order)
    const answer = await IssuanceRequest.check([issuing], batch.request).answer(this.evaluator)
    return batch.finalize(voprf, answer)
  }

  async headers(tokens = 1): Promise<string[]> {
    return (await this.issue(tokens)).map(headerOf)
  }

  /** All bytes of all files. */
  files(): Buffer {
    return Buffer.concat(readdirSync(this.directory).map((name) => readFileSync(join(this.directory, name))))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

export function headerOf(token: Token): string {
  return formatAuthorization(encodeToken(token))
}

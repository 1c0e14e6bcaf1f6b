import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { TOKEN_KEY_MONTHS } from "../limits.ts"
import { monthDigits } from "../month.ts"
import { type DirectoryKey, formatDirectory } from "../privacypass/directory.ts"
import type { Evaluator } from "../privacypass/evaluator.ts"
import { deriveIssuerKey, type IssuerKey, makeIssuerSeed } from "../privacypass/keys.ts"
import { TOKEN_TYPE } from "../privacypass/token.ts"
import type { Voprf } from "../privacypass/voprf.ts"
import { put, remove, type Store } from "../store/database.ts"
import { tokens } from "../wire/as/tokens.ts"
import { tokenKeys } from "./tables.ts"

/** An issuing key with the month it was made in, since January 2020. */
export interface TokenKey extends IssuerKey {
  readonly month: number
  /** The month as text: names what is kept per key. */
  readonly name: string
}

export interface TokenKeysOptions {
  readonly crypto: CryptoProvider
  readonly voprf: Voprf
  readonly store: Store
  /** Are given the keys whenever they change. */
  readonly evaluators: readonly Evaluator[]
}

/**
 * Forgets all issuing keys, so that no token is taken that was issued before: for data from a backup, which does not know what
 * was spent since. The next start makes another key, and clients draw anew.
 */
export async function forgetTokenKeys(store: Store): Promise<void> {
  await store.writer.submit({
    expects: [],
    effects: (view) => view.list(tokenKeys, {}, KEYS_MAX).map(({ month }) => remove(tokenKeys, { month })),
  })
}

/** More than there ever are: a key is taken for twice as long as it issues. */
const KEYS_MAX = 16

/**
 * The keys that issue tokens. Each issues for TOKEN_KEY_MONTHS, and its tokens are taken for as long again; then it is
 * gone, and with it what was spent under it. The newest one issues; its first month is all the time there is to it.
 */
export class TokenKeys {
  readonly #options: TokenKeysOptions
  /** The newest first. */
  #keys: readonly TokenKey[] = []

  private constructor(options: TokenKeysOptions) {
    this.#options = options
  }

  /** Reads the keys and brings them up to date. `month`: the current one, since January 2020. */
  static async open(options: TokenKeysOptions, month: number): Promise<TokenKeys> {
    const keys = new TokenKeys(options)
    keys.#read()
    await keys.maintain(month)
    return keys
  }

  /** All whose tokens are taken, the one that issues first. */
  get accepted(): readonly [TokenKey, ...TokenKey[]] {
    const [issuing, ...others] = this.#keys
    if (issuing === undefined) throw new Error("token keys were not opened")
    return [issuing, ...others]
  }

  /** The document of {@link ISSUER_DIRECTORY_PATH}. */
  directory(): string {
    const key: DirectoryKey = { tokenType: TOKEN_TYPE, tokenKey: this.accepted[0].publicKey }
    return formatDirectory({ issuerRequestUri: tokens.requestTokens.path, tokenKeys: [key] })
  }

  /** Makes the next key when it is time, and forgets those whose time is over. Resolves with whether anything changed. */
  async maintain(month: number): Promise<boolean> {
    const { crypto, voprf, store } = this.#options
    const newest = this.#keys[0]
    const due = newest === undefined || month - newest.month >= TOKEN_KEY_MONTHS
    const over = this.#keys.filter((key) => month - key.month >= 2 * TOKEN_KEY_MONTHS)
    if (!due && over.length === 0) return false
    const made = due ? [put(tokenKeys, { month, seed: makeIssuerSeed(crypto, voprf, this.#keys) })] : []
    const gone = over.map((key) => remove(tokenKeys, { month: key.month }))
    await store.writer.submit({ expects: [], effects: () => [...gone, ...made] })
    this.#read()
    return true
  }

  #read(): void {
    const { crypto, voprf, store, evaluators } = this.#options
    const before = this.#keys
    this.#keys = store
      .list(tokenKeys, {}, KEYS_MAX)
      .map(({ month, seed }) => ({
        ...deriveIssuerKey(crypto, voprf, seed),
        month,
        name: monthDigits(month),
      }))
      .reverse()
    for (const evaluator of evaluators) evaluator.setKeys(this.#keys)
    for (const { secretKey } of before) wipe(secretKey)
  }
}

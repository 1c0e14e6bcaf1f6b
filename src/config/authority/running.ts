import type { CryptoProvider } from "../../crypto/provider.ts"
import type { Config } from "../config.ts"
import { authorityOf, type Secrets } from "../secrets.ts"
import { rereadAuthority } from "../secrets-file.ts"
import { intermediateEnd } from "./rotation.ts"
import { type AuthoritySecrets, wipeAuthority } from "./secrets.ts"
import { authorityWarnings } from "./warnings.ts"

export interface RunningAuthorityOptions {
  readonly crypto: CryptoProvider
  readonly config: Config
  /** What the server was started with. */
  readonly secrets: Secrets
  /** Takes over credentials and keys that are to count from now on. */
  readonly use: (authority: AuthoritySecrets) => void
  readonly warn: (sentence: string) => void
  /** Seconds since 1970. */
  readonly now: () => number
}

/** The AS's credentials in a server that runs: they follow the secrets file. */
export class RunningAuthority {
  readonly #options: RunningAuthorityOptions
  #current: AuthoritySecrets

  constructor(options: RunningAuthorityOptions) {
    this.#options = options
    this.#current = authorityOf(options.secrets)
    this.#warn()
  }

  /**
   * Reads the file again, takes over what it says, and warns. Throws ConfigError, and then everything is as before.
   */
  reload(): void {
    const { crypto, config, secrets, use, now } = this.#options
    const next = rereadAuthority(crypto, config, secrets, now())
    use(next)
    wipeAuthority(this.#current)
    this.#current = next
    this.#warn()
  }

  /** When the intermediate ends that signs clients, in seconds since 1970. */
  get intermediateEnd(): number {
    const signing = this.#current.intermediates.at(-1)
    return signing === undefined ? 0 : intermediateEnd(signing)
  }

  /** Overwrites the keys; for a server that stops. */
  wipe(): void {
    wipeAuthority(this.#current)
  }

  #warn(): void {
    const { config, warn, now } = this.#options
    const { secretsFile: file, secretsManaged: managed } = config
    for (const sentence of authorityWarnings(this.#current, { file, managed }, now())) warn(sentence)
  }
}

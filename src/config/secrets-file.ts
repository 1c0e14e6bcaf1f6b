import { accessSync, constants, existsSync, mkdirSync, readdirSync } from "node:fs"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { renewedIfDue } from "./authority/rotation.ts"
import type { AuthoritySecrets } from "./authority/secrets.ts"
import { type Config, ConfigError } from "./config.ts"
import { NewerForm } from "./file-form.ts"
import { createPrivateFile, explaining, readPrivateFile, replacePrivateFile } from "./private-file.ts"
import {
  authorityOf,
  decodeSecrets,
  encodeSecrets,
  makeSecrets,
  type Secrets,
  sameServer,
  wipeSecrets,
  withAuthority,
} from "./secrets.ts"

const NAME = "the secrets file"

/**
 * Reads the secrets, or makes them on the first start: while the data directory is empty, and never again, because
 * new ones would open nothing of what the databases hold. `now` in seconds.
 *
 * @throws ConfigError with a sentence for the operator
 */
export function obtainSecrets(
  crypto: CryptoProvider,
  config: Config,
  now: number,
): { readonly secrets: Secrets; readonly created: boolean } {
  const { secretsFile: file, dataDirectory, domain } = config
  makeDataDirectory(dataDirectory)
  if (existsSync(file)) return { secrets: readOwnSecrets(crypto, config, now), created: false }
  if (readdirSync(dataDirectory).length > 0) {
    throw new ConfigError(
      `the secrets file ${file} is missing, but the data directory ${dataDirectory} is not empty: restore the file that belongs to it, or begin with an empty directory`,
    )
  }
  const secrets = makeSecrets(crypto, domain, now)
  createSecrets(crypto, file, secrets)
  return { secrets, created: true }
}

function makeDataDirectory(directory: string): void {
  explaining(`the data directory ${directory} cannot be made or written`, () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    readdirSync(directory)
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  })
}

/**
 * The AS's credentials as the file has them now, for a server that runs with `running`.
 *
 * @throws ConfigError the file cannot be read, or is another server's
 */
export function rereadAuthority(
  crypto: CryptoProvider,
  config: Config,
  running: Secrets,
  now: number,
): AuthoritySecrets {
  const secrets = readOwnSecrets(crypto, config, now)
  if (!sameServer(secrets, running)) {
    wipeSecrets(secrets)
    throw new ConfigError(
      `the secrets file ${config.secretsFile} has other keys than the running server: only the AS's credentials can change while it runs`,
    )
  }
  wipeSecrets({ ...secrets, authority: new Uint8Array(0) })
  return authorityOf(secrets)
}

/** With a new intermediate if one is due: it must be kept, because clients will present credentials that it signed. */
function readOwnSecrets(crypto: CryptoProvider, config: Config, now: number): Secrets {
  const { secretsFile: file, secretsManaged: managed, domain } = config
  const { secrets, digest } = readSecrets(crypto, file, managed)
  if (secrets.domain !== domain) {
    wipeSecrets(secrets)
    throw new ConfigError(
      `the secrets file ${file} is that of ${secrets.domain}, but domain is ${domain}: a server cannot change its domain`,
    )
  }
  const authority = authorityOf(secrets)
  if (authority.intermediates.length === 0) {
    throw new ConfigError(
      `the secrets file ${file} has no intermediate yet, which signs clients: make a request with cinder keys request, sign it where the root is with cinder keys sign, and install the result with cinder keys install`,
    )
  }
  const renewed = managed ? authority : renewedIfDue(crypto, authority, domain, now)
  if (renewed === authority) return secrets
  return replaceAuthority(crypto, file, { secrets, digest }, renewed)
}

interface ReadSecrets {
  readonly secrets: Secrets
  /** SHA-256 of the file. */
  readonly digest: Uint8Array
}

/**
 * Reads a secrets file, which others must not be able to read.
 *
 * @throws ConfigError with a sentence for the operator
 */
export function readSecrets(crypto: CryptoProvider, file: string, managed = false): ReadSecrets {
  const bytes = readPrivateFile(NAME, file, managed)
  try {
    const secrets = decodeSecrets(crypto, bytes)
    authorityOf(secrets)
    return { secrets, digest: crypto.sha256(bytes) }
  } catch (error) {
    if (error instanceof NewerForm) {
      throw new ConfigError(
        `the secrets file ${file} was written by a newer version of this program: run that one, or restore the file from before`,
      )
    }
    throw new ConfigError(
      `the secrets file ${file} is damaged, or not a secrets file: restore it from a copy`,
    )
  } finally {
    wipe(bytes)
  }
}

/** Makes a secrets file, for the owner alone. Throws ConfigError. */
export function createSecrets(crypto: CryptoProvider, file: string, secrets: Secrets): void {
  const bytes = encodeSecrets(crypto, secrets)
  try {
    createPrivateFile(crypto, NAME, file, bytes)
  } finally {
    wipe(bytes)
  }
}

/** What a change makes of the AS's credentials, and what is to be said of it, which must hold no key. */
export interface AuthorityChange<T> {
  readonly authority: AuthoritySecrets
  readonly result: T
}

/**
 * Changes the AS's credentials in a secrets file, and nothing else; a change that gives its argument back writes nothing.
 *
 * @throws ConfigError with a sentence for the operator; then the file is as it was
 */
export function changeAuthority<T>(
  crypto: CryptoProvider,
  file: string,
  change: (authority: AuthoritySecrets, domain: string) => AuthorityChange<T>,
): T {
  const read = readSecrets(crypto, file)
  try {
    const before = authorityOf(read.secrets)
    const { authority, result } = change(before, read.secrets.domain)
    if (authority !== before) wipeSecrets(replaceAuthority(crypto, file, read, authority))
    return result
  } finally {
    wipeSecrets(read.secrets)
  }
}

function replaceAuthority(
  crypto: CryptoProvider,
  file: string,
  { secrets, digest }: ReadSecrets,
  authority: AuthoritySecrets,
): Secrets {
  const next = withAuthority(secrets, authority)
  replaceSecrets(crypto, file, next, digest)
  wipe(secrets.authority)
  return next
}

/**
 * Puts what a change makes of the secrets in their place. Both are wiped afterwards.
 *
 * @throws ConfigError with a sentence for the operator; then the file is as it was
 */
export function changeSecrets(
  crypto: CryptoProvider,
  file: string,
  change: (secrets: Secrets) => Secrets,
): void {
  const { secrets, digest } = readSecrets(crypto, file)
  try {
    const next = change(secrets)
    try {
      replaceSecrets(crypto, file, next, digest)
    } finally {
      wipeSecrets(next)
    }
  } finally {
    wipeSecrets(secrets)
  }
}

function replaceSecrets(crypto: CryptoProvider, file: string, next: Secrets, before: Uint8Array): void {
  const bytes = encodeSecrets(crypto, next)
  try {
    replacePrivateFile(crypto, NAME, file, bytes, before)
  } finally {
    wipe(bytes)
  }
}

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs"
import { dirname } from "node:path"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { toHex } from "../wire/bytes.ts"
import { type Config, ConfigError } from "./config.ts"
import { decodeSecrets, encodeSecrets, makeSecrets, renewSecrets, type Secrets } from "./secrets.ts"

/** Read by whoever is neither the owner nor, in a file that the service manager made, of its group. */
const OTHERS = 0o077
const OTHERS_MANAGED = 0o007

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
  if (existsSync(file)) return { secrets: readSecrets(crypto, config, now), created: false }
  if (readdirSync(dataDirectory).length > 0) {
    throw new ConfigError(
      `the secrets file ${file} is missing, but the data directory ${dataDirectory} is not empty: restore the file that belongs to it, or begin with an empty directory`,
    )
  }
  const secrets = makeSecrets(crypto, domain, now)
  explaining(`the secrets file ${file} cannot be made`, () => write(crypto, file, secrets, linkSync))
  return { secrets, created: true }
}

function makeDataDirectory(directory: string): void {
  explaining(`the data directory ${directory} cannot be made or written`, () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    readdirSync(directory)
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  })
}

function readSecrets(crypto: CryptoProvider, config: Config, now: number): Secrets {
  const { secretsFile: file, secretsManaged, domain } = config
  const secrets = openSecrets(crypto, file, secretsManaged)
  if (secrets.domain !== domain) {
    throw new ConfigError(
      `the secrets file ${file} is that of ${secrets.domain}, but domain is ${domain}: a server cannot change its domain`,
    )
  }
  return secretsManaged ? secrets : renewed(crypto, file, secrets, now)
}

/**
 * Reads a secrets file as it is. `managed`: the service manager made it.
 *
 * @throws ConfigError with a sentence for the operator
 */
export function openSecrets(crypto: CryptoProvider, file: string, managed: boolean): Secrets {
  const bytes = explaining(`the secrets file ${file} cannot be read`, () => readPrivately(file, managed))
  try {
    return decodeSecrets(crypto, bytes)
  } catch {
    throw new ConfigError(
      `the secrets file ${file} is damaged, or not a secrets file: restore it from a copy`,
    )
  } finally {
    wipe(bytes)
  }
}

function readPrivately(file: string, managed: boolean): Uint8Array {
  const descriptor = openSync(file, "r")
  try {
    const mode = fstatSync(descriptor).mode
    if ((mode & (managed ? OTHERS_MANAGED : OTHERS)) !== 0) {
      throw new ConfigError(
        `the secrets file ${file} can be read by others: make it private with chmod 600 ${file}`,
      )
    }
    const content = readFileSync(descriptor)
    const bytes = new Uint8Array(content)
    wipe(content)
    return bytes
  } finally {
    closeSync(descriptor)
  }
}

/** The renewed intermediate must be kept: clients will present credentials that it signed. */
function renewed(crypto: CryptoProvider, file: string, secrets: Secrets, now: number): Secrets {
  const next = explaining("the AS credential in the secrets file has expired", () =>
    renewSecrets(crypto, secrets, now),
  )
  if (next === secrets) return secrets
  explaining(`the renewed secrets cannot be written to ${file}`, () => write(crypto, file, next, renameSync))
  return next
}

/** Writes beside the file, then gives it its name: there is never half a file, also not after a power cut. */
function write(
  crypto: CryptoProvider,
  file: string,
  secrets: Secrets,
  name: (from: string, to: string) => void,
): void {
  const unnamed = `${file}.${toHex(crypto.random(8))}`
  const bytes = encodeSecrets(crypto, secrets)
  const descriptor = openSync(unnamed, "wx", 0o600)
  try {
    try {
      writeSync(descriptor, bytes)
      fsyncSync(descriptor)
    } finally {
      wipe(bytes)
      closeSync(descriptor)
    }
    name(unnamed, file)
  } finally {
    rmSync(unnamed, { force: true })
  }
  synchronizeDirectory(dirname(file))
}

function synchronizeDirectory(directory: string): void {
  const descriptor = openSync(directory, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function explaining<T>(sentence: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const code = error instanceof Error && "code" in error ? error.code : undefined
    throw new ConfigError(typeof code === "string" ? `${sentence} (${code})` : sentence)
  }
}

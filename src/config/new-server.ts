import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import type { CryptoProvider } from "../crypto/provider.ts"
import { utf8 } from "../wire/bytes.ts"
import { commentedFile } from "./commented-file.ts"
import { type Config, ConfigError } from "./config.ts"
import { createPrivateFile, explaining } from "./private-file.ts"
import { makeSecrets, wipeSecrets } from "./secrets.ts"
import { createSecrets } from "./secrets-file.ts"

/**
 * Makes what a new server needs: the data directory, the secrets file, and a configuration file that names both. All of
 * them or none; nothing that is there already is changed. `now` in seconds.
 *
 * @throws ConfigError with sentences for the operator
 */
export function createServer(
  crypto: CryptoProvider,
  config: Config,
  configurationFile: string,
  now: number,
): void {
  checkNothingThere(config, configurationFile)
  const undo: (() => void)[] = []
  try {
    makeDirectory(config.dataDirectory, undo)
    const secrets = makeSecrets(crypto, config.domain, now)
    try {
      createSecrets(crypto, config.secretsFile, secrets)
    } finally {
      wipeSecrets(secrets)
    }
    undo.push(() => rmSync(config.secretsFile))
    const bytes = utf8(configurationOf(config))
    createPrivateFile(crypto, "the configuration file", configurationFile, bytes)
  } catch (error) {
    for (const step of undo.toReversed()) step()
    throw error
  }
}

function configurationOf(config: Config): string {
  const given = {
    data: config.dataDirectory,
    domain: config.domain,
    secrets: config.secretsFile,
    registration: config.invitationRequired ? "invitation" : "open",
  }
  return commentedFile(given, { "public-url": config.publicUrl, "admin-socket": config.adminSocket })
}

function checkNothingThere({ dataDirectory, secretsFile }: Config, configurationFile: string): void {
  const mistakes: string[] = []
  if (existsSync(configurationFile))
    mistakes.push(`the configuration file ${configurationFile} is there already: choose another name`)
  if (existsSync(secretsFile))
    mistakes.push(
      `the secrets file ${secretsFile} is there already: it belongs to a server, and is left as it is`,
    )
  if (existsSync(dataDirectory) && !isEmpty(dataDirectory))
    mistakes.push(`the data directory ${dataDirectory} is not empty: choose another one, for a new server`)
  if (mistakes.length > 0) throw new ConfigError(...mistakes)
}

function isEmpty(directory: string): boolean {
  return explaining(
    `the data directory ${directory} cannot be read`,
    () => readdirSync(directory).length === 0,
  )
}

/** For the owner alone, with the directories above it. */
function makeDirectory(directory: string, undo: (() => void)[]): void {
  const sentence = `the data directory ${directory} cannot be made`
  const first = explaining(sentence, () => mkdirSync(directory, { recursive: true, mode: 0o700 }))
  if (first === undefined) return
  undo.push(() => {
    for (let made = directory; made.length >= first.length; made = dirname(made)) rmdirSync(made)
  })
}

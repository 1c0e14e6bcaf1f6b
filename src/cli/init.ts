import { resolve } from "node:path"
import { type Config, ConfigError, flagMistake, resolveConfig } from "../config/config.ts"
import { createServer } from "../config/new-server.ts"
import { settings } from "../config/settings.ts"
import { nativeCrypto as crypto } from "../crypto/native.ts"
import { json, secondsNow } from "./args.ts"
import { type Answers, ask, assume, requireAll } from "./init/answers.ts"
import { isAttended, terminal } from "./init/terminal.ts"
import { type Report, report } from "./report.ts"
import { strictCommand } from "./strict.ts"

const CONFIGURATION_FILE = "cinder.toml"

export const init = strictCommand({
  meta: {
    name: "cinder init",
    description:
      "Makes what a new server needs: a configuration file, the secrets and the data directory. It asks for what the flags leave open, and changes nothing that is there already.",
  },
  args: {
    domain: { type: "string", description: `${settings.domain.description}` },
    data: { type: "string", description: `${settings.data.description}` },
    secrets: { type: "string", description: `${settings.secrets.description} (default beside it)` },
    registration: { type: "string", description: `${settings.registration.description}` },
    config: { type: "string", description: `the configuration file to make (default ${CONFIGURATION_FILE})` },
    yes: {
      type: "boolean",
      description: "asks nothing, and takes what is usual for what the flags leave open",
    },
    json,
  },
  async run({ domain, data, secrets, registration, config: file = CONFIGURATION_FILE, yes, json: asJson }) {
    const given = defined({ domain, data, registration })
    const location = defined({ secrets })
    checkFlags({ ...given, ...location })
    const answers = await decide(given, yes === true)
    const path = resolve(file)
    const config = resolveConfig({
      flags: { ...answers, ...location },
      environment: {},
      file: {},
      workingDirectory: process.cwd(),
    })
    if (config instanceof ConfigError) throw config
    createServer(crypto, config, path, secondsNow())
    report(reportOf(config, path), asJson === true)
  },
})

/** Without what is undefined. */
function defined<K extends string>(
  values: Readonly<Record<K, string | undefined>>,
): Partial<Record<K, string>> {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Partial<Record<K, string>>
}

function checkFlags(given: Partial<Answers & { secrets: string }>): void {
  const mistakes = (Object.keys(given) as (keyof typeof given)[]).flatMap(
    (name) => flagMistake(name, given[name] ?? "") ?? [],
  )
  if (mistakes.length > 0) throw new ConfigError(...mistakes)
}

async function decide(given: Partial<Answers>, yes: boolean): Promise<Answers> {
  if (yes) return assume(given)
  return isAttended() ? await ask(given, terminal) : requireAll(given)
}

function reportOf(config: Config, path: string): Report {
  const { dataDirectory, secretsFile, invitationRequired, domain } = config
  const invite = `Invite people, at any time: cinder invite --secrets ${secretsFile}`
  return {
    headline: `made what a server of ${domain} needs`,
    facts: {
      config: path,
      secrets: secretsFile,
      data: dataDirectory,
      registration: invitationRequired ? "invitation" : "open",
    },
    advice: [
      `Start it: cinder serve --config ${path}`,
      "Put a proxy with TLS in front, and set public-url if clients do not reach it under the domain.",
      ...(invitationRequired ? [invite] : []),
      "Back up the secrets now and the data regularly, each to another place: together they open what the data alone does not.",
      `Under systemd the secrets need not be readable by the server's user: LoadCredential=cinder.secrets:${secretsFile} and Environment=CINDER_SECRETS=%d/cinder.secrets.`,
      "To keep the key that all users trust off this machine, before anybody registers: cinder keys export-root --help",
    ],
  }
}

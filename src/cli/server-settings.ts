import { type Config, ConfigError, resolveConfig, unknownNames } from "../config/config.ts"
import { readConfigFile } from "../config/file.ts"
import { environmentName, type SettingName, settingNames, settings } from "../config/settings.ts"
import { kebabCase } from "./strict.ts"

/** The flags of commands that need to know a server's settings. */

interface TextFlag {
  readonly type: "string"
  readonly description: string
}

export const config = {
  type: "string",
  description: "a TOML or JSON file that holds the same settings; or CINDER_CONFIG",
} as const

function flagOf(name: SettingName): TextFlag {
  const { description, default: fallback } = settings[name] as { description: string; default?: unknown }
  const end = fallback === undefined ? "" : ` (default ${fallback})`
  return { type: "string", description: `${description}; or ${environmentName(name)}${end}` }
}

/** A flag for each setting. */
export const everySetting = Object.fromEntries(settingNames.map((name) => [name, flagOf(name)])) as Record<
  SettingName,
  TextFlag
>

/** The settings that say which server is meant, for commands that look after one; other settings are in its file. */
export const whichServer = {
  config,
  data: flagOf("data"),
  domain: flagOf("domain"),
  secrets: flagOf("secrets"),
  "admin-socket": flagOf("admin-socket"),
} as const

/** Puts together flags as they were parsed, the environment and the configuration file. Throws ConfigError. */
export function settingsFrom(given: Readonly<Record<string, unknown>>): Config {
  const { config: fileFlag, ...others } = given
  const flags = Object.fromEntries(Object.entries(others).map(([name, value]) => [kebabCase(name), value]))
  const mistakes = unknownNames(flags, "--")
  if (mistakes.length > 0) throw new ConfigError(...mistakes)
  const environment = process.env
  const path = fileFlag ?? environment["CINDER_CONFIG"]
  const file = typeof path === "string" ? readConfigFile(path) : {}
  const resolved = resolveConfig({ flags, environment, file, workingDirectory: process.cwd() })
  if (resolved instanceof ConfigError) throw resolved
  return resolved
}

/** The configuration file that counts, if there is one. */
export function configurationFile(flag: string | undefined): string | undefined {
  return flag ?? process.env["CINDER_CONFIG"]
}

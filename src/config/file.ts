import { readFileSync } from "node:fs"
import { ConfigError } from "./config.ts"

/**
 * Reads a configuration file: TOML, or JSON if its name ends so. It holds settings by name, and nothing else.
 *
 * @throws ConfigError it cannot be read, or does not hold what it should
 */
export function readConfigFile(path: string): Record<string, unknown> {
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch {
    throw new ConfigError(`the configuration file ${path} cannot be read`)
  }
  const language = path.endsWith(".json") ? "JSON" : "TOML"
  let content: unknown
  try {
    content = language === "JSON" ? JSON.parse(text) : Bun.TOML.parse(text)
  } catch {
    throw new ConfigError(`the configuration file ${path} is not valid ${language}`)
  }
  if (typeof content !== "object" || content === null || Array.isArray(content))
    throw new ConfigError(`the configuration file ${path} must name settings and their values`)
  return content as Record<string, unknown>
}

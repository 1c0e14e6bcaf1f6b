#!/usr/bin/env bun
import { defineCommand, renderUsage, runCommand } from "citty"
import { version } from "../package.json"
import { ConfigError, resolveConfig, unknownNames } from "./config/config.ts"
import { readConfigFile } from "./config/file.ts"
import { environmentName, settingNames, settings } from "./config/settings.ts"
import { describeFault } from "./http/failure.ts"
import { type RunningServer, startServer } from "./server.ts"
import { StoreFailed, StoreIncompatible, StoreLocked } from "./store/database.ts"

const settingArgs = Object.fromEntries(
  settingNames.map((name) => {
    const { description, default: fallback } = settings[name] as { description: string; default?: unknown }
    const end = fallback === undefined ? "" : ` (default ${fallback})`
    return [
      name,
      { type: "string", description: `${description}; or ${environmentName(name)}${end}` },
    ] as const
  }),
)

const serve = defineCommand({
  meta: {
    name: "cinder serve",
    version,
    description:
      "Runs the homeserver. The first start needs an empty directory and makes a secrets file beside it; keep both, and keep them apart.",
  },
  args: {
    ...settingArgs,
    config: {
      type: "string",
      description: "a TOML or JSON file that holds the same settings; or CINDER_CONFIG",
    },
  },
  async run({ args }) {
    await runServer(args)
  },
})

const main = defineCommand({
  meta: {
    name: "cinder",
    version,
    description:
      "A homeserver for end-to-end encrypted group messaging. Try: cinder serve --data ./data --domain localhost --port 0",
  },
  subCommands: { serve },
})

async function runServer(args: Readonly<Record<string, unknown>>): Promise<void> {
  const { _: words, config: fileFlag, ...given } = args
  const flags = Object.fromEntries(Object.entries(given).map(([name, value]) => [kebabCase(name), value]))
  const environment = process.env
  const mistakes = unknownNames(flags, "--")
  if (mistakes.length > 0) throw new ConfigError(...mistakes)
  if (Array.isArray(words) && words.length > 0)
    throw new ConfigError(`serve takes flags only, and "${words[0]}" belongs to none`)
  const path = fileFlag ?? environment["CINDER_CONFIG"]
  const file = typeof path === "string" ? readConfigFile(path) : {}
  const config = resolveConfig({ flags, environment, file, workingDirectory: process.cwd() })
  if (config instanceof ConfigError) throw config
  const server = await startServer(config, { report: console.error, fault: exitOnFault })
  if (server.created) {
    console.log(
      `made the secrets of ${config.domain} in ${config.secretsFile}: keep a copy, apart from the data`,
    )
  }
  stopOnSignals(server)
  console.log(
    `listening on http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${server.port}`,
  )
}

/** The parser gives every flag in camel case as well. */
function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Whatever is not answered yet was not promised: the clients try again after the restart. */
function exitOnFault(error: unknown): void {
  console.error(describeFault(error))
  process.exit(1)
}

function stopOnSignals(server: RunningServer): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      server.stop().then(() => process.exit(0), exitOnFault)
    })
  }
}

/** Errors of the operator's making are a sentence; others are defects, of which only class and place are told. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.sentences.map((sentence) => `cinder: ${sentence}`).join("\n")
  if (error instanceof StoreLocked || error instanceof StoreIncompatible || error instanceof StoreFailed)
    return `cinder: ${error.message}`
  if (error instanceof Error && error.name === "CLIError") return `cinder: ${Bun.stripANSI(error.message)}`
  return describeFault(error)
}

/** Colour is for terminals. */
function plain(text: string): string {
  return process.stdout.isTTY ? text : Bun.stripANSI(text)
}

async function run(words: string[]): Promise<void> {
  const [first] = words
  const usage = () => (first === "serve" ? renderUsage(serve) : renderUsage(main))
  if (words.includes("--version")) console.log(version)
  else if (words.length === 0 || words.includes("--help") || words.includes("-h"))
    console.log(plain(await usage()))
  else await runCommand(main, { rawArgs: words })
}

// What Bun prints of an error by itself holds its message and properties.
process.on("unhandledRejection", (error) => console.error(describeFault(error)))
process.on("uncaughtException", exitOnFault)

try {
  await run(process.argv.slice(2))
} catch (error) {
  console.error(explain(error))
  process.exit(1)
}

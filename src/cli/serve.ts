import { defineCommand } from "citty"
import { ConfigError, resolveConfig, unknownNames } from "../config/config.ts"
import { readConfigFile } from "../config/file.ts"
import { environmentName, settingNames, settings } from "../config/settings.ts"
import { protectMemory } from "../memory/process.ts"
import { Sweep } from "../memory/sweep.ts"
import { type RunningServer, startServer } from "../server.ts"
import { exitOnFault, explain } from "./explain.ts"
import { kebabCase } from "./strict.ts"

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

export const serve = defineCommand({
  meta: {
    name: "cinder serve",
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
  const warn = (sentence: string) => console.error(`cinder: warning: ${sentence}`)
  protectMemory(warn)
  const sweep = Sweep.open()
  if (sweep === undefined) warn("copies of keys that the runtime made cannot be looked for on this system")
  const server = await startServer(config, { report: console.error, fault: exitOnFault, warn, sweep })
  if (server.created) {
    console.log(
      `made the secrets of ${config.domain} in ${config.secretsFile}: keep a copy, apart from the data`,
    )
  }
  if (!config.rateLimit) {
    console.warn("cinder: rate-limit is off: strangers can use up what this server offers")
  }
  if (config.demo) {
    console.warn(
      "cinder: demo is on: everybody who reaches this server sees how many rows of which size its files hold",
    )
  }
  stopOnSignals(server)
  reloadOnSignal(server)
  console.log(
    `listening on http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${server.port}`,
  )
}

function stopOnSignals(server: RunningServer): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      server.stop().then(() => process.exit(0), exitOnFault)
    })
  }
}

/** A mistake in the file does not stop a server that runs. */
function reloadOnSignal(server: RunningServer): void {
  process.on("SIGHUP", () => {
    try {
      server.reload()
      console.log("read the secrets again")
    } catch (error) {
      console.error(explain(error))
    }
  })
}

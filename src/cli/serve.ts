import { defineCommand } from "citty"
import { ConfigError } from "../config/config.ts"
import { protectMemory } from "../memory/process.ts"
import { Sweep } from "../memory/sweep.ts"
import { type RunningServer, startServer } from "../server.ts"
import { StoreIncompatible } from "../store/database.ts"
import { SlotsUnreadable } from "../veil/slot-keys.ts"
import { exitOnFault, explain } from "./explain.ts"
import { config as configFlag, everySetting, settingsFrom } from "./server-settings.ts"

/** What starting again does not help against, and the status it ends with: EX_CONFIG of sysexits.h. */
const lasting = [ConfigError, StoreIncompatible, SlotsUnreadable] as const
const STATUS_LASTING = 78

export const serve = defineCommand({
  meta: {
    name: "cinder serve",
    description:
      "Runs the homeserver. The first start needs an empty directory and makes a secrets file beside it; keep both, and keep them apart.",
  },
  args: {
    ...everySetting,
    config: configFlag,
  },
  async run({ args }) {
    try {
      await runServer(args)
    } catch (error) {
      if (!lasting.some((kind) => error instanceof kind)) throw error
      console.error(explain(error))
      process.exit(STATUS_LASTING)
    }
  },
})

async function runServer(args: Readonly<Record<string, unknown>>): Promise<void> {
  const { _: words, ...given } = args
  const config = settingsFrom(given)
  if (Array.isArray(words) && words.length > 0)
    throw new ConfigError(`serve takes flags only, and "${words[0]}" belongs to none`)
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
  if (config.metrics !== undefined) {
    const { host, port } = config.metrics
    console.log(`metrics and health on http://${hostInUrl(host)}:${port}`)
  }
  console.log(`listening on ${config.tls ? "https" : "http"}://${hostInUrl(config.host)}:${server.port}`)
}

function hostInUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host
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

import { parseArgs } from "node:util"
import { ConfigError, resolveConfig } from "../src/config/config.ts"
import { startServer } from "../src/server.ts"

/** `cinder serve`, but that it does not wash its memory. */

const names = ["data", "secrets", "domain", "port", "rate-limit", "reseal-minutes"] as const
const options = Object.fromEntries(names.map((name) => [name, { type: "string" }] as const))
const { values: flags } = parseArgs({ options })
const config = resolveConfig({ flags, environment: {}, file: {}, workingDirectory: process.cwd() })
if (config instanceof ConfigError) throw config
const none = { needed: () => undefined, stop: () => undefined }
const server = await startServer(config, { wash: () => none })
process.on("SIGTERM", () => server.stop().then(() => process.exit(0)))
console.log(`listening on http://127.0.0.1:${server.port}`)

import { ConfigError, resolveConfig } from "../../src/config/config.ts"
import { Wash } from "../../src/memory/wash.ts"
import { startServer } from "../../src/server.ts"

/**
 * `bun serve.ts DIRECTORY washing|not-washing`: the server as a process of its own, which does not forbid to look into it.
 * Prints its port, and after each wash of its memory how many requests there had been when that began.
 */

const [directory = ".", washing] = process.argv.slice(2)
const config = resolveConfig({
  flags: { data: "data", domain: "example.org", port: 0, "rate-limit": "off" },
  environment: {},
  file: {},
  workingDirectory: directory,
})
if (config instanceof ConfigError) throw config

/** The wash as it is, which tells after how many requests it began. */
function telling(rinse: () => Promise<void>) {
  let requests = 0
  const wash = new Wash(async () => {
    const before = requests
    await rinse()
    // What is left of the wash is done before anything else happens.
    setTimeout(() => console.log(`washed ${before}`))
  })
  return {
    needed() {
      requests++
      wash.needed()
    },
    stop: () => wash.stop(),
  }
}

const none = { needed: () => undefined, stop: () => undefined }
const { port } = await startServer(config, { wash: washing === "washing" ? telling : () => none })
console.log(`${port}`)

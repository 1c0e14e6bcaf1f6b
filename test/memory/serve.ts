import { ConfigError, resolveConfig } from "../../src/config/config.ts"
import { Sweep } from "../../src/memory/sweep.ts"
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
class TellingWash extends Wash {
  #requests = 0

  override needed(): void {
    this.#requests++
    super.needed()
  }

  protected override async wash(): Promise<void> {
    const before = this.#requests
    await super.wash()
    console.log(`washed ${before}`)
  }
}

const none = { needed: () => undefined, stop: () => undefined }
const { port } = await startServer(
  config,
  washing === "washing"
    ? { wash: (rinse, sweep) => new TellingWash(rinse, sweep), sweep: Sweep.open() }
    : { wash: () => none },
)
console.log(`${port}`)

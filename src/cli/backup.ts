import { readdirSync, statSync } from "node:fs"
import { join, resolve } from "node:path"
import { DATABASE_FILES } from "../admin/backup.ts"
import { ConfigError } from "../config/config.ts"
import { isInside } from "../config/paths.ts"
import { administer } from "./administer.ts"
import { json } from "./args.ts"
import { Progress } from "./progress.ts"
import { report } from "./report.ts"
import { settingsFrom, whichServer } from "./server-settings.ts"
import { strictCommand } from "./strict.ts"

const LOOK_MILLISECONDS = 200

export const backup = strictCommand({
  meta: {
    name: "cinder backup",
    description:
      "Copies both databases, as they are in one moment, into a new directory. A server that runs does it itself and answers nobody meanwhile; one that is stopped is copied from its files. A backup holds what one look at the data shows, and no key: keep few, and keep the secrets file elsewhere.",
  },
  args: {
    directory: {
      type: "positional",
      required: true,
      description: "where the copy is to be; it must not exist yet",
    },
    ...whichServer,
    json,
  },
  async run({ _: words, directory, json: asJson, ...given }) {
    const config = settingsFrom(given)
    const target = resolve(directory)
    if (isInside(target, config.dataDirectory))
      throw new ConfigError("a backup must be outside the data directory, which is for the databases alone")
    const watch = watchGrowth(config.dataDirectory, `${target}.partial`)
    const made = await administer(config, (server) => server.backUp(target)).finally(watch)
    report(
      {
        headline: `copied the data of ${config.domain}`,
        facts: { ...made },
        advice: [
          "The secrets are not in it: keep a copy of their file elsewhere. Together they open what the copy alone does not.",
          `Try it: cinder audit ${target}`,
        ],
      },
      asJson === true,
    )
  },
})

/** Shows how far it is; the function given back ends that. */
function watchGrowth(source: string, target: string): () => void {
  const progress = new Progress("copying")
  const total = sizeOf(source)
  const timer = setInterval(() => progress.at(sizeOf(target), total), LOOK_MILLISECONDS)
  return () => {
    clearInterval(timer)
    progress.end()
  }
}

function sizeOf(directory: string): number {
  try {
    const names = readdirSync(directory).filter((name) =>
      Object.values<string>(DATABASE_FILES).includes(name),
    )
    return names.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
  } catch {
    return 0
  }
}

import { join, resolve } from "node:path"
import { DATABASE_FILES } from "../admin/backup.ts"
import { restoreInto } from "../admin/restore.ts"
import { forgetTokenKeys } from "../as/token-keys.ts"
import { type Config, ConfigError } from "../config/config.ts"
import { resealing } from "../server/schedule.ts"
import { openServices } from "../server/services.ts"
import { closeStores, openStores } from "../server/stores.ts"
import { verifyDatabase } from "../store/verify.ts"
import { SlotsUnreadable } from "../veil/slot-keys.ts"
import { json } from "./args.ts"
import { exitOnFault } from "./explain.ts"
import { Progress } from "./progress.ts"
import { report } from "./report.ts"
import { settingsFrom, whichServer } from "./server-settings.ts"
import { strictCommand } from "./strict.ts"

const surroundings = { clock: Date.now, fault: exitOnFault }

export const restore = strictCommand({
  meta: {
    name: "cinder restore",
    description:
      "Makes a data directory from a backup, for a server that is stopped and has none. What happened since the backup is lost, and what was deleted since is back: docs/operating.md says what that means for the people. Tokens that were issued are not taken any more. With --verify every page is read and every sealed record opened with the secrets, before anything gets its name.",
  },
  args: {
    backup: { type: "positional", required: true, description: "the directory that cinder backup made" },
    ...whichServer,
    verify: {
      type: "boolean",
      description: "checks the whole copy, and that the secrets are those that belong to it",
    },
    json,
  },
  async run({ _: words, backup, verify, json: asJson, ...given }) {
    const config = settingsFrom(given)
    const progress = new Progress("copying")
    await restoreInto(
      resolve(backup),
      config.dataDirectory,
      (done, total) => progress.at(done, total),
      async (unnamed) => {
        progress.end()
        const copy = { ...config, dataDirectory: unnamed }
        if (verify === true)
          for (const name of Object.values(DATABASE_FILES)) verifyDatabase(join(unnamed, name))
        await invalidateTokens(copy)
        if (verify === true) await openEverything(copy)
      },
    ).finally(() => progress.end())
    report(
      {
        headline: `made the data directory of ${config.domain}`,
        facts: { data: config.dataDirectory, backup: resolve(backup), verified: verify === true },
        advice: [
          "Tokens issued before are not taken any more: clients draw new ones by themselves.",
          "Delete again what was deleted since the backup: accounts, by cinder users delete.",
        ],
      },
      asJson === true,
    )
  },
})

/** Whatever was spent since the backup would be good once more. */
async function invalidateTokens(config: Config): Promise<void> {
  const stores = await openStores(config, surroundings)
  try {
    await forgetTokenKeys(stores.as)
  } finally {
    await closeStores(stores)
  }
}

/** Seals everything anew, which opens it first; what the copy and the backup have in common is then unlike as well. */
async function openEverything(config: Config): Promise<void> {
  try {
    const opened = await openServices(config, surroundings)
    try {
      for (const reseal of resealing(opened.services)) await reseal()
    } finally {
      await opened.close()
    }
  } catch (error) {
    if (!(error instanceof SlotsUnreadable)) throw error
    throw new ConfigError(
      `the secrets file ${config.secretsFile} does not open what is in the backup: it is another server's, or keys were retired since`,
    )
  }
}

import { closeSync, existsSync, openSync, readSync } from "node:fs"
import { join } from "node:path"
import type { Administration } from "../admin/administration.ts"
import { backUp, DATABASE_FILES } from "../admin/backup.ts"
import { NobodyThere, remoteAdministration } from "../admin/remote.ts"
import { readSnapshot } from "../audit/evidence.ts"
import { whatIsSeen } from "../audit/seen.ts"
import { type Config, ConfigError } from "../config/config.ts"
import { asMigrations, deliveryMigrations } from "../migrations.ts"
import { administrationOf, openServices } from "../server/services.ts"
import { closeStores, openStores } from "../server/stores.ts"
import { exitOnFault } from "./explain.ts"

const surroundings = { clock: Date.now, fault: exitOnFault }

/**
 * Asks the server if it runs, and does it with its files if it does not.
 *
 * @throws ConfigError there is no server of this configuration
 */
export async function administer<T>(
  config: Config,
  question: (server: Administration) => Promise<T>,
): Promise<T> {
  try {
    return await question(remoteAdministration(config.adminSocket))
  } catch (error) {
    if (!(error instanceof NobodyThere)) throw error
    requireData(config)
    return await question(offline(config))
  }
}

function requireData({ dataDirectory }: Config): void {
  const missing = Object.values(DATABASE_FILES).some((name) => !existsSync(join(dataDirectory, name)))
  if (missing) throw new ConfigError(`there is no server's data in ${dataDirectory}`)
}

/** Everything is opened for one question, so that nothing is open while nobody asks. */
function offline(config: Config): Administration {
  const withServices = async <T>(question: (server: Administration) => Promise<T>): Promise<T> => {
    const opened = await openServices(config, surroundings)
    try {
      return await question(administrationOf(config, opened))
    } finally {
      await opened.close()
    }
  }
  return {
    backUp: (directory) => backUpAsIs(config, directory),
    listUsers: () => withServices((server) => server.listUsers()),
    deleteUser: (user) => withServices((server) => server.deleteUser(user)),
    async stats() {
      return whatIsSeen(readSnapshot(config.dataDirectory))
    },
  }
}

/** A backup before an upgrade is of what was there before: nothing is migrated. */
async function backUpAsIs(config: Config, directory: string) {
  const version = (name: keyof typeof DATABASE_FILES) =>
    schemaVersion(join(config.dataDirectory, DATABASE_FILES[name]))
  const known = {
    as: asMigrations.slice(0, version("as")),
    delivery: deliveryMigrations.slice(0, version("delivery")),
  }
  const stores = await openStores(config, surroundings, known)
  try {
    return backUp(stores, directory)
  } finally {
    await closeStores(stores)
  }
}

const USER_VERSION_AT = 60

/** SQLite's `user_version`, from the file's header. */
function schemaVersion(file: string): number {
  const header = new Uint8Array(100)
  const descriptor = openSync(file, "r")
  try {
    readSync(descriptor, header)
  } finally {
    closeSync(descriptor)
  }
  return new DataView(header.buffer).getUint32(USER_VERSION_AT)
}

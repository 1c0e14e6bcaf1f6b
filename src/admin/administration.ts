import type { UserSummary } from "../as/users.ts"
import { kindOf } from "../audit/promise.ts"
import { type Seen, seenOf } from "../audit/seen.ts"
import type { GroupShapes } from "../ds/shapes.ts"
import type { AnyTable, Reader } from "../store/database.ts"
import { formatUserId, parseUserId } from "../wire/user-id.ts"
import { type BackedUp, type BackupSources, backUp } from "./backup.ts"

/** A user, for people. */
export interface ListedUser {
  /** `uuid@domain` */
  readonly user: string
  readonly clients: number
}

/** What an operator asks of a server, whether it runs (remote.ts) or not. */
export interface Administration {
  /** Copies both databases into a new directory. */
  backUp(directory: string): Promise<BackedUp>
  listUsers(): Promise<readonly ListedUser[]>
  /** Resolves with whether there was such a user of this server. */
  deleteUser(user: string): Promise<boolean>
  /** What a snapshot sees, in the audit's words. */
  stats(): Promise<readonly Seen[]>
}

/** What it is done with. */
export interface Administered {
  readonly domain: string
  readonly stores: BackupSources & Readonly<Record<keyof BackupSources, Reader>>
  readonly users: () => AsyncIterable<readonly UserSummary[]>
  readonly deleteUser: (user: Uint8Array) => Promise<boolean>
  readonly shapes: () => Promise<GroupShapes>
}

/** Administration by the process that has the databases open. */
export function administration({ domain, stores, ...services }: Administered): Administration {
  return {
    backUp: async (directory) => backUp(stores, directory),
    async listUsers() {
      const listed: ListedUser[] = []
      for await (const some of services.users())
        listed.push(...some.map(({ user, clients }) => ({ user: formatUserId(user, domain), clients })))
      return listed
    },
    async deleteUser(text) {
      const { user, domain: home } = parseUserId(text)
      return home === domain && (await services.deleteUser(user))
    },
    async stats() {
      const rows = (wanted: string) => rowsOf(stores.as, wanted) + rowsOf(stores.delivery, wanted)
      return seenOf({ rows, ...(await services.shapes()) })
    },
  }
}

function rowsOf(store: Reader, wanted: string): number {
  const names = store.partitions(wanted).filter((name) => kindOf(name) === wanted)
  return names.reduce((rows, name) => rows + store.count(named(name)), 0)
}

/** Enough of a table to be counted. */
function named(name: string): AnyTable {
  return { name, key: [], columns: [], runTime: undefined, placed: false }
}

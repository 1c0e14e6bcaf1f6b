import { chmodSync, mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { sqliteStore } from "../../src/client-bun/index.ts"
import type { PersonOptions } from "../client/people.ts"
import type { Clock } from "./clock.ts"

/** What a version leaves behind: the files of a server and of its users' clients, and what is to be true of them. */

export const ARCHIVES = import.meta.dir
export const DOMAIN = "example.org"
export const PEOPLE = ["ada", "ben", "cleo"] as const
export type Name = (typeof PEOPLE)[number]

/** What is in an archive under this name says what the rest is; the test goes by it. */
export const STORY_FILE = "story.json"

export interface Story {
  /** The version of the program that wrote the files. */
  readonly version: string
  readonly domain: string
  /** What its clock showed when it stopped, in milliseconds since 1970. */
  readonly moment: number
  /** User ids. */
  readonly users: Readonly<Record<Name, string>>
  /** Ada's, by which Ben found her. */
  readonly alias: string
  /** What Ada's profile says. */
  readonly displayName: string
  /** Where all three are, by its id. */
  readonly group: string
  /** Its admins. */
  readonly admins: readonly Name[]
  /** Where Ada and Cleo are, and which Cleo has blocked. */
  readonly blockedGroup: string
  /** What was said in the group and is still to be heard by Cleo, in this order. */
  readonly waiting: readonly { readonly from: Name; readonly text: string }[]
  /** Who has asked Cleo to become a contact, and how often: she has not looked. */
  readonly requests: { readonly from: Name; readonly count: number }
}

/** The places of the files in a directory. */
export function placesIn(directory: string) {
  return {
    config: join(directory, "cinder.toml"),
    data: join(directory, "data"),
    secrets: join(directory, "data.secrets"),
    store: (name: Name) => join(directory, "clients", name),
  }
}

/** For a command that goes by the configuration in the archive: where things are on this machine. */
export function flagsIn(directory: string): readonly string[] {
  const { config, data, secrets } = placesIn(directory)
  const socket = join(directory, "admin")
  return ["--config", config, "--data", data, "--secrets", secrets, "--admin-socket", socket]
}

/** The names of all files below, in an order that is always the same. */
function filesIn(directory: string): readonly string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files.map(({ parentPath, name }) => join(parentPath, name).slice(directory.length + 1)).sort()
}

export async function pack(directory: string, archive: string): Promise<void> {
  const files = filesIn(directory).map((name) => [name, readFileSync(join(directory, name))] as const)
  await Bun.Archive.write(archive, Object.fromEntries(files), { compress: "gzip", level: 12 })
}

/** Unpacks into an empty directory, for the owner alone. */
export async function unpack(archive: string, directory: string): Promise<Story> {
  await new Bun.Archive(readFileSync(archive)).extract(directory)
  for (const name of ["", "data", "clients"]) chmodSync(join(directory, name), 0o700)
  for (const name of filesIn(directory)) chmodSync(join(directory, name), 0o600)
  return JSON.parse(readFileSync(join(directory, STORY_FILE), "utf8"))
}

/** A person's surroundings: the store in the directory, and the clock. */
export async function surroundings(directory: string, name: Name, clock: Clock) {
  mkdirSync(join(directory, "clients"), { recursive: true, mode: 0o700 })
  const store = await sqliteStore(placesIn(directory).store(name))
  return { store, now: clock.now } satisfies PersonOptions
}

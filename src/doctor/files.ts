import { closeSync, lstatSync, openSync, readdirSync, readSync, type Stats, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { DATABASE_FILES } from "../admin/backup.ts"
import { fileKind } from "../config/file-form.ts"
import { type Examination, type Finding, fail, ok, warn } from "./finding.ts"

/** Who may read and change the server's files, and whether other things lie among them. */
export const files: Examination = ({ config, configurationFile }) => {
  const { dataDirectory, secretsFile, secretsManaged, tls } = config
  const inside = readdirSync(dataDirectory).map((name) => join(dataDirectory, name))
  // What the service manager hands over is the group's as well.
  const secret = [
    ...(secretsManaged ? [] : [secretsFile]),
    ...(tls === undefined || tls.keyManaged ? [] : [tls.keyFile]),
  ]
  return [
    permissions([dataDirectory, ...inside, ...secret]),
    owners(dataDirectory, [...inside, ...secret]),
    replaceable([dataDirectory, ...secret], configurationFile),
    secretsInside(inside),
    otherFiles(inside),
  ]
}

const OTHERS = 0o077
const OTHERS_WRITE = 0o022
const STICKY = 0o1000

function permissions(paths: readonly string[]): Finding {
  const id = "permissions"
  const open = paths.filter((path) => ((look(path)?.mode ?? 0) & OTHERS) !== 0)
  if (open.length === 0)
    return ok(id, "data and secrets are for their owner alone", "No other user of this machine takes a copy.")
  return fail(
    id,
    `others can reach ${open.join(", ")}: make it private with chmod go= and the path`,
    "Every program of another user is an adversary with as many copies as it likes.",
  )
}

/** Root may hold the secrets: the service manager hands them over then. */
function owners(dataDirectory: string, paths: readonly string[]): Finding {
  const id = "owner"
  const owner = look(dataDirectory)?.uid
  const strange = paths.filter((path) => ![owner, 0, undefined].includes(look(path)?.uid))
  if (strange.length > 0) {
    return fail(
      id,
      `${strange.join(", ")} belongs to another user than the data directory: change it with chown`,
      "That user can read and replace what the server relies on.",
    )
  }
  if (owner === 0) {
    return warn(
      id,
      "the data belongs to root: run the server as a user of its own, as the unit of the package does",
      "A mistake in the server would be one of root, who can read everybody's memory.",
    )
  }
  return ok(id, "data and secrets have one owner", "Nobody else can replace them.")
}

function replaceable(paths: readonly string[], configurationFile: string | undefined): Finding {
  const id = "replaceable"
  const directories = paths.flatMap((path) => above(path))
  const open = [...new Set(directories)].filter((path) => {
    const mode = look(path)?.mode ?? 0
    return (mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0
  })
  if (configurationFile !== undefined && ((look(configurationFile)?.mode ?? 0) & OTHERS_WRITE) !== 0)
    open.push(configurationFile)
  const promise = "Whoever can replace files or settings can put others in their place, without a trace."
  if (open.length === 0) return ok(id, "nobody else can put other files in the place of these", promise)
  return fail(id, `others can change ${open.join(", ")}: take that right from them with chmod go-w`, promise)
}

function above(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [] : [parent, ...above(parent)]
}

/** Secrets files, roots and private keys are told by their first bytes. */
function secretsInside(inside: readonly string[]): Finding {
  const id = "secrets-inside"
  const found = inside.filter((path) => look(path)?.isFile() === true && holdsSecret(head(path)))
  if (found.length === 0)
    return ok(id, "no secrets lie among the data", "A copy of the data alone opens nothing.")
  return fail(
    id,
    `${found.join(", ")} holds secrets: move it out of the data directory, and out of backups of it`,
    "Every copy of the data brings the keys along that open it.",
  )
}

function holdsSecret(bytes: Uint8Array): boolean {
  const kind = fileKind(bytes)
  return kind === "secrets" || kind === "root" || Buffer.from(bytes).includes("PRIVATE KEY-----")
}

const HEAD_BYTES = 4096

function head(path: string): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES)
  const descriptor = openSync(path, "r")
  try {
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(descriptor)
  }
}

const OWN_FILES = Object.values(DATABASE_FILES).flatMap((name) => [name, `${name}-wal`])

function otherFiles(inside: readonly string[]): Finding {
  const id = "other-files"
  const strange = inside.filter((path) => !OWN_FILES.includes(path.slice(path.lastIndexOf("/") + 1)))
  if (strange.length === 0)
    return ok(id, "there are the databases and their logs, and nothing else", "There is no second history.")
  return fail(
    id,
    `${strange.join(", ")} is not the server's: find out which program puts it there, and move it`,
    "Logs and copies among the data say who came when; what the server overwrites, they keep.",
  )
}

function look(path: string): Stats | undefined {
  const link = lstatSync(path, { throwIfNoEntry: false })
  return link?.isSymbolicLink() === true ? statSync(path, { throwIfNoEntry: false }) : link
}

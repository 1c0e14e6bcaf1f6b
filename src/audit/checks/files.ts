import { Buffer } from "node:buffer"
import { fileKind } from "../../config/file-form.ts"
import { tablesOf } from "../columns.ts"
import type { EvidenceFile, Snapshot } from "../evidence.ts"
import { type Check, countedFinding } from "../finding.ts"
import { isPromised } from "../promise.ts"

export const otherFiles: Check = {
  id: "other-files",
  question: "Are there logs, metrics, journals or anything else beside the databases?",
  run(snapshots) {
    const places = snapshots.flatMap((snapshot) =>
      snapshot.files.filter((file) => !belongs(snapshot, file)).map(({ name }) => name),
    )
    return countedFinding("files", places.length, places, {
      clean: "There are databases and their logs, and nothing else.",
      leak: "These files are part of what is seized. A log says who came when; a journal or an index file, what was written together.",
    })
  },
}

function belongs({ databases }: Snapshot, { name }: EvidenceFile): boolean {
  return databases.some((database) => name === database.name || name === `${database.name}-wal`)
}

export const secretsInside: Check = {
  id: "secrets-inside",
  question: "Do the server's secrets lie with the data?",
  run(snapshots) {
    const found = snapshots.flatMap(({ files }) => files).filter(({ bytes }) => holdsSecrets(bytes))
    const places = found.map(({ name }) => name)
    return countedFinding("files", places.length, places, {
      clean: "There is no file with secrets here.",
      leak: "Whoever takes the data gets the keys with it: queue configs, tickets and the slots of queues can be opened.",
    })
  },
}

const PEM = Buffer.from("PRIVATE KEY-----")

function holdsSecrets(bytes: Uint8Array): boolean {
  const kind = fileKind(bytes)
  return kind === "secrets" || kind === "root" || Buffer.from(bytes.subarray(0, 65_536)).includes(PEM)
}

export const permissions: Check = {
  id: "permissions",
  question: "Can other users of the machine read the files?",
  run(snapshots) {
    const open = snapshots.flatMap(({ files }) => files).filter(({ mode }) => (mode & 0o077) !== 0)
    const places = open.map(({ name, mode }) => `${name}: ${mode.toString(8)}`)
    return countedFinding("files", open.length, places, {
      clean: "Only their owner can.",
      leak: "These files can be read by others than their owner: every program of theirs is an adversary with as many snapshots as it likes.",
    })
  },
}

export const schema: Check = {
  id: "schema",
  question: "Are there tables that nobody has promised anything about?",
  run(snapshots) {
    const places = snapshots.flatMap(strangeTables)
    return countedFinding("tables", places.length, places, {
      clean: "All tables are Cinder's, column by column; or none is, and everything in them counts.",
      leak: "Of these tables the promise says nothing, so whatever they hold is more than it concedes.",
    })
  },
}

/** Tables that are not Cinder's, beside some that are. */
function strangeTables(snapshot: Snapshot): string[] {
  const tables = tablesOf(snapshot)
  const strange = tables.filter(({ table }) => !isPromised(table.name, table.columns))
  if (strange.length === tables.length) return []
  return strange.map(({ database, table }) => `${database}: ${table.name}`)
}

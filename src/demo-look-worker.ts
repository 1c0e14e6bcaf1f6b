import { auditOf } from "./audit/audit.ts"
import { knownThings } from "./audit/checks/known.ts"
import { CannotLook, type Snapshot, snapshotOf } from "./audit/evidence.ts"
import { whatIsSeen } from "./audit/seen.ts"
import { tablesSeen } from "./audit/tables.ts"
import type { LookRequest } from "./demo-look.ts"
import type { AuditReport, FilesReport, Unreadable } from "./demo-page/report.ts"

/** The other thread of a DiskLook: an entry point of its own, which `bun build --compile` has to be told. */

declare const self: Worker

function answer({ kind, files }: LookRequest): FilesReport | AuditReport | Unreadable {
  try {
    const snapshot = snapshotOf("the server's files", files)
    return kind === "files" ? filesReport(snapshot) : auditReport(snapshot)
  } catch (error) {
    return { unreadable: error instanceof CannotLook ? error.message : "the files could not be understood" }
  }
}

function filesReport(snapshot: Snapshot): FilesReport {
  const files = snapshot.files.map(({ name, bytes }) => ({ name, bytes: bytes.length }))
  return { seen: whatIsSeen(snapshot), tables: tablesSeen(snapshot), files }
}

/** Without the attempt to find things that are known, of which there are none. */
function auditReport(snapshot: Snapshot): AuditReport {
  const { findings } = auditOf([snapshot], { known: [] })
  const tried = findings.filter(({ id }) => id !== knownThings([]).id)
  return {
    findings: tried.map(({ id, pass, question, words, details }) => ({
      id,
      pass,
      question,
      words,
      details,
    })),
  }
}

self.onmessage = ({ data }: MessageEvent<LookRequest>) => {
  self.postMessage(JSON.stringify(answer(data)))
}

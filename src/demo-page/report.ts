import type { Audit } from "../audit/audit.ts"
import type { Seen } from "../audit/seen.ts"
import type { TableSeen } from "../audit/tables.ts"

/** What the server tells the page of its files, in the audit's own words. */

/** `/demo/files` */
export interface FilesReport {
  readonly seen: readonly Seen[]
  readonly tables: readonly TableSeen[]
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
}

/** `/demo/audit` */
export interface AuditReport {
  readonly findings: readonly Pick<
    Audit["findings"][number],
    "id" | "pass" | "question" | "words" | "details"
  >[]
}

/** Instead of either: a sentence that says why there is none. */
export interface Unreadable {
  readonly unreadable: string
}

import { Database } from "bun:sqlite"
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Audit, audit } from "../../src/audit/audit.ts"

/** A directory with a database, as textbooks make it unless told otherwise; looked at as it lies on the disk. */
export class Workshop implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "cinder-audit-"))
  readonly data = join(this.path, "data.sqlite")
  readonly database: Database
  readonly #copies: string[] = []

  constructor(...pragmas: readonly string[]) {
    this.database = new Database(this.data, { create: true })
    for (const pragma of pragmas) this.database.run(`PRAGMA ${pragma}`)
  }

  /** A directory of its own with what is there now, the log included; nothing is checkpointed by looking. */
  copy(): string {
    const directory = mkdtempSync(join(tmpdir(), "cinder-audit-copy-"))
    this.#copies.push(directory)
    for (const suffix of ["", "-wal", "-journal"]) {
      if (!existsSync(this.data + suffix)) continue
      copyFileSync(this.data + suffix, join(directory, `data.sqlite${suffix}`))
      chmodSync(join(directory, `data.sqlite${suffix}`), 0o600)
    }
    return directory
  }

  audit(known: readonly Uint8Array[] = []): Audit {
    return audit({ paths: [this.copy()], known })
  }

  [Symbol.dispose](): void {
    this.database.close()
    for (const directory of [this.path, ...this.#copies]) rmSync(directory, { recursive: true })
  }
}

export function random(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length))
}

/** What a check found. */
export function findingOf({ findings }: Audit, id: string) {
  const finding = findings.find((one) => one.id === id)
  if (finding === undefined) throw new Error(`no check ${id}`)
  return finding
}

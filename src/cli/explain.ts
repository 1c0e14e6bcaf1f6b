import { CannotLook } from "../audit/evidence.ts"
import { ConfigError } from "../config/config.ts"
import { describeFault } from "../http/failure.ts"
import { StoreFailed, StoreIncompatible, StoreLocked } from "../store/database.ts"
import { SlotsUnreadable } from "../veil/slot-keys.ts"

/** Whatever is not answered yet was not promised: the clients try again after the restart. */
export function exitOnFault(error: unknown): void {
  console.error(describeFault(error))
  process.exit(1)
}

/** Errors of the operator's making are a sentence; others are defects, of which only class and place are told. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.sentences.map((sentence) => `cinder: ${sentence}`).join("\n")
  if (
    [StoreLocked, StoreIncompatible, StoreFailed, SlotsUnreadable, CannotLook].some(
      (kind) => error instanceof kind,
    )
  )
    return `cinder: ${(error as Error).message}`
  if (error instanceof Error && error.name === "CLIError") return `cinder: ${Bun.stripANSI(error.message)}`
  return describeFault(error)
}

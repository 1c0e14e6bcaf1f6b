import { closeSync, fsyncSync, openSync, readdirSync, statSync } from "node:fs"
import { StoreFailed } from "../store/database.ts"
import { codeOf } from "../store/error-code.ts"

/** What making a directory whole, and only then giving it its name, takes. */

/** @throws StoreFailed with the sentence: there is something of this name, and it is no empty directory */
export function refuseFull(directory: string, sentence: string): void {
  const there = statSync(directory, { throwIfNoEntry: false })
  if (there !== undefined && (!there.isDirectory() || readdirSync(directory).length > 0))
    throw new StoreFailed(sentence)
}

/** Makes the names in a directory durable. */
export function synchronize(directory: string): void {
  const descriptor = openSync(directory, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Says of the system's error what could not be done, its code, and what `adviceOn` that code there is. */
export function explained<T>(sentence: string, adviceOn: (code: string) => string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof StoreFailed) throw error
    const code = codeOf(error)
    throw new StoreFailed(`${sentence} (${code})${adviceOn(code)}`)
  }
}

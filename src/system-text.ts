import { readFileSync } from "node:fs"

/** A file of the system, or nothing where there is none or it cannot be read, for example because too many files are open. */
export function readText(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

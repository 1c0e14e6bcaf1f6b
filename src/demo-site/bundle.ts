import { readFileSync } from "node:fs"
import { join } from "node:path"

/** What the page consists of. */
export interface PageParts {
  readonly html: string
  readonly style: string
  readonly script: string
}

/**
 * Makes the page out of its sources. Run as a macro: when the binary is built, and in the source tree when the page is first
 * needed. Throws what the bundler says.
 */
export function bundlePage(): PageParts {
  const folder = join(import.meta.dir, "../demo-page")
  const entry = join(folder, "page.ts")
  const built = Bun.spawnSync([process.execPath, "build", "--target=browser", "--minify", entry])
  if (!built.success) throw new Error(built.stderr.toString())
  return {
    html: readFileSync(join(folder, "page.html"), "utf8"),
    style: readFileSync(join(folder, "page.css"), "utf8"),
    script: built.stdout.toString(),
  }
}

import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { mlsSuites } from "../vectors/mls.ts"

/** The MLS vectors, file by file; what a suite skips it says why. */

const root = process.env["CINDER_VECTORS"] ?? join(import.meta.dir, "../../../shared/vectors")
const files = ["mls-rfc9420", "mls-interop-passive"].flatMap((directory) =>
  readdirSync(join(root, directory))
    .filter((name) => name.endsWith(".json"))
    .map((name) => join(root, directory, name)),
)

/** Three suites, each over noble too: several seconds of P-256 and X25519 on a small machine. */
const PATIENCE_MS = 60_000

describe("MLS vectors", () => {
  for (const suite of mlsSuites) {
    test(
      suite.name,
      async () => {
        const outcomes = { passed: 0, failed: 0, skipped: 0 }
        const failures: string[] = []
        for (const file of files) {
          const json: unknown = JSON.parse(readFileSync(file, "utf8"))
          if (!suite.recognise(json)) continue
          await suite.run(json, (name, outcome, why) => {
            outcomes[outcome]++
            if (outcome === "failed") failures.push(`${name}: ${why}`)
          })
        }
        expect(failures).toEqual([])
        expect(outcomes.passed).toBeGreaterThan(0)
      },
      PATIENCE_MS,
    )
  }
})

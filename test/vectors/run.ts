import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { mlsSuites } from "./mls.ts"
import { primitiveSuites } from "./primitives.ts"
import { privacyPassSuites } from "./privacypass.ts"
import type { VectorSuite } from "./suite.ts"
import { voprfSuite } from "./voprf.ts"

/**
 * `bun test/vectors/run.ts DIR...` runs every test vector file (`*.json`) below the directories. A file is recognised by
 * the shape of its content; one that nobody recognises is counted as skipped and named, one that cannot be read, is not
 * JSON or is damaged as failed. Ends with `N passed, N failed, N skipped`.
 *
 * Exit code 1 if anything failed, 2 if a directory is missing.
 */

const suites: readonly VectorSuite[] = [...primitiveSuites, voprfSuite, ...privacyPassSuites, ...mlsSuites]

interface Counts {
  passed: number
  failed: number
  skipped: number
}

const total: Counts = { passed: 0, failed: 0, skipped: 0 }
const reasons = new Map<string, number>()

function summary({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".json"))
    .map((name) => join(directory, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    .sort()
}

/** The file's content, or why there is none. */
function parse(path: string): { json: unknown } | string {
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch {
    return "cannot be read"
  }
  try {
    return { json: JSON.parse(text) as unknown }
  } catch {
    return "not JSON"
  }
}

function skip(reason: string): void {
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
}

async function runSuite(path: string, suite: VectorSuite, json: unknown): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  const fail = (what: string) => {
    counts.failed += 1
    console.log(`FAILED ${path}: ${what}`)
  }
  try {
    await suite.run(json, (caseName, outcome, why) => {
      if (outcome === "failed") fail(why === undefined ? caseName : `${caseName}: ${why}`)
      else counts[outcome] += 1
      if (outcome === "skipped") skip(why ?? "no reason given")
    })
  } catch (error) {
    fail(`malformed: ${error instanceof Error ? error.message : "unknown error"}`)
  }
  if (counts.passed + counts.failed + counts.skipped === 0) fail("no cases in it")
  return counts
}

async function runFile(path: string): Promise<void> {
  const parsed = parse(path)
  if (typeof parsed === "string") {
    total.failed += 1
    console.log(`FAILED ${path}: ${parsed}`)
    return
  }
  const suite = suites.find((candidate) => candidate.recognise(parsed.json))
  if (suite === undefined) {
    total.skipped += 1
    skip("file not recognised")
    console.log(`${path}: not recognised, skipped`)
    return
  }
  const counts = await runSuite(path, suite, parsed.json)
  total.passed += counts.passed
  total.failed += counts.failed
  total.skipped += counts.skipped
  console.log(`${path}: ${suite.name}: ${summary(counts)}`)
}

async function main(directories: readonly string[]): Promise<number> {
  if (directories.length === 0) {
    console.error("usage: bun test/vectors/run.ts DIR...")
    return 2
  }
  for (const directory of directories) {
    if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) continue
    console.error(`${directory}: no such directory`)
    return 2
  }
  for (const directory of directories) for (const path of filesBelow(directory)) await runFile(path)
  for (const [reason, count] of reasons) console.log(`skipped ${count}: ${reason}`)
  console.log(summary(total))
  return total.failed > 0 ? 1 : 0
}

process.exitCode = await main(process.argv.slice(2))

/** What a family of test vector files gives to the runner (`run.ts`). */

/**
 * How one case ended. `why` names the check that failed or the reason for skipping; skipped cases with the same
 * reason are counted together.
 */
export type VectorReport = (caseName: string, outcome: "passed" | "failed" | "skipped", why?: string) => void

export interface VectorSuite {
  readonly name: string
  /** Whether a parsed file belongs to this suite, by the shape of its content and never by its name. */
  recognise(json: unknown): boolean
  /** Runs every case of a recognised file and reports each exactly once. */
  run(json: unknown, report: VectorReport): void | Promise<void>
}

/** A parsed JSON object; each field is checked by whoever uses it. */
export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** Whether `value` is a non-empty array of objects that all have these keys. */
export function isArrayOf(value: unknown, ...keys: string[]): value is JsonObject[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((item) => isObject(item) && keys.every((key) => key in item))
  )
}

/**
 * A suite of files that are arrays of objects with these keys. A file is recognised by any such object in it, so that
 * one that is damaged fails instead of making its file unknown.
 */
export function arraySuite(
  name: string,
  keys: readonly string[],
  runItem: (item: JsonObject, caseName: string, report: VectorReport) => void | Promise<void>,
): VectorSuite {
  return {
    name,
    recognise: (json) =>
      Array.isArray(json) && json.some((item) => isObject(item) && keys.every((key) => key in item)),
    async run(json, report) {
      for (const [index, item] of (json as unknown[]).entries()) {
        const caseName = `vector ${index}`
        try {
          if (!isObject(item)) throw new TypeError("not an object")
          await runItem(item, caseName, report)
        } catch (error) {
          report(caseName, "failed", `malformed: ${error instanceof Error ? error.message : "unknown error"}`)
        }
      }
    },
  }
}

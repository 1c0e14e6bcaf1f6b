import type { Config } from "../config/config.ts"

/** What the doctor found out about one thing around the server. */
export interface Finding {
  readonly id: string
  /** `fail`: the promise does not hold, or the server does not work; `warn`: it depends, or it could not be seen. */
  readonly level: "ok" | "warn" | "fail"
  /** What is so, and what to do about it. */
  readonly words: string
  /** What it means for what is promised to users (docs/threat-model.md). */
  readonly promise: string
}

export interface Patient {
  readonly config: Config
  /** The file that the settings are from, if there is one. */
  readonly configurationFile: string | undefined
}

export type Examination = (patient: Patient) => readonly Finding[] | Promise<readonly Finding[]>

export function ok(id: string, words: string, promise: string): Finding {
  return { id, level: "ok", words, promise }
}

export function warn(id: string, words: string, promise: string): Finding {
  return { id, level: "warn", words, promise }
}

export function fail(id: string, words: string, promise: string): Finding {
  return { id, level: "fail", words, promise }
}

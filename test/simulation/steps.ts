import { appendFileSync, openSync, writeSync } from "node:fs"

/**
 * Inside the server's process: counts the steps of its commit pipeline, and ends the process at the one that the
 * simulation chose. Each step is written down the first time that it happens, and when it is the last one.
 */

/** A step of the pipeline, just before or just after it. */
export interface CrashPoint {
  readonly step: string
  readonly when: "before" | "after"
  /** How often the step happens first. */
  readonly skip: number
}

const { CINDER_CRASH_LOG: log, CINDER_CRASH_AT: atStart } = process.env
if (log === undefined) throw new Error("the simulation starts this")

let armed = atStart === undefined ? undefined : (JSON.parse(atStart) as CrashPoint)
let skipped = 0
let phase: "start" | "run" = "start"
const seen = new Set<string>()
process.on("message", (point: CrashPoint) => {
  armed = point
  skipped = 0
})

// Nobody is left to kill it.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"))

/** From now on steps are those of a server that runs. */
export function started(): void {
  phase = "run"
}

/** One step, which is the last thing that this process does if it was chosen. */
export function step<T>(name: string, work: () => T): T {
  const full = `${phase}: ${name}`
  if (!seen.has(full)) {
    seen.add(full)
    note(`seen ${full}`)
  }
  const chosen = armed?.step === full && skipped++ === armed.skip ? armed.when : undefined
  if (chosen === "before") die(full)
  const result = work()
  if (chosen === "after") die(full)
  return result
}

function note(line: string): void {
  appendFileSync(log as string, `${line}\n`)
}

function die(name: string): never {
  note(`died ${armed?.when} ${name}`)
  process.kill(process.pid, "SIGKILL")
  throw new Error("unreachable")
}

/** What a descriptor is for: a database or its log, and of that the part that was written last. */
const files = new Map<number, { readonly store: string; readonly log: boolean; part: string }>()

/** What `src/store` does to files by itself: it clears pages and overwrites the log. */
export function opened(path: string, ...rest: [flags: string, mode?: number]): number {
  const descriptor = openSync(path, ...rest)
  const found = /\/(\w+)\.sqlite(-wal)?$/.exec(path)
  const [, store, log] = found ?? []
  if (store === undefined) files.delete(descriptor)
  else
    files.set(descriptor, { store, log: log !== undefined, part: log === undefined ? "page" : "log header" })
  return descriptor
}

export function written(descriptor: number, bytes: Uint8Array, from: number, length: number, at: number) {
  const file = known(descriptor)
  if (file.log) file.part = at === 0 ? "log header" : "log body"
  return step(`${file.store} clear ${file.part}`, () => writeSync(descriptor, bytes, from, length, at))
}

export function synchronized(descriptor: number, work: () => void): void {
  const { store, part } = known(descriptor)
  step(`${store} sync ${part}`, work)
}

export function cut(descriptor: number, work: () => void): void {
  step(`${known(descriptor).store} cut log`, work)
}

export function dated(descriptor: number, work: () => void): void {
  const { store, log } = known(descriptor)
  step(`${store} date ${log ? "log" : "database"}`, work)
}

function known(descriptor: number) {
  const file = files.get(descriptor)
  if (file === undefined) throw new Error("not a file of a store")
  return file
}

import type { Report } from "../http/failure.ts"
import type { Sweep } from "../memory/sweep.ts"
import { Wash } from "../memory/wash.ts"

/** What the server tells whoever runs it. */
export interface Surroundings {
  /** A defect was met while answering a request; the server goes on. */
  readonly report: Report
  /** The store cannot go on: what was answered is durable, what was not is lost. */
  readonly fault: (error: unknown) => void
  /** The operator should do something before long; one sentence. */
  readonly warn: (sentence: string) => void
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** What overwrites copies of keys (memory/wash.ts); `rinse` does it in the buffers of sockets. */
  readonly wash: (rinse: () => Promise<void>, sweep?: Sweep) => Pick<Wash, "needed" | "stop">
  /** What looks for copies that are left; only for a process in which there is nothing but the server. */
  readonly sweep: Sweep | undefined
}

export const defaults: Surroundings = {
  report: (line) => console.error(line),
  fault(error) {
    queueMicrotask(() => {
      throw error
    })
  },
  warn: (sentence) => console.error(sentence),
  clock: Date.now,
  wash: (rinse, sweep) => new Wash(rinse, sweep),
  sweep: undefined,
}

import { CannotLook, type EvidenceFile } from "./audit/evidence.ts"
import type { Unreadable } from "./demo-page/report.ts"
import { DataFiles } from "./demo-site/files.ts"
import type { Look, LookKind } from "./demo-site/site.ts"
import { DEMO_LOOK_MILLISECONDS_MIN, DEMO_QUIET_MILLISECONDS_MAX } from "./limits.ts"

/**
 * What lies on the disk while the demo runs, for everybody who asks. The files are read here, which takes as long as copying
 * them; what they tell is found out in another thread, by the audit's own reader.
 *
 * This file and the worker's lie side by side at the top, as those of the evaluator do.
 */

export interface LookRequest {
  readonly kind: LookKind
  readonly files: readonly EvidenceFile[]
}

interface Latest {
  readonly since: number
  readonly answer: Promise<string>
  done: boolean
}

const RETRY_MILLISECONDS = 50

export class DiskLook implements Look {
  readonly #files: DataFiles
  readonly #latest = new Map<LookKind, Latest>()
  #worker: Worker | undefined
  /** One question at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(dataDirectory: string) {
    this.#files = new DataFiles(dataDirectory)
  }

  /** As JSON. Whoever asks while the last answer is young, or not there yet, gets that. */
  look(kind: LookKind): Promise<string> {
    const known = this.#latest.get(kind)
    const now = performance.now()
    if (known !== undefined && !(known.done && now - known.since >= DEMO_LOOK_MILLISECONDS_MIN))
      return known.answer
    const answer = this.#turn.then(() => this.#make(kind))
    const latest: Latest = { since: now, answer, done: false }
    this.#latest.set(kind, latest)
    this.#turn = answer.finally(() => {
      latest.done = true
    })
    return answer
  }

  /** Only when the databases are closed. */
  close(): void {
    this.#worker?.terminate()
    this.#files.close()
  }

  async #make(kind: LookKind): Promise<string> {
    try {
      return await this.#ask({
        kind,
        files: kind === "audit" ? await this.#quietFiles() : this.#files.read(),
      })
    } catch (error) {
      return JSON.stringify(unreadable(error))
    }
  }

  /** Files of a moment in which no log waits to be scrubbed, if one comes: an audit shows what a log tells, and that is known. */
  async #quietFiles(): Promise<EvidenceFile[]> {
    const deadline = performance.now() + DEMO_QUIET_MILLISECONDS_MAX
    for (;;) {
      const files = this.#files.read()
      const waits = files.some(({ name, bytes }) => name.endsWith("-wal") && bytes.some((byte) => byte !== 0))
      if (!waits || performance.now() > deadline) return files
      await Bun.sleep(RETRY_MILLISECONDS)
    }
  }

  #ask(request: LookRequest): Promise<string> {
    this.#worker ??= new Worker(new URL("./demo-look-worker.ts", import.meta.url))
    const worker = this.#worker
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    worker.onmessage = ({ data }: MessageEvent<string>) => resolve(data)
    worker.addEventListener("close", () => {
      if (worker === this.#worker) this.#worker = undefined
      reject(new CannotLook("the files could not be looked at"))
    })
    worker.postMessage(request)
    return promise
  }
}

function unreadable(error: unknown): Unreadable {
  return { unreadable: error instanceof CannotLook ? error.message : "the files could not be read" }
}

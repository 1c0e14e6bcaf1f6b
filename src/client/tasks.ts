import { ClientError } from "./errors.ts"
import { backoffMilliseconds, pause } from "./pace.ts"

/** Work that the client does by itself, beside what the application asks for. */
export class Tasks {
  readonly #signal: AbortSignal
  readonly #running = new Set<Promise<void>>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** Runs work until it succeeds, the client is closed, or the server refuses it for good. */
  start(work: () => Promise<void>): void {
    const task = this.#persist(work).finally(() => this.#running.delete(task))
    this.#running.add(task)
  }

  async #persist(work: () => Promise<void>): Promise<void> {
    for (let attempt = 1; !this.#signal.aborted; attempt++) {
      try {
        await work()
        return
      } catch (error) {
        if (!(error instanceof ClientError) || !canPass(error)) return
      }
      try {
        await pause(backoffMilliseconds(attempt), this.#signal)
      } catch {
        return
      }
    }
  }

  /** Resolves when nothing runs any more; to be called after the signal was aborted. */
  async finished(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}

function canPass({ code }: ClientError): boolean {
  return (
    code === "client.unreachable" ||
    code === "client.contended" ||
    code === "server.internal" ||
    code === "queue.full"
  )
}

import { join } from "node:path"
import { atExit } from "../at-exit.ts"
import type { Answers, Command } from "./commands.ts"

/** The load generator as a process of its own, so that what it costs is not the server's and not the bench's. */

const GENERATOR = join(import.meta.dir, "generator.ts")

export interface Generator {
  ask<K extends Command["kind"]>(command: Extract<Command, { kind: K }>): Promise<Answers[K]>
  stop(): Promise<void>
}

type Outcome = { readonly answer: unknown } | { readonly error: string }

export function startGenerator(): Generator {
  let settle: ((outcome: Outcome) => void) | undefined
  const child = Bun.spawn([process.execPath, GENERATOR], {
    // Bun makes no more than 256 requests at a time otherwise, and an overload would end there.
    env: { PATH: process.env["PATH"] ?? "", BUN_CONFIG_MAX_HTTP_REQUESTS: "65336" },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    serialization: "advanced",
    ipc: (outcome: Outcome) => settle?.(outcome),
    onExit: () => settle?.({ error: "the load generator ended" }),
  })
  const ended = atExit(() => child.kill())
  return {
    async ask(command) {
      const outcome = await new Promise<Outcome>((resolve) => {
        settle = resolve
        child.send(command)
      })
      if ("error" in outcome) throw new Error(outcome.error)
      return outcome.answer as Answers[typeof command.kind]
    },
    async stop() {
      child.kill("SIGTERM")
      await child.exited
      ended()
    },
  }
}

import { join } from "node:path"
import type { Answer, ChatMessage, CommandName, FromMember, Seen } from "./protocol.ts"
import type { Received } from "./tally.ts"

/** The director's end of one member's process. */
export class MemberProcess {
  readonly name: string
  /** In the order in which the member's application saw them. */
  readonly received: Received[] = []
  readonly seen: Seen[] = []
  userId = ""
  readonly #child: Bun.Subprocess
  readonly #answers = new Map<number, (answer: Answer) => void>()
  readonly #changed: () => void
  #next = 0

  constructor(name: string, url: string, file: string, changed: () => void) {
    this.name = name
    this.#changed = changed
    this.#child = Bun.spawn([process.execPath, join(import.meta.dir, "member.ts"), name, url, file], {
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      ipc: (message: FromMember) => this.#take(message),
      onExit: () => this.#gone(),
    })
  }

  /** Has the member do something; rejects with what its client library said. */
  async ask(command: CommandName, argument = ""): Promise<string> {
    const id = this.#next++
    const answered = new Promise<Answer>((resolve) => this.#answers.set(id, resolve))
    this.#child.send({ id, name: command, argument })
    const { value, error } = await answered
    if (error !== undefined) throw new Error(error)
    return value
  }

  async close(): Promise<void> {
    await this.ask("close")
    await this.#child.exited
  }

  kill(): void {
    this.#child.kill("SIGKILL")
  }

  #take(message: FromMember): void {
    if ("id" in message) {
      this.#answers.get(message.id)?.(message)
      this.#answers.delete(message.id)
      return
    }
    this.seen.push(message)
    if (message.seen === "message") {
      const { from, number } = JSON.parse(message.text) as ChatMessage
      this.received.push({ from, number })
    }
    this.#changed()
  }

  #gone(): void {
    for (const [id, resolve] of this.#answers) resolve({ id, value: "", error: `${this.name} has stopped` })
    this.#answers.clear()
  }
}

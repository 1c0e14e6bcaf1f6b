import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { reportFiles } from "./files.ts"
import { MemberProcess } from "./member-process.ts"
import { type ServerProcess, startServerProcess } from "./server-process.ts"
import type { Story } from "./story.ts"
import { type MemberLog, type Received, tally } from "./tally.ts"

export interface DemoOptions {
  readonly members: number
  /** Messages that each member sends before somebody is removed. */
  readonly messages: number
  /** Where the server's data and secrets stay; undefined: they go with the demo. */
  readonly keep: string | undefined
  /** A built executable to run as the server; undefined: the source. */
  readonly server: string | undefined
}

export interface DemoResult {
  readonly members: number
  readonly sent: number
  readonly expected_deliveries: number
  readonly delivered: number
  readonly lost: number
  readonly duplicated: number
  readonly out_of_order: number
  readonly read_after_removal: number
  readonly restarts: number
}

const DOMAIN = "demo.example"
const PATIENCE_MILLISECONDS = 120_000
const NAMES = ["Ada", "Ben", "Cleo", "Dina", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jun", "Kim", "Lou"]
const LINES = [
  "Are we alone?",
  "The server thinks so.",
  "It cannot even count us.",
  "Then let us talk.",
  "What does it keep?",
  "Blocks of one size, and a month.",
]

/** Runs the whole story and returns the books. */
export async function direct(options: DemoOptions, story: Story): Promise<DemoResult> {
  const scratch = mkdtempSync(join(tmpdir(), "cinder-demo-"))
  const demo = new Demo(options, story, scratch)
  try {
    return await demo.run()
  } finally {
    await demo.end()
    rmSync(scratch, { recursive: true, force: true })
  }
}

class Demo {
  readonly #options: DemoOptions
  readonly #story: Story
  readonly #scratch: string
  readonly #data: string
  readonly #members: MemberProcess[] = []
  readonly #sent: Received[] = []
  readonly #expected = new Map<MemberProcess, Received[]>()
  readonly #waiting = new Set<() => void>()
  #server: ServerProcess | undefined
  #restarts = 0

  constructor(options: DemoOptions, story: Story, scratch: string) {
    this.#options = options
    this.#story = story
    this.#scratch = scratch
    const home = options.keep ?? join(scratch, "server")
    mkdirSync(home, { recursive: true })
    this.#data = join(home, "data")
  }

  async run(): Promise<DemoResult> {
    await this.#open()
    await this.#register()
    await this.#connect()
    await this.#gather()
    await this.#talk()
    await this.#removeLast()
    for (const member of this.#members) await member.close()
    await this.#server?.stop()
    this.#server = undefined
    return this.#close()
  }

  async end(): Promise<void> {
    for (const member of this.#members) member.kill()
    await this.#server?.kill()
  }

  async #open(): Promise<void> {
    this.#story.title("A fresh server")
    this.#server = await this.#serve(0)
    this.#story.step(`listens on port ${this.#server.port}, as a process of its own; its directory was empty`)
  }

  #serve(port: number): Promise<ServerProcess> {
    return startServerProcess({ data: this.#data, domain: DOMAIN, port, binary: this.#options.server })
  }

  async #register(): Promise<void> {
    const url = `http://127.0.0.1:${this.#server?.port}`
    for (let i = 0; i < this.#options.members; i++) {
      const name = NAMES[i] ?? `member ${i + 1}`
      const changed = (): void => this.#notify()
      this.#members.push(new MemberProcess(name, url, join(this.#scratch, `${i}.sqlite`), changed))
    }
    await Promise.all(
      this.#members.map(async (member) => {
        member.userId = await member.ask("start")
        this.#story.step(`${member.name} registers as ${member.userId}`)
      }),
    )
  }

  async #connect(): Promise<void> {
    this.#story.title("They find each other")
    const [first, ...others] = this.#members as [MemberProcess, ...MemberProcess[]]
    await Promise.all(others.map((other) => first.ask("connect", other.userId)))
    await this.#until("everybody to be connected", () =>
      others.every((other) =>
        [first, other].every((side) => {
          const peer = side === first ? other : first
          return side.seen.some(({ seen, from }) => seen === "connected" && from === peer.userId)
        }),
      ),
    )
    this.#story.step(
      `${first.name} asked ${listed(others)} by user id; each checked the credential up to the server's root and accepted`,
    )
  }

  async #gather(): Promise<void> {
    const [first, ...others] = this.#members as [MemberProcess, ...MemberProcess[]]
    await first.ask("create-group")
    for (const other of others) await first.ask("add", other.userId)
    await this.#until("everybody to have joined", () =>
      others.every((other) => other.seen.some(({ seen }) => seen === "joined")),
    )
    const everybody = this.#members.length
    for (const member of this.#members) {
      const eventually = async () => (await member.ask("members")).split(" ").length === everybody
      await this.#until(`${member.name} to see everybody`, eventually)
    }
    this.#story.step(
      `${first.name} makes a group and adds ${listed(others)}; all ${everybody} see the same members`,
    )
  }

  async #talk(): Promise<void> {
    this.#story.title("Everybody talks, and the server is killed in the middle")
    const { messages } = this.#options
    const half = (this.#members.length * messages) / 2
    const talking = Promise.all(this.#members.map((member) => this.#say(member, messages, this.#members)))
    const racing = this.#members.slice(0, 2).map((member) => member.ask("update"))
    await this.#until("half of the messages", () => this.#sent.length >= half)
    await this.#crash()
    await talking
    await Promise.all(racing)
    await this.#allDelivered()
    this.#story.step(
      `${this.#sent.length} messages are with everybody; meanwhile two members renewed their keys at the same moment`,
    )
  }

  async #crash(): Promise<void> {
    const server = this.#server as ServerProcess
    await server.kill()
    this.#story.step(`SIGKILL after ${this.#sent.length} messages were accepted; others are under way`)
    this.#server = await this.#serve(server.port)
    this.#restarts += 1
    this.#story.step("the server is back on the same files; the members reconnect by themselves")
  }

  async #removeLast(): Promise<void> {
    this.#story.title("One is removed")
    const [first, ...others] = this.#members as [MemberProcess, ...MemberProcess[]]
    const last = others.at(-1) as MemberProcess
    const remaining = this.#members.slice(0, -1)
    await first.ask("remove", last.userId)
    await this.#until("everybody to know", () =>
      others.every((other) => other.seen.some(({ seen }) => seen === (other === last ? "left" : "removed"))),
    )
    this.#story.step(`${first.name} removes ${last.name}`)
    const more = Math.max(2, Math.ceil(this.#options.messages / 4))
    await Promise.all(remaining.map((member) => this.#say(member, more, remaining)))
    await this.#allDelivered()
    const refusal = await last.ask("send", "{}").then(
      () => undefined,
      (error: Error) => error.message,
    )
    if (refusal === undefined) throw new Error(`${last.name} could still send`)
    const talkers = remaining.length === 1 ? "goes on talking" : "go on talking"
    this.#story.step(
      `${listed(remaining)} ${talkers}; ${last.name} gets nothing of it and can send nothing (${refusal})`,
    )
  }

  /** Sends numbered messages, one after the other, and notes who has to get them. */
  async #say(member: MemberProcess, count: number, group: readonly MemberProcess[]): Promise<void> {
    const before = this.#sent.filter(({ from }) => from === member.name).length
    for (let i = 0; i < count; i++) {
      const number = before + i + 1
      const text = LINES[(number + this.#members.indexOf(member)) % LINES.length]
      await member.ask("send", JSON.stringify({ from: member.name, number, text }))
      const message = { from: member.name, number }
      this.#sent.push(message)
      for (const other of group) if (other !== member) this.#expectedOf(other).push(message)
      this.#notify()
    }
  }

  #expectedOf(member: MemberProcess): Received[] {
    const expected = this.#expected.get(member) ?? []
    this.#expected.set(member, expected)
    return expected
  }

  async #allDelivered(): Promise<void> {
    await this.#until("every delivery", () =>
      this.#members.every((member) => member.received.length >= this.#expectedOf(member).length),
    )
  }

  #close(): DemoResult {
    const logs = this.#members.map((member): MemberLog => {
      return { name: member.name, received: member.received, expected: this.#expectedOf(member) }
    })
    const { unexpected, ...books } = tally(logs)
    const result: DemoResult = {
      members: this.#members.length,
      sent: this.#sent.length,
      ...books,
      read_after_removal: unexpected,
      restarts: this.#restarts,
    }
    this.#story.title("The books")
    this.#story.step(
      `${result.sent} sent, ${result.delivered} of ${result.expected_deliveries} deliveries, ${result.lost} lost, ` +
        `${result.duplicated} doubled, ${result.out_of_order} out of order, ${result.read_after_removal} read after removal`,
    )
    this.#story.title("What somebody who takes the server's disk finds")
    this.#story.files(reportFiles(this.#data))
    this.#story.note(
      "Users and mailboxes, with nothing that leads from one to the other; groups as blobs of one size, with a month; " +
        "what was read is gone. Nobody's contacts, no members, no messages, no times.",
    )
    return result
  }

  #notify(): void {
    for (const waiting of this.#waiting) waiting()
  }

  /** Waits for something that the members' reports bring about. */
  async #until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MILLISECONDS
    while (!(await holds())) {
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`waited in vain for ${what}`)
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer)
          this.#waiting.delete(done)
          resolve()
        }
        const timer = setTimeout(done, Math.min(left, 250))
        this.#waiting.add(done)
      })
    }
  }
}

function listed(members: readonly MemberProcess[]): string {
  const names = members.map(({ name }) => name)
  if (names.length > 6) return `${names.slice(0, 5).join(", ")} and ${names.length - 5} others`
  return names.length < 2 ? (names[0] ?? "nobody") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`
}

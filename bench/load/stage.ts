import { rmSync } from "node:fs"
import type { IssuerKey } from "../../src/privacypass/keys.ts"
import { Homeserver, temporaryDirectory } from "../homeserver.ts"
import { MESSAGE_BYTES } from "../hot-path-cases.ts"
import { issuerKey, makeToken } from "../issuer.ts"
import { type Client, type Group, makeClients, makeGroup, memberOf } from "../population.ts"
import { type ServerProcess, startServerProcess } from "../server-process.ts"
import type { Answers, Command, Listener, QueueOwner, Reader, Talker } from "./commands.ts"
import { type Generator, startGenerator } from "./generator-process.ts"

/**
 * A real server process, `cinder serve` as it is by default, which wants a token for each message; a load generator in
 * another; and groups that the server holds.
 */

/** Groups of whose members the first sends and all others listen. */
export interface Cast {
  readonly talkers: readonly Talker[]
  readonly listeners: readonly (Listener & QueueOwner)[]
}

export interface Setting {
  /** The server's, if not the usual one. */
  readonly command?: readonly string[]
  /** What else there is before it starts. */
  fill?(server: Homeserver): Promise<void>
}

export class Stage {
  readonly casts: readonly Cast[]
  #server: ServerProcess
  readonly #command: readonly string[] | undefined
  readonly #generator: Generator
  readonly #issuer: IssuerKey
  readonly #directory: string

  private constructor(
    directory: string,
    issuer: IssuerKey,
    casts: readonly Cast[],
    server: ServerProcess,
    command: readonly string[] | undefined,
    generator: Generator,
  ) {
    this.#directory = directory
    this.#issuer = issuer
    this.casts = casts
    this.#server = server
    this.#command = command
    this.#generator = generator
  }

  /** `groups`: for each cast the recipients of each of its groups. */
  static async set(groups: readonly (readonly number[])[], { command, fill }: Setting = {}): Promise<Stage> {
    const directory = temporaryDirectory()
    const casts = await makeCasts(directory, groups, fill)
    const issuer = await issuerKey(directory)
    const server = await startServerProcess(directory, "on", command)
    // The server refuses signatures of the second it was started in.
    await Bun.sleep(1100 - (Date.now() % 1000))
    return new Stage(directory, issuer, casts, server, command, startGenerator())
  }

  get server(): ServerProcess {
    return this.#server
  }

  /** Stops the server, whose streams end, and starts it again: after how many milliseconds it listens. */
  async startAgain(): Promise<number> {
    await this.#server.stop()
    this.#server = await startServerProcess(this.#directory, "on", this.#command)
    return this.#server.startMilliseconds
  }

  /** All recipients of a cast open their streams. */
  async listen(cast: Cast): Promise<void> {
    await this.#generator.ask({ kind: "listen", port: this.server.port, ...cast })
  }

  /** Microseconds of each round: of so many, or of those that began in time. */
  async rounds(
    rounds: number,
    atOnce: number,
    milliseconds = Number.POSITIVE_INFINITY,
  ): Promise<readonly number[]> {
    await this.#pay(rounds * atOnce)
    const { url } = this.server
    return (await this.#generator.ask({ kind: "rounds", url, rounds, atOnce, milliseconds })).times
  }

  /** `probes`: clients who open a stream meanwhile. */
  async arrivals(
    perSecond: number,
    seconds: number,
    probes: readonly Reader[] = [],
  ): Promise<Answers["arrivals"]> {
    await this.#pay(Math.round(perSecond * seconds))
    const { url, port } = this.server
    return await this.#generator.ask({
      kind: "arrivals",
      url,
      port,
      perSecond,
      seconds,
      probes,
    })
  }

  async hangUp(): Promise<void> {
    await this.ask({ kind: "hang-up" })
  }

  async ask<K extends Command["kind"]>(command: Extract<Command, { kind: K }>): Promise<Answers[K]> {
    return await this.#generator.ask(command)
  }

  async clear(): Promise<void> {
    await this.#generator.stop()
    await this.server.stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #pay(messages: number): Promise<void> {
    const tokens = Array.from({ length: messages }, () => makeToken(this.#issuer))
    await this.#generator.ask({ kind: "tokens", tokens })
  }
}

async function makeCasts(
  directory: string,
  groups: readonly (readonly number[])[],
  fill: Setting["fill"],
): Promise<Cast[]> {
  const server = await Homeserver.prepare(directory)
  try {
    await fill?.(server)
    const casts: Cast[] = []
    for (const sizes of groups) {
      const talkers: Talker[] = []
      const listeners: (Listener & QueueOwner)[] = []
      for (const [talker, recipients] of sizes.entries()) {
        const clients = await makeClients(server, recipients + 1)
        talkers.push(talkerOf(await makeGroup(server, clients, []), recipients))
        listeners.push(...listenersOf(clients.slice(1), talker))
      }
      casts.push({ talkers, listeners })
    }
    return casts
  } finally {
    await server.close()
  }
}

/** The first member of a group, who sends. */
export function talkerOf(group: Group, recipients: number): Talker {
  const { author, earKey } = group
  const { seed } = memberOf(group, 0)
  const { groupId, state } = author
  const { epoch } = state.context
  return { groupId, earKey, epoch, leaf: 0, seed, messageBytes: MESSAGE_BYTES, recipients }
}

export function listenersOf(clients: readonly Client[], talker: number): Cast["listeners"] {
  return clients.map(({ id, seed, queueSecret }) => ({ id, seed, queueSecret, talker }))
}

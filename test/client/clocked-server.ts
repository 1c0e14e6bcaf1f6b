import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { AuthoritySecrets } from "../../src/config/authority/secrets.ts"
import { type Config, resolveConfig } from "../../src/config/config.ts"
import { authorityOf } from "../../src/config/secrets.ts"
import { changeAuthority, readSecrets } from "../../src/config/secrets-file.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { type RunningServer, startServer } from "../../src/server.ts"
import { Person, type PersonOptions } from "./people.ts"

export const DOMAIN = "example.org"
const DAY_MILLISECONDS = 86_400_000

/**
 * A homeserver in this process, and a calendar for it and its clients that the test moves, ahead of the real one by the days
 * that passed. Its credentials are changed as an operator does it, in the secrets file.
 */
export class ClockedServer {
  readonly #directory = mkdtempSync(join(tmpdir(), "cinder-clocked-"))
  #ahead = 0
  #server: RunningServer | undefined
  readonly #config: Config

  private constructor(rateLimit: "on" | "off") {
    this.#config = resolveConfig({
      flags: { data: "data", domain: DOMAIN, port: 0, "rate-limit": rateLimit },
      environment: {},
      file: {},
      workingDirectory: this.#directory,
    }) as Config
  }

  /** Without a rate limit, requests need no tokens. */
  static async start(rateLimit: "on" | "off" = "on"): Promise<ClockedServer> {
    const server = new ClockedServer(rateLimit)
    server.#server = await startServer(server.#config, { clock: server.now })
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server?.port}`
  }

  /** Milliseconds since 1970. */
  readonly now = (): number => Date.now() + this.#ahead

  /** Seconds since 1970. */
  get seconds(): number {
    return Math.floor(this.now() / 1000)
  }

  /** The server does then what it does once a day. */
  passDays(days: number): void {
    this.#ahead += days * DAY_MILLISECONDS
    this.#server?.reload()
  }

  get authority(): AuthoritySecrets {
    return authorityOf(readSecrets(crypto, this.#config.secretsFile).secrets)
  }

  /** Changes the secrets file and has the running server read it. */
  changeAuthority(change: (authority: AuthoritySecrets, now: number) => AuthoritySecrets): void {
    changeAuthority(crypto, this.#config.secretsFile, (authority) => {
      return { authority: change(authority, this.seconds), result: undefined }
    })
    this.#server?.reload()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop()
    rmSync(this.#directory, { recursive: true })
  }
}

/** A person by the server's calendar, whose client looks after itself every second or so instead of every day. */
export function register(server: ClockedServer, name: string, options: PersonOptions = {}): Promise<Person> {
  return Person.register(server, name, {
    now: server.now,
    upkeepMilliseconds: 500,
    ...options,
  })
}

/** Waits for what happens by itself. */
export async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await Bun.sleep(20)
}

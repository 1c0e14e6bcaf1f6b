import { makeAliasPackage } from "../../src/wire/alias-package.ts"
import { as } from "../../src/wire/as.ts"
import type { Endpoint, Params } from "../../src/wire/endpoint.ts"
import { crypto } from "./fixtures.ts"
import type { OwnQueue } from "./visit.ts"
import { signedBy, type World } from "./world.ts"

export interface AliasOptions {
  /** The hash. */
  readonly alias?: Uint8Array
  readonly seed?: Uint8Array
  readonly queueSecret?: Uint8Array
  readonly packageCount?: number
}

/** An alias with fresh keys, as its owner has it; registered or not. */
export class OwnAlias implements OwnQueue {
  readonly alias: Uint8Array
  readonly seed: Uint8Array
  readonly queueSecret: Uint8Array
  readonly packages: Uint8Array[]
  readonly #world: World

  constructor(world: World, options: AliasOptions = {}) {
    this.#world = world
    this.alias = options.alias ?? crypto.random(32)
    this.seed = options.seed ?? crypto.random(32)
    this.queueSecret = options.queueSecret ?? crypto.random(32)
    this.packages = Array.from({ length: options.packageCount ?? 3 }, () => this.makePackage())
  }

  static async registered(world: World, options: AliasOptions = {}): Promise<OwnAlias> {
    const alias = new OwnAlias(world, options)
    await alias.register()
    return alias
  }

  /** What the server stores of it, its queue's id aside. */
  get publicParts(): Uint8Array[] {
    const { authKey, queueKey } = this.registration
    return [this.alias, authKey, queueKey, ...this.packages.map((body) => body.subarray(1, 33))]
  }

  get registration(): Params<typeof as.registerAlias> {
    return {
      authKey: crypto.ed25519Public(this.seed),
      queueKey: crypto.x25519Public(this.queueSecret),
      connectionPackages: this.packages,
    }
  }

  makePackage(secret = crypto.random(32)): Uint8Array {
    const encryptionKey = crypto.x25519Public(secret)
    return makeAliasPackage(crypto, this.alias, this.seed, encryptionKey, this.#world.seconds)
  }

  signed<E extends Endpoint>(endpoint: E, params: Params<E>) {
    return signedBy({ kind: "alias", id: this.alias }, endpoint, this.seed, params)
  }

  register(params = this.registration): Promise<object> {
    return this.#handlers.registerAlias(this.signed(as.registerAlias, params))
  }

  delete(): Promise<object> {
    return this.#handlers.deleteAlias(this.signed(as.deleteAlias, {}))
  }

  publish(connectionPackages: Uint8Array[]): Promise<object> {
    const call = this.signed(as.publishAliasConnectionPackages, { connectionPackages })
    return this.#handlers.publishAliasConnectionPackages(call)
  }

  async claim(): Promise<Uint8Array> {
    const { alias } = this
    return (await this.#handlers.claimAliasConnectionPackage({ alias })).connectionPackage
  }

  enqueue(message: Uint8Array): Promise<object> {
    return this.#handlers.enqueueAlias({ alias: this.alias, message })
  }

  readonly dequeue: OwnQueue["dequeue"] = (params) =>
    this.#handlers.dequeueAlias(this.signed(as.dequeueAlias, params))

  get #handlers() {
    return this.#world.service.handlers
  }
}

import { KEY_BYTES } from "../limits.ts"
import { hashAlias, normalizeAlias } from "../wire/alias.ts"
import { makeAliasPackage } from "../wire/alias-package.ts"
import { as } from "../wire/as.ts"
import { CodecError } from "../wire/tls.ts"
import { keep, makePackages, storedPackages } from "./connection-packages.ts"
import type { ClientContext } from "./context.ts"
import { ClientError } from "./errors.ts"
import { aliasInbox } from "./inbox.ts"
import type { Inboxes } from "./inboxes.ts"
import { Lock } from "./lock.ts"
import { pause, spreadMilliseconds } from "./pace.ts"
import { at, change, load, names, removal } from "./record-store.ts"
import { AliasRecord } from "./records.ts"
import { aliasSigner } from "./signers.ts"
import type { StoreChange } from "./store.ts"
import type { Tasks } from "./tasks.ts"

/** The normal form. Throws ClientError `client.invalid-alias`. */
export function parseAlias(typed: string): string {
  try {
    return normalizeAlias(typed)
  } catch (error) {
    throw error instanceof CodecError ? new ClientError("client.invalid-alias") : error
  }
}

/**
 * The aliases of a client. What the server is asked for is stored before, and goes when its answer is known, so that a crash
 * at any point is made good by {@link resume} or by asking again.
 */
export class Aliases {
  readonly #context: ClientContext
  readonly #inboxes: Inboxes
  readonly #lock = new Lock()

  constructor(context: ClientContext, inboxes: Inboxes) {
    this.#context = context
    this.#inboxes = inboxes
  }

  /** Takes up what was under way, at random times with this mean: nobody may learn which aliases belong together. */
  async resume(tasks: Tasks, mean: number): Promise<void> {
    for (const alias of await names(this.#context.store, "alias/")) {
      const { stage } = await this.#record(alias)
      if (stage === "registered") await this.#open(alias)
      else {
        tasks.start(async () => {
          await pause(spreadMilliseconds(mean), this.#context.signal)
          await this.#lock.run(() => (stage === "new" ? this.#finish(alias) : this.#finishDeletion(alias)))
        })
      }
    }
  }

  async list(): Promise<string[]> {
    const registered: string[] = []
    for (const alias of await names(this.#context.store, "alias/")) {
      if ((await this.#record(alias)).stage === "registered") registered.push(alias)
    }
    return registered
  }

  register(alias: string): Promise<void> {
    return this.#lock.run(async () => {
      const known = await load(this.#context.store, AliasRecord, at.alias(alias))
      if (known?.stage === "deleted") await this.#finishDeletion(alias)
      if (known?.stage === "registered") return
      if (known?.stage !== "new") await this.#begin(alias)
      await this.#finish(alias)
    })
  }

  delete(alias: string): Promise<void> {
    return this.#lock.run(async () => {
      const record = await this.#record(alias)
      await this.#write(alias, { ...record, stage: "deleted" })
      await this.#finishDeletion(alias)
    })
  }

  /** Gives all of them up, one by one, with random pauses of this mean in between. */
  async deleteAll(mean: number): Promise<void> {
    for (const alias of await names(this.#context.store, "alias/")) {
      await this.delete(alias)
      await pause(spreadMilliseconds(mean), this.#context.signal)
    }
  }

  /** Fresh keys, and all that is needed to register. */
  async #begin(alias: string): Promise<void> {
    const { crypto, store, transport, trust } = this.#context
    const hash = await hashAlias(alias, trust.aliasSalt)
    const authSeed = crypto.random(KEY_BYTES)
    const now = transport.now()
    const made = makePackages(crypto, alias, (key) => makeAliasPackage(crypto, hash, authSeed, key, now))
    const connectionPackages = made.map(({ bytes }) => bytes)
    const record = {
      hash,
      authSeed,
      queueKey: crypto.random(KEY_BYTES),
      connectionPackages,
      stage: "new" as const,
    }
    await store.transaction([change(AliasRecord, at.alias(alias), record), ...keep(made, "published")])
  }

  async #finish(alias: string): Promise<void> {
    const { crypto, transport } = this.#context
    const record = await this.#record(alias)
    const { authSeed, queueKey, connectionPackages } = record
    const keys = { authKey: crypto.ed25519Public(authSeed), queueKey: crypto.x25519Public(queueKey) }
    try {
      await transport.call(as.registerAlias, { ...keys, connectionPackages }, aliasSigner(record))
    } catch (error) {
      if (error instanceof ClientError && error.code === "as.alias-exists") await this.#forget(alias)
      throw error
    }
    await this.#write(alias, { ...record, connectionPackages: [], stage: "registered" })
    await this.#open(alias)
  }

  async #finishDeletion(alias: string): Promise<void> {
    const record = await this.#record(alias)
    await this.#inboxes.remove(alias)
    try {
      await this.#context.transport.call(as.deleteAlias, {}, aliasSigner(record))
    } catch (error) {
      // The server does not know these keys any more: an earlier attempt was carried out, or there never was such an alias.
      if (!(error instanceof ClientError) || error.code !== "auth.refused") throw error
    }
    await this.#forget(alias)
  }

  async #open(alias: string): Promise<void> {
    this.#inboxes.add(aliasInbox(this.#context, alias, await this.#record(alias)))
  }

  async #record(alias: string): Promise<AliasRecord> {
    const record = await load(this.#context.store, AliasRecord, at.alias(alias))
    if (record === undefined) throw new ClientError("client.unknown-alias")
    return record
  }

  async #write(alias: string, record: AliasRecord): Promise<void> {
    await this.#context.store.transaction([change(AliasRecord, at.alias(alias), record)])
  }

  async #forget(alias: string): Promise<void> {
    const { store } = this.#context
    const packages = await storedPackages(store, alias)
    const changes: StoreChange[] = packages.map(({ key }) => removal(key))
    await store.transaction([removal(at.alias(alias)), removal(at.aliasQueue(alias)), ...changes])
  }
}

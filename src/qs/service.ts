import type { Static } from "@sinclair/typebox"
import type { CryptoProvider } from "../crypto/provider.ts"
import type { Fanout } from "../fanout.ts"
import type { QueueEngine } from "../queue/engine.ts"
import type { QueueStream, StreamSink } from "../queue/stream.ts"
import type { Store } from "../store/database.ts"
import type { Handlers, SignedCall } from "../wire/call.ts"
import type { keys } from "../wire/qs/keys.ts"
import type { qs } from "../wire/qs.ts"
import type { StreamOpen } from "../wire/queue.ts"
import { addPackageHandlers } from "./add-packages.ts"
import { Authentication } from "./authentication.ts"
import { LocalFanout } from "./fanout.ts"
import type { QsParts, QsSecrets } from "./parts.ts"
import { QueueConfigs } from "./queue-configs.ts"
import { openStream, queueHandlers } from "./queues.ts"
import { userHandlers } from "./users.ts"

export interface QsOptions {
  readonly crypto: CryptoProvider
  readonly store: Store
  /** The engine over the table {@link QUEUE_TABLE}. */
  readonly engine: QueueEngine
  readonly secrets: QsSecrets
  readonly domain: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The queuing service as its surroundings see it. */
export interface Qs {
  readonly handlers: Handlers<typeof qs>
  readonly fanout: Fanout
  /**
   * Verifies who opens a stream, and begins it.
   *
   * @throws Problem `auth.refused`, `auth.replayed`
   */
  openStream(call: SignedCall<Static<typeof StreamOpen>>, sink: StreamSink): QueueStream
}

/** The queuing service (PROTOCOL.md section 6): knows pseudonyms only. */
export function createQs({ crypto, store, engine, secrets, domain, now }: QsOptions): Qs {
  const configs = new QueueConfigs(crypto, store, secrets, domain)
  const parts: QsParts = {
    crypto,
    store,
    engine,
    configs,
    authentication: new Authentication(crypto, store),
    seconds: () => Math.floor(now() / 1000),
    change: (effects) => store.writer.submit({ expects: [], effects }),
  }
  return {
    handlers: {
      ...keyHandlers(crypto, secrets),
      ...userHandlers(parts),
      ...addPackageHandlers(parts),
      ...queueHandlers(parts),
    },
    fanout: new LocalFanout(domain, engine, configs),
    openStream: (call, sink) => openStream(parts, call, sink),
  }
}

function keyHandlers(crypto: CryptoProvider, secrets: QsSecrets): Handlers<typeof keys> {
  const published = {
    configKey: crypto.x25519Public(secrets.configSecretKeys.at(-1) as Uint8Array),
    signingKey: crypto.ed25519Public(secrets.signingSeed),
  }
  return {
    async publicKeys() {
      return published
    },
  }
}

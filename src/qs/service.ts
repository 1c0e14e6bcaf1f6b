import type { Static } from "@sinclair/typebox"
import type { CryptoProvider } from "../crypto/provider.ts"
import type { Fanout } from "../fanout.ts"
import type { QueueEngine } from "../queue/engine.ts"
import { monthOf } from "../queue/month.ts"
import type { QueueStream, StreamSink } from "../queue/stream.ts"
import { claimLimits, Quota, type QuotaLimits } from "../quota.ts"
import type { Store } from "../store/database.ts"
import type { Handlers, SignedCall } from "../wire/call.ts"
import type { keys } from "../wire/qs/keys.ts"
import type { qs } from "../wire/qs.ts"
import type { StreamOpen } from "../wire/queue.ts"
import { addPackageHandlers } from "./add-packages.ts"
import { Authentication } from "./authentication.ts"
import { BlockLists } from "./block-lists.ts"
import { blockHandlers } from "./blocks.ts"
import { ClientStates } from "./client-state.ts"
import { clientHandlers } from "./clients.ts"
import { LocalFanout } from "./fanout.ts"
import type { QsParts, QsSecrets } from "./parts.ts"
import { Presence } from "./presence.ts"
import { QueueConfigs } from "./queue-configs.ts"
import { openStream, queueHandlers } from "./queues.ts"
import { ClientSweep } from "./sweep.ts"
import { userHandlers } from "./users.ts"

export interface QsOptions {
  readonly crypto: CryptoProvider
  readonly store: Store
  /** The engine over the table {@link QUEUE_TABLE}. */
  readonly engine: QueueEngine
  readonly secrets: QsSecrets
  readonly domain: string
  /** Whole months for which a client may stay away. */
  readonly retentionMonths: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly claimLimits?: QuotaLimits
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
  /** Removes clients that are taken for gone. To be called about once a day. */
  sweep(): Promise<void>
}

/** The queuing service (PROTOCOL.md section 6): knows pseudonyms only. */
export function createQs(options: QsOptions): Qs {
  const { crypto, store, engine, secrets, domain, now } = options
  const month = () => monthOf(now())
  const states = new ClientStates(crypto, secrets.slotKeys, options.retentionMonths)
  const configs = new QueueConfigs(crypto, store, states, secrets, domain)
  const blockLists = new BlockLists(crypto, states)
  const parts: QsParts = {
    crypto,
    store,
    engine,
    configs,
    states,
    blockLists,
    authentication: new Authentication(crypto, store, new Presence(store, states, month)),
    claims: new Quota(crypto, now, options.claimLimits ?? claimLimits),
    seconds: () => Math.floor(now() / 1000),
    month,
    change: (effects) => store.writer.submit({ expects: [], effects }),
  }
  const clientSweep = new ClientSweep(parts)
  return {
    handlers: {
      ...keyHandlers(crypto, secrets),
      ...userHandlers(parts),
      ...clientHandlers(parts),
      ...addPackageHandlers(parts),
      ...blockHandlers(parts),
      ...queueHandlers(parts),
    },
    fanout: new LocalFanout(domain, engine, configs, blockLists),
    openStream: (call, sink) => openStream(parts, call, sink),
    sweep: () => clientSweep.run(),
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

import type { Static } from "@sinclair/typebox"
import type { CryptoProvider } from "../crypto/provider.ts"
import type { Fanout } from "../fanout.ts"
import {
  PUSH_DELAY_MILLISECONDS_MAX,
  PUSH_DELAY_MILLISECONDS_MIN,
  PUSH_INTERVAL_MILLISECONDS_MAX,
  PUSH_INTERVAL_MILLISECONDS_MIN,
} from "../limits.ts"
import { monthOf } from "../month.ts"
import { Outgoing, type OutgoingOptions } from "../outgoing/post.ts"
import type { QueueEngine } from "../queue/engine.ts"
import type { QueueStream, StreamSink } from "../queue/stream.ts"
import { claimLimits, Quota, type QuotaLimits } from "../quota.ts"
import type { Handlers, SignedCall } from "../wire/call.ts"
import type { qs } from "../wire/qs.ts"
import type { StreamOpen } from "../wire/queue.ts"
import { addPackageHandlers } from "./add-packages.ts"
import { Authentication } from "./authentication.ts"
import { BlockLists } from "./block-lists.ts"
import { blockHandlers } from "./blocks.ts"
import { ClientStates } from "./client-state.ts"
import { clientHandlers } from "./clients.ts"
import { LocalFanout } from "./fanout.ts"
import { keyHandlers } from "./keys.ts"
import type { QsParts, QsSecrets, QsStore } from "./parts.ts"
import { Presence } from "./presence.ts"
import { Pushes } from "./push/pushes.ts"
import type { PushPace } from "./push/scheduler.ts"
import { Vapid } from "./push/vapid.ts"
import { WebPush } from "./push/web-push.ts"
import { QueueConfigs } from "./queue-configs.ts"
import { openStream, queueHandlers } from "./queues.ts"
import { ClientSweep } from "./sweep.ts"
import { userHandlers } from "./users.ts"

export interface QsOptions {
  readonly crypto: CryptoProvider
  readonly store: QsStore
  /** The engine over the same store and the table `qs_queue`. */
  readonly engine: QueueEngine
  readonly secrets: QsSecrets
  readonly domain: string
  /** Whole months for which a client may stay away. */
  readonly retentionMonths: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly claimLimits?: QuotaLimits
  /** Requests to push services. */
  readonly outgoing: OutgoingOptions
  readonly pushPace?: PushPace
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
  /** Sends no more pushes, and overwrites keys that are in memory only. */
  stop(): void
}

const pushPace: PushPace = {
  delay: [PUSH_DELAY_MILLISECONDS_MIN, PUSH_DELAY_MILLISECONDS_MAX],
  interval: [PUSH_INTERVAL_MILLISECONDS_MIN, PUSH_INTERVAL_MILLISECONDS_MAX],
}

/** The queuing service (docs/protocol.md section 6): knows pseudonyms only. */
export function createQs(options: QsOptions): Qs {
  const { crypto, store, engine, secrets, domain, now } = options
  const month = () => monthOf(now())
  const seconds = () => Math.floor(now() / 1000)
  const states = new ClientStates(crypto, options.retentionMonths)
  const configs = new QueueConfigs(crypto, store, secrets, domain)
  const blockLists = new BlockLists(crypto)
  const vapid = new Vapid(crypto, secrets.pushSeed, `https://${domain}`, seconds)
  const webPush = new WebPush(new Outgoing(options.outgoing), vapid)
  const pace = options.pushPace ?? pushPace
  const pushes = new Pushes({ crypto, store, engine, configs, webPush, pace })
  const parts: QsParts = {
    crypto,
    store,
    engine,
    configs,
    states,
    blockLists,
    pushes,
    authentication: new Authentication(crypto, store, new Presence(store, states, month)),
    claims: new Quota(crypto, now, options.claimLimits ?? claimLimits),
    seconds,
    month,
    change: (effects) => store.writer.submit({ expects: [], effects }),
  }
  const clientSweep = new ClientSweep(parts)
  return {
    handlers: {
      ...keyHandlers(crypto, secrets, vapid.publicKey),
      ...userHandlers(parts),
      ...clientHandlers(parts),
      ...addPackageHandlers(parts),
      ...blockHandlers(parts),
      ...queueHandlers(parts),
    },
    fanout: new LocalFanout({ domain, engine, configs, blockLists, pushes }),
    openStream: (call, sink) => openStream(parts, call, sink),
    sweep: () => clientSweep.run(),
    stop() {
      pushes.stop()
      vapid.wipe()
      parts.claims.forget()
    },
  }
}

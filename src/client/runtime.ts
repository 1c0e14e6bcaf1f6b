import { portableCrypto } from "../crypto/portable.ts"
import { DELIVERY_RECEIPT_MEMBERS_MAX } from "../limits.ts"
import { toHex } from "../wire/bytes.ts"
import { decodeQueueMessage, type QueueMessage } from "../wire/queue-message.ts"
import { CodecError } from "../wire/tls.ts"
import { Aliases } from "./aliases.ts"
import { sendRequest } from "./asking.ts"
import { BlockedGroups } from "./blocked-groups.ts"
import { BlockedUsers } from "./blocked-users.ts"
import { Blocking } from "./blocking.ts"
import { payFriendship } from "./connections.ts"
import type { ClientContext } from "./context.ts"
import { ClientError } from "./errors.ts"
import { EventLog } from "./events.ts"
import { FriendshipRotation } from "./friendship-rotation.ts"
import { commitRemovals } from "./group-changes.ts"
import { finishPending } from "./group-operations.ts"
import type { GroupSession } from "./group-session.ts"
import { Identity } from "./identity.ts"
import { userInbox } from "./inbox.ts"
import { Inboxes } from "./inboxes.ts"
import { takeMessages } from "./incoming.ts"
import { takeWelcome } from "./joining.ts"
import { hasRemovals } from "./leaf-renewal.ts"
import { ownMembership } from "./mls/own-membership.ts"
import type { ClientOptions } from "./options.ts"
import { pause, spreadMilliseconds } from "./pace.ts"
import { Profiles } from "./profiles.ts"
import { Push } from "./push.ts"
import { type MessageName, ReceiptSender } from "./receipt-sender.ts"
import { at, load, names } from "./record-store.ts"
import { Account } from "./records.ts"
import { register } from "./registration.ts"
import { Sessions } from "./sessions.ts"
import { queueSigner } from "./signers.ts"
import type { StoreChange } from "./store.ts"
import { QueueStream } from "./stream.ts"
import { Tasks } from "./tasks.ts"
import { type Fetch, Transport } from "./transport.ts"
import { Trust } from "./trust.ts"
import { trustEvents } from "./trust-events.ts"
import { Upkeep } from "./upkeep.ts"
import { Wallet } from "./wallet.ts"

const RECEIPT_MILLISECONDS = 5_000
const PATIENCE_MILLISECONDS = 120_000
const SPREAD_MILLISECONDS = 300
const UPKEEP_MILLISECONDS = 86_400_000
/** What was held up for many groups is not made up for in all of them at once: so many mean pauses, on average. */
const PAYMENT_PAUSES = 10

/**
 * All that a client consists of while it runs, and what it does by itself: it receives, finishes what a crash held up, and does
 * its chores at random times. What applications ask of it is in client.ts.
 */
export class Runtime {
  readonly context: ClientContext
  readonly sessions: Sessions
  readonly inboxes: Inboxes
  readonly aliases: Aliases
  readonly profiles: Profiles
  readonly rotation: FriendshipRotation
  readonly blocking: Blocking
  readonly push: Push
  readonly blockedGroups: BlockedGroups
  readonly receipts: ReceiptSender
  /** Mean of the random pauses between steps. */
  readonly spreadMilliseconds: number
  readonly #tasks: Tasks
  readonly #upkeep: Upkeep
  readonly #abort: AbortController
  readonly #deliveryReceipts: boolean
  readonly #running: Promise<void>[] = []
  #live = false
  readonly #liveListeners = new Set<() => void>()

  private constructor(
    context: ClientContext,
    sessions: Sessions,
    tasks: Tasks,
    inboxes: Inboxes,
    blockedGroups: BlockedGroups,
    upkeep: Upkeep,
    abort: AbortController,
    spread: number,
    { receiptMilliseconds = RECEIPT_MILLISECONDS, deliveryReceipts = false }: ClientOptions,
  ) {
    this.context = context
    this.sessions = sessions
    this.#tasks = tasks
    this.#upkeep = upkeep
    this.#abort = abort
    this.spreadMilliseconds = spread
    this.inboxes = inboxes
    this.aliases = new Aliases(context, inboxes)
    this.profiles = new Profiles(context)
    this.push = new Push(context)
    this.blockedGroups = blockedGroups
    this.receipts = new ReceiptSender({
      tasks,
      signal: context.signal,
      meanMilliseconds: receiptMilliseconds,
      isBlocked: (group) => blockedGroups.has(group),
    })
    this.#deliveryReceipts = deliveryReceipts
    this.rotation = new FriendshipRotation({
      context,
      sessions,
      tasks,
      spreadMilliseconds: spread,
      publish: () => upkeep.publishAddPackages(),
      renewProfile: () => this.profiles.renew(),
      pay: (group, mean) => this.payLater(group, mean),
    })
    this.blocking = new Blocking({ context, sessions, tasks, rotation: this.rotation })
  }

  /**
   * Registers a new client, or picks up the one in the store, whatever it was doing when it stopped, and begins to
   * receive. Throws ClientError `as.invitation-required`, `as.invalid-invitation`, `client.damaged-store`.
   */
  static async open(options: ClientOptions): Promise<Runtime> {
    const { url, asUrl = url, store, crypto = portableCrypto, displayName = "" } = options
    const { patienceMilliseconds = PATIENCE_MILLISECONDS } = options
    const spread = options.spreadMilliseconds ?? SPREAD_MILLISECONDS
    const abort = new AbortController()
    const { signal } = abort
    const fetch: Fetch = options.fetch ?? ((address, request) => globalThis.fetch(address, request))
    const { now = Date.now } = options
    const transport = new Transport({ url, asUrl, crypto, signal, patienceMilliseconds, fetch, now })
    try {
      const known = await load(store, Account, at.account)
      const domain = known?.domain ?? options.domain ?? (await transport.discoverDomain())
      const tasks = new Tasks(signal)
      const walletParts = { crypto, store, domain, transport, tasks, signal, spreadMilliseconds: spread }
      const wallet = await Wallet.open(walletParts)
      transport.payWith(wallet)
      const membership = ownMembership(crypto, () => BigInt(transport.now()))
      const trust = await Trust.open({ domain, store, transport, crypto })
      const account = await register({
        crypto,
        membership,
        store,
        transport,
        trust,
        domain,
        displayName,
        password: options.password,
        invitation: options.invitation,
        signal,
        spreadMilliseconds: spread,
      })
      const events = await EventLog.open(store, signal)
      const identity = new Identity({ crypto, store, transport, trust }, account)
      trust.listen((before, after) => events.record(trustEvents(crypto, identity, before, after)))
      const context: ClientContext = {
        get account() {
          return identity.account
        },
        identity,
        crypto,
        membership,
        store,
        transport,
        trust,
        events,
        blocked: await BlockedUsers.open(store),
        signal,
        patienceMilliseconds,
      }
      const sessions = await Sessions.load(context)
      const inboxes = new Inboxes({
        context,
        tasks,
        spreadMilliseconds: spread,
        pollMilliseconds: options.requestPollMilliseconds,
      })
      const blockedGroups = await BlockedGroups.open(context, sessions)
      const upkeep = await Upkeep.open(context, sessions, inboxes, {
        periodMilliseconds: options.upkeepMilliseconds ?? UPKEEP_MILLISECONDS,
        isBlocked: (group) => blockedGroups.has(group),
        rotateFriendship: () => runtime.rotation.begin(),
        spreadMilliseconds: spread,
      })
      const runtime = new Runtime(
        context,
        sessions,
        tasks,
        inboxes,
        blockedGroups,
        upkeep,
        abort,
        spread,
        options,
      )
      await runtime.#begin(options)
      wallet.replenish()
      return runtime
    } catch (error) {
      abort.abort()
      throw error
    }
  }

  /** Whether everything that waited was received and messages now come as they are sent. */
  get live(): boolean {
    return this.#live
  }

  /** Resolves as soon as {@link live} holds. */
  async caughtUp(): Promise<void> {
    const { signal } = this.context
    while (!this.#live) {
      if (signal.aborted) throw new ClientError("client.closed")
      await new Promise<void>((resolve) => this.#liveListeners.add(resolve))
    }
  }

  /** Stops everything; what is under way is finished when the store is opened again. */
  async close(): Promise<void> {
    this.#abort.abort()
    this.#tell(false)
    await Promise.all(this.#running)
    await this.inboxes.finished()
    await this.#tasks.finished()
  }

  async #begin({ url, webSocket }: ClientOptions): Promise<void> {
    const context = this.context
    const { account, crypto, transport, store, signal } = context
    const stream = new QueueStream({
      url,
      crypto,
      transport,
      signer: queueSigner(account),
      queueSecretKey: account.queueKey,
      store,
      stateKey: at.queue,
      signal,
      deliver: (message, progress) => this.#deliver(message, progress),
      onLive: (live) => this.#tell(live),
      webSocket: webSocket ?? ((address) => new WebSocket(address)),
    })
    this.#running.push(stream.run(), this.#upkeep.run())
    for (const session of this.sessions.all()) {
      this.#tasks.start(() => finishPending(session))
      this.payLater(session.id, PAYMENT_PAUSES * this.spreadMilliseconds)
      this.#tidyLater(session)
      this.receipts.tellLater(session)
    }
    for (const name of await names(store, "outgoing/")) this.#tasks.start(() => sendRequest(context, name))
    this.rotation.goOn()
    this.blocking.resume()
    this.blockedGroups.resume(this.#tasks, this.spreadMilliseconds)
    this.inboxes.add(userInbox(context))
    await this.aliases.resume(this.#tasks, this.spreadMilliseconds)
    for (const part of [this.profiles, this.push]) {
      this.#tasks.start(async () => {
        await pause(spreadMilliseconds(this.spreadMilliseconds), signal)
        await part.resume()
      })
    }
    this.#replenishLater()
  }

  async #deliver(bytes: Uint8Array, progress: StoreChange): Promise<void> {
    let message: QueueMessage
    try {
      message = decodeQueueMessage(bytes)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      await this.context.store.transaction([progress])
      return
    }
    const id = toHex(message.groupId)
    if (this.blockedGroups.has(id)) {
      await this.context.store.transaction([progress])
      return
    }
    const session = this.sessions.get(id)
    if (message.type === "welcome") {
      if (await takeWelcome(session, message.bundle, progress)) this.#replenishLater()
    } else {
      const messages = message.type === "mls" ? [message.message] : message.proposals
      await takeMessages(session, messages, progress)
      if (session.current?.facts.owesFriendship === true) this.payLater(id)
      this.#tidyLater(session)
    }
    this.sessions.drop(id)
  }

  /** The application is done with a message; says so in its group, if it is to. */
  async confirmDelivery(event: MessageName & { readonly group: string }): Promise<void> {
    if (!this.#deliveryReceipts) return
    const session = this.sessions.get(event.group)
    const { current } = session
    if (current === undefined || current.facts.members.length > DELIVERY_RECEIPT_MEMBERS_MAX) return
    try {
      await this.receipts.acknowledge(session, event, "delivered")
    } catch (error) {
      // The sender, or this client, is not in the group any more.
      if (!(error instanceof ClientError)) throw error
    }
  }

  /** Sends the friendship package in a connection group if it is owed, some time later. */
  payLater(id: string, mean = this.spreadMilliseconds): void {
    this.#tasks.start(async () => {
      const session = this.sessions.get(id)
      if (session.current?.facts.owesFriendship !== true) return
      await pause(spreadMilliseconds(mean), this.context.signal)
      await payFriendship(session)
    })
  }

  /** Somebody has to commit that others leave. Each member waits the longer, the more there are; the first does it for all. */
  #tidyLater(session: GroupSession): void {
    const { current } = session
    if (current === undefined || !hasRemovals(current)) return
    const mean = this.spreadMilliseconds * current.facts.members.length
    this.#tasks.start(async () => {
      await pause(spreadMilliseconds(mean), this.context.signal)
      await commitRemovals(session)
    })
  }

  #replenishLater(): void {
    this.#tasks.start(async () => {
      await pause(spreadMilliseconds(this.spreadMilliseconds), this.context.signal)
      await this.#upkeep.replenishAddPackages()
    })
  }

  #tell(live: boolean): void {
    this.#live = live
    for (const listener of this.#liveListeners) listener()
    this.#liveListeners.clear()
  }
}

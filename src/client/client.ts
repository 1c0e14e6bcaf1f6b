import { portableCrypto } from "../crypto/portable.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { DELIVERY_RECEIPT_MEMBERS_MAX } from "../limits.ts"
import { toHex } from "../wire/bytes.ts"
import type { Profile } from "../wire/profile.ts"
import { decodeQueueMessage, type QueueMessage } from "../wire/queue-message.ts"
import { CodecError } from "../wire/tls.ts"
import { deleteAtAs, forgetEverything } from "./account-deletion.ts"
import { Aliases, parseAlias } from "./aliases.ts"
import { askAlias, askUser, sendRequest } from "./asking.ts"
import { BlockedGroups } from "./blocked-groups.ts"
import { BlockedUsers } from "./blocked-users.ts"
import { Blocking } from "./blocking.ts"
import type { ClientEvent } from "./client-event.ts"
import { acceptRequest, declineRequest, payFriendship } from "./connections.ts"
import { type ClientContext, ownUser } from "./context.ts"
import { ClientError } from "./errors.ts"
import { EventLog } from "./events.ts"
import { FriendshipRotation } from "./friendship-rotation.ts"
import { Group } from "./group.ts"
import { commitRemovals } from "./group-changes.ts"
import { createGroup } from "./group-creation.ts"
import { finishPending } from "./group-operations.ts"
import type { GroupSession } from "./group-session.ts"
import { Identity } from "./identity.ts"
import { userInbox } from "./inbox.ts"
import { Inboxes } from "./inboxes.ts"
import { takeMessages } from "./incoming.ts"
import { takeWelcome } from "./joining.ts"
import { hasRemovals } from "./leaf-renewal.ts"
import { ownRecord } from "./leaves.ts"
import { ownMembership } from "./mls/own-membership.ts"
import { pause, spreadMilliseconds } from "./pace.ts"
import { Profiles } from "./profiles.ts"
import { Push, type PushTarget } from "./push.ts"
import { type MessageName, ReceiptSender } from "./receipt-sender.ts"
import { Account, at, load, names } from "./records.ts"
import { register } from "./registration.ts"
import { safetyNumber } from "./safety-number.ts"
import { Sessions } from "./sessions.ts"
import { queueSigner } from "./signers.ts"
import type { ClientStore, StoreChange } from "./store.ts"
import { QueueStream } from "./stream.ts"
import { Tasks } from "./tasks.ts"
import { type Fetch, Transport } from "./transport.ts"
import { type Root, Trust } from "./trust.ts"
import { trustEvents } from "./trust-events.ts"
import { Upkeep } from "./upkeep.ts"
import { Wallet } from "./wallet.ts"

/** What a client is made with. Only `url` and `store` are needed. */
export interface ClientOptions {
  /** Where the homeserver is, `https://chat.example.org`. */
  readonly url: string
  /**
   * Another address of the same server, for what is done under the user's own name: so that browsers, which share an HTTP/2
   * connection for everything that goes to one origin, take another one for the rest, which is done under pseudonyms. Default: `url`.
   */
  readonly asUrl?: string
  /** The homeserver's domain, for a new client; by default what its discovery document says. */
  readonly domain?: string
  /** Where all of its state is kept. Empty: a new client of a new user. It belongs to this client alone, as long as it is open. */
  readonly store: ClientStore
  /** Default: `portableCrypto`, which runs everywhere; Bun applications pass `nativeCrypto`. */
  readonly crypto?: CryptoProvider
  /** Kept with a new account, for {@link Client.displayName}; nobody else sees it. */
  readonly displayName?: string
  /**
   * The second factor of a new account, asked for again when it is deleted. Without one the client makes a secret and keeps
   * it in its store. Stretching a password takes 64 MiB and up to a second, in which the thread does nothing else.
   */
  readonly password?: string
  /** A code, for a new account on a server that wants one. */
  readonly invitation?: string
  /** How long an operation may go on trying while the server does not answer. Default: two minutes. */
  readonly patienceMilliseconds?: number
  /** Mean of the random pauses between steps that the client takes by itself. Default: 300. */
  readonly spreadMilliseconds?: number
  /**
   * Mean of the random time between looks into each connection queue, the user's and those of the aliases; without it only
   * {@link Client.pollConnectionRequests} looks.
   */
  readonly requestPollMilliseconds?: number
  /**
   * Mean of the random time between two questions whether the AS has revoked or replaced something; credentials and
   * packages are renewed in the same rhythm when they are due. Default: a day.
   */
  readonly upkeepMilliseconds?: number
  /** Mean of the random time for which receipts are gathered before a group is told. Default: 5 seconds. */
  readonly receiptMilliseconds?: number
  /**
   * Says by itself that messages were delivered once the application's handler has resolved, in groups of at most
   * {@link DELIVERY_RECEIPT_MEMBERS_MAX} members. Default: false. A receipt shows everybody in the group when one's client is
   * running, and the server that something was sent a little later.
   */
  readonly deliveryReceipts?: boolean
  /** Instead of the runtime's own, to go through a proxy. */
  readonly fetch?: Fetch
  /** The same for the connection over which messages come. */
  readonly webSocket?: (url: URL) => WebSocket
  /** This device's clock, in milliseconds since 1970. Default: the runtime's. */
  readonly now?: () => number
}

const RECEIPT_MILLISECONDS = 5_000
const PATIENCE_MILLISECONDS = 120_000
const SPREAD_MILLISECONDS = 300
const UPKEEP_MILLISECONDS = 86_400_000
/** What was held up for many groups is not made up for in all of them at once: so many mean pauses, on average. */
const PAYMENT_PAUSES = 10

/**
 * One client of one user on a homeserver. All of its state is in its store; a new object over the same store goes on.
 *
 * Whatever asks the server throws ClientError: `client.unreachable` when the server does not answer for as long as
 * {@link ClientOptions.patienceMilliseconds} says, `client.closed` after {@link Client.close}, and what its own description names.
 * Whatever touches the store throws what the store does.
 */
export class Client {
  readonly #context: ClientContext
  readonly #sessions: Sessions
  readonly #tasks: Tasks
  readonly #upkeep: Upkeep
  readonly #abort: AbortController
  readonly #spread: number
  readonly #inboxes: Inboxes
  readonly #aliases: Aliases
  readonly #profiles: Profiles
  readonly #rotation: FriendshipRotation
  readonly #blocking: Blocking
  readonly #push: Push
  readonly #blockedGroups: BlockedGroups
  readonly #receipts: ReceiptSender
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
    this.#context = context
    this.#sessions = sessions
    this.#tasks = tasks
    this.#upkeep = upkeep
    this.#abort = abort
    this.#spread = spread
    this.#inboxes = inboxes
    this.#aliases = new Aliases(context, inboxes)
    this.#profiles = new Profiles(context)
    this.#push = new Push(context)
    this.#blockedGroups = blockedGroups
    this.#receipts = new ReceiptSender({
      tasks,
      signal: context.signal,
      meanMilliseconds: receiptMilliseconds,
      isBlocked: (group) => blockedGroups.has(group),
    })
    this.#deliveryReceipts = deliveryReceipts
    this.#rotation = new FriendshipRotation({
      context,
      sessions,
      tasks,
      spreadMilliseconds: spread,
      publish: () => upkeep.publishAddPackages(),
      renewProfile: () => this.#profiles.renew(),
      pay: (group, mean) => this.#payLater(group, mean),
    })
    this.#blocking = new Blocking({ context, sessions, tasks, rotation: this.#rotation })
  }

  /**
   * Registers a new client, or picks up the one in the store, whatever it was doing when it stopped, and begins to
   * receive. Throws ClientError `as.invitation-required`, `as.invalid-invitation`, `client.damaged-store`.
   */
  static async create(options: ClientOptions): Promise<Client> {
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
        rotateFriendship: () => client.rotateFriendship(),
        spreadMilliseconds: spread,
      })
      const client = new Client(
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
      await client.#begin(options)
      wallet.replenish()
      return client
    } catch (error) {
      abort.abort()
      throw error
    }
  }

  /** Own user id, `uuid@domain`. */
  get userId(): string {
    return ownUser(this.#context)
  }

  /** As it was given at the registration. What contacts see is the {@link profile}. */
  get displayName(): string {
    return this.#context.account.displayName
  }

  /**
   * Hands events over, one after the other; the next one waits until the handler's promise resolves, and an event whose
   * handler rejects is handed over again. The same event comes twice only after a crash, under the same number.
   */
  onEvent(handler: (event: ClientEvent) => void | Promise<void>): void {
    this.#context.events.deliverTo(async (event, number) => {
      if (event.type !== "connection-request") {
        await handler({ ...event, number })
        if (event.type === "message" && this.#deliveryReceipts) await this.#confirmDelivery(event)
        return
      }
      if (this.#context.blocked.has(event.from)) return
      const accept = (): Promise<void> => this.acceptConnection(event.request)
      await handler({ ...event, number, accept })
    })
  }

  /**
   * Asks a user, by `uuid@domain`, to become a contact; `connected` comes when the other has accepted. Throws ClientError
   * `client.blocked`, `as.no-connection-package`.
   */
  connect(user: string): Promise<void> {
    return askUser(this.#context, this.#sessions, user)
  }

  /**
   * Asks whoever has an alias to become a contact; `connected` says who that is, verified up to the root like everybody.
   * That somebody has an alias is nobody's word but the server's: compare the user, or safety numbers, another way.
   * Throws ClientError `client.invalid-alias`, `as.no-connection-package` if nobody has it.
   */
  async connectByAlias(alias: string): Promise<void> {
    await askAlias(this.#context, this.#sessions, parseAlias(alias))
  }

  /**
   * Registers an alias, under which others can ask for a connection without knowing the user id. Nothing that the server has
   * of it is shared with the user or another alias. Throws ClientError `client.invalid-alias`, `as.alias-exists`.
   */
  async registerAlias(alias: string): Promise<void> {
    await this.#aliases.register(parseAlias(alias))
  }

  /** Gives an own alias up: from then on anybody can register it. Throws ClientError `client.unknown-alias`. */
  async deleteAlias(alias: string): Promise<void> {
    await this.#aliases.delete(parseAlias(alias))
  }

  /** The own aliases, in their normal form. */
  aliases(): Promise<string[]> {
    return this.#aliases.list()
  }

  /**
   * Looks for connection requests once, with random pauses between the queues of the user and of the aliases; each becomes an
   * event.
   */
  pollConnectionRequests(): Promise<void> {
    return this.#inboxes.pollAll()
  }

  /**
   * Accepts a connection request that an event named: joins the other's connection group. `connected` follows. Throws ClientError
   * `client.unknown-request` if it was declined, `client.invalid` if who waits there is not who asked.
   */
  async acceptConnection(request: string): Promise<void> {
    await acceptRequest(this.#context, this.#sessions, request)
    this.#payLater(request)
  }

  /** Forgets a connection request that an event named. Nobody is told; the other goes on waiting. */
  async declineConnection(request: string): Promise<void> {
    await declineRequest(this.#context, request)
  }

  /**
   * Sets what contacts see of this user. Throws ClientError `request.too-large` if the name has more than 256 bytes, or the
   * avatar more than 7680.
   */
  async updateProfile(profile: {
    readonly displayName: string
    readonly avatar?: Uint8Array
  }): Promise<void> {
    const { displayName, avatar = new Uint8Array(0) } = profile
    await this.#profiles.update({ displayName, avatar: avatar.slice() })
  }

  /**
   * A contact's profile, or the own. Undefined: the user has set none, or the server gave out something else. It is what the
   * user made; but the server can give out an older one. Throws ClientError `client.unknown-contact`, `as.unknown-user`.
   */
  profile(user: string): Promise<Profile | undefined> {
    return this.#profiles.of(user)
  }

  /**
   * The server's key to subscribe with at a push service (`applicationServerKey` in browsers, RFC 8292): a point of P-256,
   * 65 bytes. Throws ClientError.
   */
  pushKey(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#push.key()
  }

  /**
   * Has the device's push service wake it when something comes while this client does not run: `target` is what the browser's
   * PushManager gave; null ends it. Resolves when the server knows; what a crash held up is done at the next start. The server
   * forgets a subscription that the push service says is gone.
   *
   * Pushes are empty. The push service learns when this device gets something, to within some seconds, and from which server.
   *
   * Throws ClientError `client.invalid-push-endpoint`.
   */
  async subscribeToPush(target: PushTarget | null): Promise<void> {
    await this.#push.subscribe(target)
  }

  /** User ids of those who are contacts and not blocked, in ascending order. */
  async contacts(): Promise<string[]> {
    const { store, blocked } = this.#context
    return (await names(store, "contact/")).filter((user) => !blocked.has(user))
  }

  /**
   * Gives all contacts another friendship token and other keys, so that whoever else got hold of the present ones can neither
   * claim AddPackages nor read the profile. Resolves when it is stored; the rest follows by itself at random times, the
   * profile last, within hours. A client does this by itself about every three months.
   *
   * Until a contact's client has been there and got the new ones it cannot add this user to a group.
   */
  rotateFriendship(): Promise<void> {
    return this.#rotation.begin()
  }

  /**
   * Blocks a user: it is no contact any more, its connection requests and its attempts to add this user to a group are
   * dropped, also with AddPackages that it claimed before, and what it could do as a contact it can do no longer: the
   * connection group is left, and the friendship is rotated. Resolves when that is stored; the rest follows by itself.
   *
   * Nobody is told. The other can find out, as the AddPackages and the profile are not there for it any more. Groups
   * that both are members of go on, as well as what others do there.
   *
   * Throws ClientError `client.invalid` if it is nobody else's user id.
   */
  block(user: string): Promise<void> {
    return this.#blocking.block(user)
  }

  /**
   * Takes a user off the list, and no more: to be contacts again, one has to ask the other. Throws ClientError
   * `client.unreachable` if the server does not answer while there is something left of the connection.
   */
  unblock(user: string): Promise<void> {
    return this.#blocking.unblock(user)
  }

  /** Users that are blocked. */
  blocked(): string[] {
    return this.#context.blocked.list()
  }

  /**
   * The number to compare with a contact or a member of a group of one's own: 60 digits, the same on both sides unless
   * somebody stands between them (safety-number.ts). It covers every key that the user has in any of the own groups.
   * Throws ClientError `client.unknown-contact`.
   */
  safetyNumber(user: string): string {
    const { crypto, account } = this.#context
    const members = this.#sessions.all().flatMap(({ state }) => state.facts.members)
    const clients = members.filter((member) => member.user === user)
    if (clients.length === 0 || user === this.userId) throw new ClientError("client.unknown-contact")
    const own = ownRecord(crypto, account, 0)
    return safetyNumber(crypto, { user: this.userId, clients: [own] }, { user, clients })
  }

  /** The roots of the own domain, to compare with what others see or the operator says. */
  roots(): Root[] {
    return this.#context.trust.roots
  }

  /**
   * Trusts roots that an `unknown-root` event named, once the user has compared them; by their fingerprints in
   * hexadecimal. Throws ClientError `client.invalid` if the server does not show such a root.
   */
  trustRoots(fingerprints: readonly string[]): Promise<void> {
    return this.#context.trust.trustRoots(fingerprints)
  }

  /** Creates a group with this client as its only member and admin. */
  async createGroup(): Promise<Group> {
    return new Group(await createGroup(this.#context, this.#sessions, null), this.#receipts)
  }

  /** Groups that this client is in; connection groups are not among them. */
  groups(): Group[] {
    return this.#sessions
      .all()
      .filter(({ state }) => state.facts.connection === null)
      .map((session) => new Group(session, this.#receipts))
  }

  /** Throws ClientError `client.unknown-group`. */
  group(id: string): Group {
    const session = this.#sessions.all().find((candidate) => candidate.id === id)
    if (session === undefined) throw new ClientError("client.unknown-group")
    return new Group(session, this.#receipts)
  }

  /**
   * Has the server drop this group's messages in front of the own queue, those of its members as well as what happens in it; what
   * is queued already is passed over. This client stays a member, and nobody in the group is told. Whatever it does there fails
   * once somebody else has changed the group, and after some months it is removed for its silence.
   *
   * Who watches the queuing service's memory sees that this queue, a pseudonym, blocks the group; who has a copy of its files
   * sees nothing of it.
   *
   * Throws ClientError `client.unknown-group`, `qs.too-many-blocked-groups`.
   */
  async blockGroup(id: string): Promise<void> {
    this.group(id)
    await this.#blockedGroups.block(id)
  }

  /**
   * Lets the group's messages come again; those of between are lost. If the group has changed meanwhile, `failed` says that
   * {@link Group.resync} is needed; if this client was removed, or the group is gone, `left` does. To find out, it asks the
   * delivery service for the group's tree.
   */
  unblockGroup(id: string): Promise<void> {
    return this.#blockedGroups.unblock(id)
  }

  /** Ids of groups that are blocked, in hexadecimal. */
  blockedGroups(): string[] {
    return this.#blockedGroups.list()
  }

  /** Whether everything that waited was received and messages now come as they are sent. */
  get live(): boolean {
    return this.#live
  }

  /** Resolves as soon as {@link live} holds. */
  async caughtUp(): Promise<void> {
    const { signal } = this.#context
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
    await this.#inboxes.finished()
    await this.#tasks.finished()
  }

  /**
   * Deletes the account on the server for good, its aliases first, then all that is in the store, and closes. `password` is the one that the
   * client was registered with, if any. May be repeated, by a new client over the same store too, until it succeeds.
   * It stays a member of its groups, one that does nothing any more, until others remove it; its pseudonym at the QS stays as
   * well. Nothing leads from either to the account.
   *
   * Throws ClientError `client.wrong-password`, `client.password-needed`, `as.too-many-logins`.
   */
  async deleteAccount(password?: string): Promise<void> {
    const context = this.#context
    await deleteAtAs(context, password, async () => {
      await this.#inboxes.emptyOwn()
      await this.#aliases.deleteAll(this.#spread)
    })
    await this.close()
    await forgetEverything(context)
  }

  async #begin({ url, webSocket }: ClientOptions): Promise<void> {
    const context = this.#context
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
    for (const session of this.#sessions.all()) {
      this.#tasks.start(() => finishPending(session))
      this.#payLater(session.id, PAYMENT_PAUSES * this.#spread)
      this.#tidyLater(session)
      this.#receipts.tellLater(session)
    }
    for (const name of await names(store, "outgoing/")) this.#tasks.start(() => sendRequest(context, name))
    this.#rotation.goOn()
    this.#blocking.resume()
    this.#blockedGroups.resume(this.#tasks, this.#spread)
    this.#inboxes.add(userInbox(context))
    await this.#aliases.resume(this.#tasks, this.#spread)
    for (const part of [this.#profiles, this.#push]) {
      this.#tasks.start(async () => {
        await pause(spreadMilliseconds(this.#spread), signal)
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
      await this.#context.store.transaction([progress])
      return
    }
    const id = toHex(message.groupId)
    if (this.#blockedGroups.has(id)) {
      await this.#context.store.transaction([progress])
      return
    }
    const session = this.#sessions.get(id)
    if (message.type === "welcome") {
      if (await takeWelcome(session, message.bundle, progress)) this.#replenishLater()
    } else {
      const messages = message.type === "mls" ? [message.message] : message.proposals
      await takeMessages(session, messages, progress)
      if (session.current?.facts.owesFriendship === true) this.#payLater(id)
      this.#tidyLater(session)
    }
    this.#sessions.drop(id)
  }

  async #confirmDelivery(event: MessageName & { readonly group: string }): Promise<void> {
    const session = this.#sessions.get(event.group)
    const { current } = session
    if (current === undefined || current.facts.members.length > DELIVERY_RECEIPT_MEMBERS_MAX) return
    try {
      await this.#receipts.acknowledge(session, event, "delivered")
    } catch (error) {
      // The sender, or this client, is not in the group any more.
      if (!(error instanceof ClientError)) throw error
    }
  }

  #payLater(id: string, mean = this.#spread): void {
    this.#tasks.start(async () => {
      const session = this.#sessions.get(id)
      if (session.current?.facts.owesFriendship !== true) return
      await pause(spreadMilliseconds(mean), this.#context.signal)
      await payFriendship(session)
    })
  }

  /** Somebody has to commit that others leave. Each member waits the longer, the more there are; the first does it for all. */
  #tidyLater(session: GroupSession): void {
    const { current } = session
    if (current === undefined || !hasRemovals(current)) return
    const mean = this.#spread * current.facts.members.length
    this.#tasks.start(async () => {
      await pause(spreadMilliseconds(mean), this.#context.signal)
      await commitRemovals(session)
    })
  }

  #replenishLater(): void {
    this.#tasks.start(async () => {
      await pause(spreadMilliseconds(this.#spread), this.#context.signal)
      await this.#upkeep.replenishAddPackages()
    })
  }

  #tell(live: boolean): void {
    this.#live = live
    for (const listener of this.#liveListeners) listener()
    this.#liveListeners.clear()
  }
}

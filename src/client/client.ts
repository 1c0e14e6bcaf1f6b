import type { Profile } from "../wire/profile.ts"
import { deleteAtAs, forgetEverything } from "./account-deletion.ts"
import { parseAlias } from "./aliases.ts"
import { askAlias, askUser } from "./asking.ts"
import type { ClientEvent } from "./client-event.ts"
import { acceptRequest, declineRequest } from "./connections.ts"
import { ownUser } from "./context.ts"
import { ClientError } from "./errors.ts"
import { Group } from "./group.ts"
import { createGroup } from "./group-creation.ts"
import { ownRecord } from "./leaves.ts"
import type { ClientOptions } from "./options.ts"
import type { PushTarget } from "./push.ts"
import { names } from "./record-store.ts"
import { Runtime } from "./runtime.ts"
import { safetyNumber } from "./safety-number.ts"
import type { Root } from "./trust.ts"

/**
 * One client of one user on a homeserver. All of its state is in its store; a new object over the same store goes on.
 *
 * Whatever asks the server throws ClientError: `client.unreachable` when the server does not answer for as long as
 * {@link ClientOptions.patienceMilliseconds} says, `client.closed` after {@link Client.close}, and what its own description names.
 * Whatever touches the store throws what the store does.
 */
export class Client {
  readonly #runtime: Runtime

  private constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /**
   * Registers a new client, or picks up the one in the store, whatever it was doing when it stopped, and begins to
   * receive. Throws ClientError `as.invitation-required`, `as.invalid-invitation`, `client.damaged-store`.
   */
  static async create(options: ClientOptions): Promise<Client> {
    return new Client(await Runtime.open(options))
  }

  /** Own user id, `uuid@domain`. */
  get userId(): string {
    return ownUser(this.#runtime.context)
  }

  /** As it was given at the registration. What contacts see is the {@link profile}. */
  get displayName(): string {
    return this.#runtime.context.account.displayName
  }

  /**
   * Hands events over, one after the other; the next one waits until the handler's promise resolves, and an event whose
   * handler rejects is handed over again. The same event comes twice only after a crash, under the same number.
   */
  onEvent(handler: (event: ClientEvent) => void | Promise<void>): void {
    this.#runtime.context.events.deliverTo(async (event, number) => {
      if (event.type !== "connection-request") {
        await handler({ ...event, number })
        if (event.type === "message") await this.#runtime.confirmDelivery(event)
        return
      }
      if (this.#runtime.context.blocked.has(event.from)) return
      const accept = (): Promise<void> => this.acceptConnection(event.request)
      await handler({ ...event, number, accept })
    })
  }

  /**
   * Asks a user, by `uuid@domain`, to become a contact; `connected` comes when the other has accepted. Throws ClientError
   * `client.blocked`, `as.no-connection-package`.
   */
  connect(user: string): Promise<void> {
    return askUser(this.#runtime.context, this.#runtime.sessions, user)
  }

  /**
   * Asks whoever has an alias to become a contact; `connected` says who that is, verified up to the root like everybody.
   * That somebody has an alias is nobody's word but the server's: compare the user, or safety numbers, another way.
   * Throws ClientError `client.invalid-alias`, `as.no-connection-package` if nobody has it.
   */
  async connectByAlias(alias: string): Promise<void> {
    await askAlias(this.#runtime.context, this.#runtime.sessions, parseAlias(alias))
  }

  /**
   * Registers an alias, under which others can ask for a connection without knowing the user id. Nothing that the server has
   * of it is shared with the user or another alias. Throws ClientError `client.invalid-alias`, `as.alias-exists`.
   */
  async registerAlias(alias: string): Promise<void> {
    await this.#runtime.aliases.register(parseAlias(alias))
  }

  /** Gives an own alias up: from then on anybody can register it. Throws ClientError `client.unknown-alias`. */
  async deleteAlias(alias: string): Promise<void> {
    await this.#runtime.aliases.delete(parseAlias(alias))
  }

  /** The own aliases, in their normal form. */
  aliases(): Promise<string[]> {
    return this.#runtime.aliases.list()
  }

  /**
   * Looks for connection requests once, with random pauses between the queues of the user and of the aliases; each becomes an
   * event.
   */
  pollConnectionRequests(): Promise<void> {
    return this.#runtime.inboxes.pollAll()
  }

  /**
   * Accepts a connection request that an event named: joins the other's connection group. `connected` follows. Throws ClientError
   * `client.unknown-request` if it was declined, `client.invalid` if who waits there is not who asked.
   */
  async acceptConnection(request: string): Promise<void> {
    await acceptRequest(this.#runtime.context, this.#runtime.sessions, request)
    this.#runtime.payLater(request)
  }

  /** Forgets a connection request that an event named. Nobody is told; the other goes on waiting. */
  async declineConnection(request: string): Promise<void> {
    await declineRequest(this.#runtime.context, request)
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
    await this.#runtime.profiles.update({ displayName, avatar: avatar.slice() })
  }

  /**
   * A contact's profile, or the own. Undefined: the user has set none, or the server gave out something else. It is what the
   * user made; but the server can give out an older one. Throws ClientError `client.unknown-contact`, `as.unknown-user`.
   */
  profile(user: string): Promise<Profile | undefined> {
    return this.#runtime.profiles.of(user)
  }

  /**
   * The server's key to subscribe with at a push service (`applicationServerKey` in browsers, RFC 8292): a point of P-256,
   * 65 bytes. Throws ClientError.
   */
  pushKey(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#runtime.push.key()
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
    await this.#runtime.push.subscribe(target)
  }

  /** User ids of those who are contacts and not blocked, in ascending order. */
  async contacts(): Promise<string[]> {
    const { store, blocked } = this.#runtime.context
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
    return this.#runtime.rotation.begin()
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
    return this.#runtime.blocking.block(user)
  }

  /**
   * Takes a user off the list, and no more: to be contacts again, one has to ask the other. Throws ClientError
   * `client.unreachable` if the server does not answer while there is something left of the connection.
   */
  unblock(user: string): Promise<void> {
    return this.#runtime.blocking.unblock(user)
  }

  /** Users that are blocked. */
  blocked(): string[] {
    return this.#runtime.context.blocked.list()
  }

  /**
   * The number to compare with a contact or a member of a group of one's own: 60 digits, the same on both sides unless
   * somebody stands between them (safety-number.ts). It covers every key that the user has in any of the own groups.
   * Throws ClientError `client.unknown-contact`.
   */
  safetyNumber(user: string): string {
    const { crypto, account } = this.#runtime.context
    const members = this.#runtime.sessions.all().flatMap(({ state }) => state.facts.members)
    const clients = members.filter((member) => member.user === user)
    if (clients.length === 0 || user === this.userId) throw new ClientError("client.unknown-contact")
    const own = ownRecord(crypto, account, 0)
    return safetyNumber(crypto, { user: this.userId, clients: [own] }, { user, clients })
  }

  /** The roots of the own domain, to compare with what others see or the operator says. */
  roots(): Root[] {
    return this.#runtime.context.trust.roots
  }

  /**
   * Trusts roots that an `unknown-root` event named, once the user has compared them; by their fingerprints in
   * hexadecimal. Throws ClientError `client.invalid` if the server does not show such a root.
   */
  trustRoots(fingerprints: readonly string[]): Promise<void> {
    return this.#runtime.context.trust.trustRoots(fingerprints)
  }

  /** Creates a group with this client as its only member and admin. */
  async createGroup(): Promise<Group> {
    return new Group(
      await createGroup(this.#runtime.context, this.#runtime.sessions, null),
      this.#runtime.receipts,
    )
  }

  /** Groups that this client is in; connection groups are not among them. */
  groups(): Group[] {
    return this.#runtime.sessions
      .all()
      .filter(({ state }) => state.facts.connection === null)
      .map((session) => new Group(session, this.#runtime.receipts))
  }

  /** Throws ClientError `client.unknown-group`. */
  group(id: string): Group {
    const session = this.#runtime.sessions.all().find((candidate) => candidate.id === id)
    if (session === undefined) throw new ClientError("client.unknown-group")
    return new Group(session, this.#runtime.receipts)
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
    await this.#runtime.blockedGroups.block(id)
  }

  /**
   * Lets the group's messages come again; those of between are lost. If the group has changed meanwhile, `failed` says that
   * {@link Group.resync} is needed; if this client was removed, or the group is gone, `left` does. To find out, it asks the
   * delivery service for the group's tree.
   */
  unblockGroup(id: string): Promise<void> {
    return this.#runtime.blockedGroups.unblock(id)
  }

  /** Ids of groups that are blocked, in hexadecimal. */
  blockedGroups(): string[] {
    return this.#runtime.blockedGroups.list()
  }

  /** Whether everything that waited was received and messages now come as they are sent. */
  get live(): boolean {
    return this.#runtime.live
  }

  /** Resolves as soon as {@link live} holds. */
  caughtUp(): Promise<void> {
    return this.#runtime.caughtUp()
  }

  /** Stops everything; what is under way is finished when the store is opened again. */
  close(): Promise<void> {
    return this.#runtime.close()
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
    const context = this.#runtime.context
    await deleteAtAs(context, password, async () => {
      await this.#runtime.inboxes.emptyOwn()
      await this.#runtime.aliases.deleteAll(this.#runtime.spreadMilliseconds)
    })
    await this.close()
    await forgetEverything(context)
  }
}

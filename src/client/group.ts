import { ADDS_PER_COMMIT_MAX, KEY_PACKAGE_SECONDS_MAX } from "../limits.ts"
import { verifyKeyPackage } from "../mls/index.ts"
import { suite1 } from "../mls/suites/suite1.ts"
import { equal, toHex } from "../wire/bytes.ts"
import { encodeAddUsersData } from "../wire/commit-data.ts"
import { ds } from "../wire/ds.ts"
import { sealWelcomeAttribution } from "../wire/friendship.ts"
import { qs } from "../wire/qs.ts"
import { contactOf } from "./blocked-users.ts"
import type { ReceiptStatus } from "./client-event.ts"
import { CONTENT_BYTES_MAX } from "./content.ts"
import type { ClientContext } from "./context.ts"
import { ClientError } from "./errors.ts"
import { changeGroup, endGroup } from "./group-changes.ts"
import { proposeLeaving, sendContent, signer, stagedParts } from "./group-operations.ts"
import type { MemberRecord } from "./group-records.ts"
import type { GroupSession, GroupState } from "./group-session.ts"
import { renewLeaf } from "./leaf-renewal.ts"
import { freshQueueConfig, sealForGroup, type VerifiedLeaf, verifyLeaf } from "./leaves.ts"
import type { MessageName, ReceiptSender } from "./receipt-sender.ts"
import type { Contact } from "./records.ts"
import { resync } from "./resync.ts"

/** A member as the application sees it; the ids were verified up to the root of their domain. */
export interface Member {
  /** `uuid@domain`. */
  readonly user: string
  /** Client id, hexadecimal. */
  readonly client: string
  /** Its place in the group's tree: unique at any time, and taken by others later. */
  readonly leaf: number
  /** Whether it may add and remove others and change roles. */
  readonly admin: boolean
  /** The AS has revoked this client or its user since: nobody will join the group before it is removed. */
  readonly revoked: boolean
}

/**
 * A group that this client is a member of. Operations of one group take turns; each resolves when the server has accepted it.
 *
 * What one throws beside that which is named for it: ClientError `client.removed` if this client is no longer a member,
 * `client.contended` if others kept changing the group, `queue.full` if a member's queue is, and `client.unreachable` or
 * `client.closed`. After these two it may have been carried out; otherwise it is, with the group's next operation or at the next
 * start, unless somebody else's change came first.
 */
export class Group {
  readonly #session: GroupSession
  readonly #receipts: ReceiptSender

  constructor(session: GroupSession, receipts: ReceiptSender) {
    this.#session = session
    this.#receipts = receipts
  }

  /** Hexadecimal group id. */
  get id(): string {
    return this.#session.id
  }

  /** Throws ClientError `client.removed` if this client is no longer a member; so do all operations. */
  get epoch(): bigint {
    return this.#session.state.member.epoch
  }

  /** The group has gone on and this client cannot follow: until {@link resync} it can neither read nor send anything. */
  get needsResync(): boolean {
    return this.#session.state.facts.behind
  }

  /** All members, this client included, as of the present epoch. Throws ClientError `client.removed`. */
  members(): Member[] {
    const { context, state } = this.#session
    const admins = new Set(state.member.admins())
    return state.facts.members.map(({ user, client, leaf }) => {
      const revoked = context.trust.isRevoked(client)
      return { user, client: toHex(client), leaf, admin: admins.has(leaf), revoked }
    })
  }

  /**
   * Sends to all other members, exactly once, in the order of calling. Resolves with the message's number, by which receipts
   * name it: larger than those before, but not by one. Throws ClientError `request.too-large` beyond
   * {@link CONTENT_BYTES_MAX} bytes.
   */
  async send(bytes: Uint8Array): Promise<number> {
    if (bytes.length > CONTENT_BYTES_MAX) throw new ClientError("request.too-large")
    const body = bytes.slice()
    return await sendContent(this.#session, "application", () => body)
  }

  /**
   * Says that a message, as its event names it, and all that the same client sent before were `delivered`, or `read`.
   * Everybody in the group is told, after a random time in one message together with what else is acknowledged until then;
   * what was said already is not said again. Resolves when it is stored. Throws ClientError `client.invalid` if no such message
   * came.
   */
  async acknowledge(message: MessageName, status: ReceiptStatus): Promise<void> {
    await this.#receipts.acknowledge(this.#session, message, status)
  }

  /**
   * Adds contacts with all their clients, by one commit: all of them or nobody. Throws ClientError `client.unknown-contact`,
   * `client.invalid` if what the server gave out for one does not verify, `qs.no-add-package`, `request.too-large` beyond
   * {@link ADDS_PER_COMMIT_MAX} clients, `ds.not-allowed` unless an admin or if one is a member.
   */
  async add(users: string | readonly string[]): Promise<void> {
    const { context } = this.#session
    const named = new Set(typeof users === "string" ? [users] : users)
    if (named.size === 0) return
    if (named.size > ADDS_PER_COMMIT_MAX) throw new ClientError("request.too-large")
    const claimed: Claimed[] = []
    for (const contact of await contactsOf(context, named)) claimed.push(...(await claim(context, contact)))
    if (claimed.length > ADDS_PER_COMMIT_MAX) throw new ClientError("request.too-large")
    await changeGroup(this.#session, async (state) => {
      if (state.facts.members.some(({ user }) => named.has(user))) throw new ClientError("ds.not-allowed")
      return await stageAdd(this.#session, state, claimed)
    })
  }

  /** Removes a user with all its clients. Throws ClientError `client.unknown-member`, `ds.not-allowed` unless an admin. */
  async remove(user: string): Promise<void> {
    await changeGroup(this.#session, async (state) => {
      const removes = state.facts.members.filter((member) => member.user === user).map(({ leaf }) => leaf)
      if (removes.length === 0) throw new ClientError("client.unknown-member")
      const staged = await state.member.commit({ removes, authenticatedData: new Uint8Array(0) })
      const members = state.facts.members.filter((member) => member.user !== user)
      return { operation: "removeUsers" as const, ...stagedParts(staged, members, state.facts.ownLeaf) }
    })
  }

  /** Makes these users the admins, and nobody else. Throws ClientError `client.unknown-member`, `ds.not-allowed`. */
  async changeRoles(users: readonly string[]): Promise<void> {
    await changeGroup(this.#session, async (state) => {
      const { members } = state.facts
      if (!users.every((user) => members.some((member) => member.user === user))) {
        throw new ClientError("client.unknown-member")
      }
      const admins = members.filter(({ user }) => users.includes(user)).map(({ leaf }) => leaf)
      const staged = await state.member.commit({ admins, authenticatedData: new Uint8Array(0) })
      return { operation: "changeRoles" as const, ...stagedParts(staged, members, state.facts.ownLeaf) }
    })
  }

  /**
   * Asks the others to commit that this client leaves, which one of them does by itself; then `left` follows. The last member
   * takes the group along: it is deleted. Throws ClientError `ds.not-allowed` if all others are leaving too,
   * `ds.proposals-pending` if too many are.
   */
  async leave(): Promise<void> {
    if (this.#session.state.member.members().length === 1) await this.delete()
    else await proposeLeaving(this.#session)
  }

  /** Ends the group for everybody; the others get `left`. Throws ClientError `ds.not-allowed` unless an admin. */
  delete(): Promise<void> {
    return endGroup(this.#session)
  }

  /**
   * Joins again, for a client that cannot follow the group any more. What it sent and was not accepted is given up. Throws
   * ClientError `client.contended` if others keep changing the group, `ds.proposals-pending` as long as none of them has
   * committed that somebody leaves.
   */
  async resync(): Promise<void> {
    await resync(this.#session)
  }

  /** Has this client's messages go to its own queue under another config, which nothing links to the one before. */
  async renewQueueConfig(): Promise<void> {
    const { groupId, context, state } = this.#session
    const params = {
      groupId,
      earKey: state.facts.earKey,
      queueConfig: freshQueueConfig(context.crypto, context.account),
    }
    await context.transport.call(ds.updateQueueConfig, params, signer(this.#session))
  }

  /**
   * Renews this client's keys, those that it signs with included, and with them the group's: whoever had copied them is
   * locked out. Whoever is proposed to be removed, by the server or because it leaves, goes with it.
   */
  async update(): Promise<void> {
    await renewLeaf(this.#session)
  }
}

/** In their order. Throws ClientError `client.unknown-contact` before anything is taken of anybody. */
async function contactsOf(context: ClientContext, users: Iterable<string>): Promise<NamedContact[]> {
  return await Promise.all(
    Array.from(users, async (user) => {
      const contact = await contactOf(context, user)
      if (contact === undefined) throw new ClientError("client.unknown-contact")
      return { user, contact }
    }),
  )
}

interface NamedContact {
  readonly user: string
  readonly contact: Contact
}

interface Claimed extends VerifiedLeaf {
  /** The contact's. */
  readonly friendshipKey: Uint8Array
  readonly keyPackage: Uint8Array
  readonly publicKey: Uint8Array
}

/** Takes AddPackages of a contact and makes sure that they are the contact's. */
async function claim(
  { crypto, transport, trust }: ClientContext,
  { user, contact }: NamedContact,
): Promise<Claimed[]> {
  const { friendshipToken, friendshipKey } = contact
  const { addPackages } = await transport.call(qs.claimAddPackages, { friendshipToken })
  const claimed: Claimed[] = []
  for (const { keyPackage, encryptedCredential } of addPackages) {
    const now = transport.now()
    try {
      const longest = BigInt(KEY_PACKAGE_SECONDS_MAX)
      const { leafNode } = verifyKeyPackage(suite1(crypto), keyPackage, BigInt(now), longest)
      if (leafNode.credential.kind !== "basic") throw new ClientError("client.invalid")
      const publicKey = leafNode.signatureKey
      const leaf = { leaf: 0, identity: leafNode.credential.identity, signatureKey: publicKey }
      const verified = await verifyLeaf(
        crypto,
        trust,
        "add-package",
        friendshipKey,
        leaf,
        encryptedCredential,
        now,
      )
      if (verified.record.user !== user) throw new ClientError("client.invalid")
      claimed.push({ ...verified, friendshipKey, keyPackage, publicKey })
    } catch (error) {
      throw trust.explain(error)
    }
  }
  return claimed
}

async function stageAdd({ context, groupId }: GroupSession, state: GroupState, claimed: readonly Claimed[]) {
  const { identity, crypto } = context
  const account = await identity.current()
  const { credentialKey, members } = state.facts
  const authenticatedData = encodeAddUsersData(
    claimed.map(({ publicKey, owner }) => sealForGroup(crypto, credentialKey, publicKey, owner)),
  )
  const staged = await state.member.commit({
    adds: claimed.map(({ keyPackage }) => keyPackage),
    authenticatedData,
  })
  const { welcome } = staged
  if (welcome === undefined) throw new ClientError("client.invalid")
  const sender = { clientSeed: account.clientSeed, clientCredential: account.credential }
  const attributions = claimed.map(({ friendshipKey }) =>
    sealWelcomeAttribution(crypto, friendshipKey, sender, credentialKey, { groupId, welcome }),
  )
  const added = staged.next.members().flatMap(({ leaf, signatureKey }): MemberRecord[] => {
    const owner = claimed.find(({ publicKey }) => equal(publicKey, signatureKey))
    if (owner === undefined) return []
    return [{ ...owner.record, leaf }]
  })
  const nextMembers = [...members, ...added].sort((a, b) => a.leaf - b.leaf)
  const parts = stagedParts(staged, nextMembers, state.facts.ownLeaf)
  return { operation: "addUsers" as const, ...parts, attributions }
}

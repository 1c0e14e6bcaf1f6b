/**
 * What can happen to a client, by the event's type. Users are named `uuid@domain`, groups and requests in hexadecimal; users were
 * verified up to the root of their domain.
 */
export interface ClientEvents {
  /** Another member sent something to a group. */
  readonly message: {
    /** Group id. */
    readonly group: string
    /** The user who sent it; proved by the message's signature. */
    readonly sender: string
    /** The client that sent it, hexadecimal: group, client and `message` together name the message. */
    readonly client: string
    /** Its number among what this client sent to the group, as {@link Group.send} told the sender. */
    readonly message: number
    /** As they were given to {@link Group.send}. Whoever sent them may have put anything there. */
    readonly bytes: Uint8Array
  }
  /** Another member has own messages, or has read them: {@link Group.acknowledge}. Each thing is told once. */
  readonly receipt: {
    /** Group id. */
    readonly group: string
    /** The user who acknowledges. */
    readonly user: string
    /** The client on which it was, hexadecimal. */
    readonly client: string
    /** What became of them. */
    readonly status: ReceiptStatus
    /** The number of an own message: it and all before. */
    readonly through: number
  }
  /** This client is a member of a group from now on. */
  readonly joined: {
    /** Group id. */
    readonly group: string
    /** The user who added it. */
    readonly by: string
  }
  /** A user is a member of a group from now on. Told of own changes, too. */
  readonly added: {
    /** Group id. */
    readonly group: string
    /** The user who came. */
    readonly user: string
    /** The user who added it. */
    readonly by: string
  }
  /** A user is no member of a group any more. Told of own changes, too. */
  readonly removed: {
    /** Group id. */
    readonly group: string
    /** The user who went. */
    readonly user: string
    /** Who removed it. The user itself: it left. Null: the server had proposed it, because the user was away for too long. */
    readonly by: string | null
  }
  /** This client is no member of a group any more, and nothing of the group is left in its store. */
  readonly left: {
    /** Group id. */
    readonly group: string
    /** As in `removed`. */
    readonly by: string | null
    /** Nobody else is left either, but who did it: the group was ended, or had only two members. */
    readonly ended: boolean
  }
  /** A group has other admins. Told of own changes, too. */
  readonly roles: {
    /** Group id. */
    readonly group: string
    /** Users who are admins from now on, all of them. */
    readonly admins: readonly string[]
    /** The user who changed it. */
    readonly by: string
  }
  /** This client cannot follow a group any more: {@link Group.resync}. */
  readonly failed: {
    /** Group id. */
    readonly group: string
  }
  /** Somebody wants to become a contact. */
  readonly "connection-request": {
    /** What {@link Client.acceptConnection} takes. */
    readonly request: string
    /** The user who asks. */
    readonly from: string
    /** The own alias that was asked; null: the user id. */
    readonly alias: string | null
    /** {@link Client.acceptConnection} for this request. `connected` follows. */
    accept(): Promise<void>
  }
  /** A user is a contact from now on. */
  readonly connected: {
    /** The new contact. */
    readonly user: string
    /** The alias under which this client had asked for the user; null: the user id, or the other has asked. */
    readonly alias: string | null
  }
  /** The server shows roots that none of the trusted ones vouches for: {@link Client.trustRoots}, once the user has compared them. */
  readonly "unknown-root": {
    /** SHA-256 of each, hexadecimal. */
    readonly fingerprints: readonly string[]
  }
  /** The operator has revoked this client or its user: it can do nothing any more, and others remove it. */
  readonly revoked: object
}

/** Delivered: the message is there, and the application knows. `read` implies `delivered`. */
export type ReceiptStatus = "delivered" | "read"

/**
 * An event of one type, or of any: what {@link ClientEvents} says, its `type`, and a `number`, which grows from event to event. An
 * event that was not finished with comes again under the same number.
 */
export type ClientEvent<T extends keyof ClientEvents = keyof ClientEvents> = {
  [K in T]: ClientEvents[K] & {
    /** Which of {@link ClientEvents}. */
    readonly type: K
    /** At which place it comes. */
    readonly number: number
  }
}[T]

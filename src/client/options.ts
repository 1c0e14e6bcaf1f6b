import type { CryptoProvider } from "../crypto/provider.ts"
import type { ClientStore } from "./store.ts"
import type { Fetch } from "./transport.ts"

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

/**
 * Every size, count and duration that Cinder accepts, each with its unit in its name. Relations between them are
 * asserted at the end: a change that breaks one stops the process at start, not a user's message.
 */

/** Version of every request, response, stream frame and persisted record: its first byte. */
export const FORMAT_VERSION = 1

// Identifiers and keys
export const ID_BYTES = 16
export const CLIENT_ID_BYTES = 2 * ID_BYTES
export const KEY_BYTES = 32
export const HASH_BYTES = 32
export const SIGNATURE_BYTES = 64
export const REQUEST_NONCE_BYTES = 16
export const DOMAIN_CHARACTERS_MAX = 253

// Requests
export const REQUEST_BODY_BYTES_MAX = 8 * 1024 * 1024
export const SMALL_REQUEST_BODY_BYTES_MAX = 64 * 1024
export const REQUEST_AGE_SECONDS_MAX = 300
/** Remembered request nonces; when full, requests are refused as overload instead of being let through unchecked. */
export const REPLAY_ENTRIES_MAX = 2_000_000
export const REQUESTS_IN_FLIGHT_MAX = 4096

// Commit pipeline
export const PENDING_UNITS_MAX = 8192
export const EPOCH_ROWS_MAX = 20_000
export const SCRUB_DELAY_MILLISECONDS = 200

// Authentication service
export const CREDENTIAL_BYTES_MAX = 2048
export const PENDING_REGISTRATIONS_MAX = 10_000
export const PENDING_REGISTRATION_SECONDS = 300
export const CONNECTION_PACKAGE_BYTES_MAX = 4096
export const CONNECTION_PACKAGES_MAX = 100
export const CONNECTION_MESSAGE_BYTES_MAX = 8192
export const AS_CREDENTIAL_SECONDS = 10 * 365 * 86_400
export const AS_INTERMEDIATE_CREDENTIAL_SECONDS = 365 * 86_400
export const CLIENT_CREDENTIAL_SECONDS = 90 * 86_400
/** Credentials begin this much before they are made, because clocks differ. */
export const CREDENTIAL_BACKDATE_SECONDS = 3600
/** A client may renew its credential until this long after its end; revocations are kept as long. */
export const CREDENTIAL_RENEWAL_GRACE_SECONDS = 365 * 86_400
/** What an AS publishes, at most: roots, endorsements of roots, intermediates, revocations. */
export const AS_CREDENTIALS_MAX = 16
export const AS_ENDORSEMENTS_MAX = 32
export const AS_INTERMEDIATES_MAX = 64
export const REVOCATIONS_MAX = 10_000

// Delivery service
export const MEMBERS_MAX = 20_000
export const APPLICATION_MESSAGE_BYTES_MAX = 256 * 1024
export const HANDSHAKE_BYTES_MAX = 3 * 1024 * 1024
export const RATCHET_TREE_BYTES_MAX = 64 * 1024
export const GROUP_INFO_BYTES_MAX = 64 * 1024
export const GROUP_INFO_EXTENSIONS_BYTES_MAX = 4096
export const ENCRYPTED_CREDENTIAL_BYTES_MAX = 4096
export const ADDS_PER_COMMIT_MAX = 256
export const WELCOME_ATTRIBUTION_BYTES_MAX = 8192
export const RESERVED_GROUP_IDS_MAX = 100_000
export const RESERVED_GROUP_ID_SECONDS = 3600
export const GROUP_STATE_BYTES_MAX = 64 * 1024 * 1024
export const PADDING_UNIT_BYTES_MIN = 4096
/** Commits, and bytes of their undo logs, back to which joiners still get the tree of their epoch. */
export const HISTORY_EPOCHS_MAX = 1024
export const HISTORY_BYTES_MAX = 16 * 1024 * 1024

// Queuing service
export const CLIENTS_PER_USER_MAX = 10
export const KEY_PACKAGE_BYTES_MAX = 8192
export const ADD_PACKAGES_MAX = 100
export const QUEUE_CONFIG_BYTES_MAX = 1024
export const QUEUE_RETENTION_MONTHS = 3

// Queues (chains and the pool; PROTOCOL.md section 6.2)
export const CHAIN_SLOTS = 16
/** Slots that only a restart, a new month or an eviction may use; renewal by age or count leaves them alone. */
export const CHAIN_SLOTS_RESERVED = 8
/** With so many chains in a queue, the opening of a stream does not make another begin. */
export const STREAM_RENEWAL_CHAINS_MAX = 4
/** Chain starts that one overflow entry takes: where starts go for which a record has no slot. */
export const OVERFLOW_STARTS = 9
export const OVERFLOW_ENTRIES_MAX = 21
/** Chains that a queue may have while its owner is away; with that many and none in memory the queue is full. */
export const CHAINS_PER_QUEUE_MAX = 192
/** Chain starts that an owner gets at most: those of all chains, and random bytes for the free slots. */
export const STARTS_PER_ANSWER_MAX = CHAINS_PER_QUEUE_MAX + CHAIN_SLOTS
export const CHAIN_ENTRIES_MAX = 10_000
export const CHAIN_AGE_HOURS_MAX = 24
export const QUEUE_ENTRIES_MAX = 50_000
export const CHAINS_IN_MEMORY_MAX = 200_000
export const QUEUE_MESSAGE_BYTES_MAX = 4 * 1024 * 1024
export const CURSORS_PER_REQUEST_MAX = CHAINS_PER_QUEUE_MAX
export const DEQUEUE_ENTRIES_MAX = 512
export const ACKNOWLEDGED_ENTRIES_PER_UNIT_MAX = 4096
/** A clock that has run so long in this process without being set is believed when it says that months have passed. */
export const CLOCK_SETTLED_HOURS = 72
/** A clock that is this much off the time that passed was set. */
export const CLOCK_TOLERANCE_HOURS = 1

// Streams
export const STREAM_WINDOW_ENTRIES = 256
export const STREAM_BUFFERED_BYTES_MAX = 1024 * 1024
export const STREAM_FRAME_BYTES_MAX = 64 * 1024
/** A socket that has not sent its first frame by then is closed. */
export const STREAM_OPEN_SECONDS_MAX = 10

// The HTTP edge
/** A connection on which nothing moves for so long is closed. */
export const CONNECTION_IDLE_SECONDS_MAX = 60
/** A request's body must have arrived by then, however steadily it trickles in. */
export const BODY_SECONDS_MAX = 120
/** WebSockets at the same time, opened streams and those that have not sent their first frame yet. */
export const SOCKETS_MAX = 50_000
/** Pings keep a stream alive through middleboxes. They come at random times in between, so that they form no pattern. */
export const PING_SECONDS_MIN = 30
export const PING_SECONDS_MAX = 120
/** A stream whose peer answered no ping for so long is closed. */
export const SOCKET_IDLE_SECONDS_MAX = 300
/** Host names are at most 253 characters, a colon and a port 6 more. */
export const HOST_CHARACTERS_MAX = 259
/** How long a stopping server waits for requests in flight and for answers still being sent. */
export const STOP_SECONDS_MAX = 20
export const RETRY_AFTER_SECONDS = 1

function assertRelation(holds: boolean, relation: string): void {
  if (!holds) throw new Error(`limits.ts: ${relation} does not hold`)
}

assertRelation(HANDSHAKE_BYTES_MAX < REQUEST_BODY_BYTES_MAX, "HANDSHAKE_BYTES_MAX < REQUEST_BODY_BYTES_MAX")
assertRelation(
  APPLICATION_MESSAGE_BYTES_MAX < QUEUE_MESSAGE_BYTES_MAX,
  "application messages fit into a queue",
)
assertRelation(HANDSHAKE_BYTES_MAX < QUEUE_MESSAGE_BYTES_MAX, "handshake messages fit into a queue")
assertRelation(CHAIN_SLOTS_RESERVED < CHAIN_SLOTS, "CHAIN_SLOTS_RESERVED < CHAIN_SLOTS")
assertRelation(
  CHAINS_PER_QUEUE_MAX - 1 - CHAIN_SLOTS + OVERFLOW_STARTS <= OVERFLOW_ENTRIES_MAX * OVERFLOW_STARTS,
  "the overflow takes all chains but those in slots",
)
assertRelation(OVERFLOW_STARTS < CHAIN_SLOTS, "OVERFLOW_STARTS < CHAIN_SLOTS")
assertRelation(STREAM_RENEWAL_CHAINS_MAX < CHAIN_SLOTS, "STREAM_RENEWAL_CHAINS_MAX < CHAIN_SLOTS")
// Bytes in CBOR, rounded up: 96 of a cursor or an acknowledgement, 18 of a chain id, 128 of a start, 1200 of an entry.
assertRelation(
  CURSORS_PER_REQUEST_MAX * (2 * 96 + 18) + 1024 < SMALL_REQUEST_BODY_BYTES_MAX,
  "a dequeue of all chains fits into a small request",
)
assertRelation(
  CURSORS_PER_REQUEST_MAX * 96 + 1024 < STREAM_FRAME_BYTES_MAX,
  "a read of all chains fits into a frame",
)
assertRelation(STARTS_PER_ANSWER_MAX * 128 < STREAM_FRAME_BYTES_MAX, "all chain starts fit into a frame")
assertRelation(
  DEQUEUE_ENTRIES_MAX * 1200 + STARTS_PER_ANSWER_MAX * 128 < REQUEST_BODY_BYTES_MAX,
  "a full dequeue fits into a response",
)
assertRelation(
  CLIENT_CREDENTIAL_SECONDS < AS_INTERMEDIATE_CREDENTIAL_SECONDS,
  "client credentials outlive nothing above",
)
assertRelation(
  AS_INTERMEDIATE_CREDENTIAL_SECONDS < AS_CREDENTIAL_SECONDS,
  "intermediates expire before their issuer",
)

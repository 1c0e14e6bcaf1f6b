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

// OPAQUE with ristretto255-SHA512 (RFC 9807 sections 5.1 and 6.1), and the invitation codes of this server
export const OPAQUE_REQUEST_BYTES = 32
export const OPAQUE_RESPONSE_BYTES = 64
export const OPAQUE_RECORD_BYTES = 192
export const OPAQUE_KE1_BYTES = 96
export const OPAQUE_KE2_BYTES = 320
export const OPAQUE_KE3_BYTES = 64
/** OPRF seed, private key and the public key of nobody: the setup of a server. */
export const OPAQUE_SETUP_BYTES = 128
export const INVITATION_BYTES = 20
// The server's secrets
/** Keys of one kind that are kept at a time: the newest, and older ones that still open what they sealed. */
export const SECRET_GENERATIONS_MAX = 8

// Requests
export const REQUEST_BODY_BYTES_MAX = 8 * 1024 * 1024
export const SMALL_REQUEST_BODY_BYTES_MAX = 64 * 1024
export const REQUEST_AGE_SECONDS_MAX = 300
/** Remembered request nonces; when full, requests are refused as overload instead of being let through unchecked. */
export const REPLAY_ENTRIES_MAX = 2_000_000
export const REQUESTS_IN_FLIGHT_MAX = 4096
/** Of these, so many are worked on at a time: enough to share a transaction, few enough that streams are looked after in between. */
export const REQUESTS_AT_WORK_MAX = 64
/** When so many requests have been waiting for so long, the next ones are refused (http/admission.ts). */
export const REQUESTS_WAITING_MAX = 32
export const REQUEST_PATIENCE_MILLISECONDS = 500

// Keys in memory
/** After the last request, so long nothing comes, and memory is washed. */
export const WASH_QUIET_MILLISECONDS = 100
/** From one wash to the next at least, and the longest that one waits while requests keep coming. */
export const WASH_PAUSE_MILLISECONDS = 700
/** Bun's event loop receives up to half a MiB at a time. */
export const RINSE_BODY_BYTES = 1024 * 1024
/** Answers of up to 16 KiB, with their head, go through one buffer. */
export const RINSE_ANSWER_BYTES = 16_000
export const RINSE_MILLISECONDS_MAX = 400
/** Longest value that is looked for: a sealed push token. */
export const SECRET_BYTES_MAX = 1024
/** Of requests that have ended since the last wash, and of those under way. */
export const SECRETS_REMEMBERED_MAX = 1024
/** Two for each key that is derived between two washes. */
export const SWEEP_PIECES_MAX = 16_384
export const MEMORY_PAGE_BYTES = 4096
/** Memory is copied and looked through in pieces that stay in a processor's cache. */
export const SWEEP_CHUNK_BYTES = 256 * 1024
/** So much is looked through before something else is done: 10 to 20 ms. */
export const SWEEP_SLICE_BYTES = 32 * 1024 * 1024
/** After a search, so many times as long nothing is searched: a server with much memory washes it less often. */
export const SWEEP_REST_FACTOR = 8
/** What requests had before a sweep and not within this time after its beginning is not used any more. */
export const SWEEP_PAUSE_MILLISECONDS = 50
/** The longest that a sweep waits in all for moments in which no body is being read. */
export const SWEEP_WAIT_MILLISECONDS = 200

// Commit pipeline
export const PENDING_UNITS_MAX = 8192
export const EPOCH_ROWS_MAX = 20_000
/** Rows of a table that wait in another one for being moved to their places; more go there at once. */
export const FRESH_ROWS_MAX = 2048
/** They are moved when for so long nothing else was written: longer than it takes to acknowledge a message that was just sent. */
export const SETTLE_QUIET_MILLISECONDS = 40
/** For so long the deletion of what streams have acknowledged waits for something else that is written. */
export const PATIENT_MILLISECONDS = 20
export const SCRUB_DELAY_MILLISECONDS = 200
/** A commit that no other follows is scrubbed from the log after this time, or a little more on a slow disk. */
export const SCRUB_QUIET_MILLISECONDS = 5
/** All veiled rows get other names about this often. */
export const RESEAL_MINUTES = 30
export const RESEAL_MINUTES_MAX = 10_080

// Authentication service
export const CREDENTIAL_BYTES_MAX = 2048
export const PENDING_REGISTRATIONS_MAX = 10_000
export const PENDING_REGISTRATION_SECONDS = 300
/** Logins (OPAQUE) that one client may begin within an hour: each lets whoever has its key try one password. */
export const LOGINS_PER_CLIENT_MAX = 10
export const LOGIN_WINDOW_SECONDS = 3600
/** The time between the two steps of a login. */
export const LOGIN_SECONDS = 300
/** Clients whose logins are counted at the same time. */
export const LOGIN_CLIENTS_MAX = 100_000
export const INVITATION_DAYS_MAX = 365
export const INVITATIONS_PER_COMMAND_MAX = 10_000
/** Rows that one unit deletes when used invitations are forgotten. */
export const INVITATIONS_PER_SWEEP_UNIT = 1000
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
/** From a KeyPackage's first second to its last. */
export const KEY_PACKAGE_SECONDS_MAX = CLIENT_CREDENTIAL_SECONDS + CREDENTIAL_BACKDATE_SECONDS

// Privacy Pass
/** Tokens of one issuance. */
export const PRIVACY_PASS_BATCH_MAX = 100
/** Keys in an issuer's directory: those before, of now and to come, and those of other token types. */
export const ISSUER_KEYS_MAX = 16
export const ISSUER_DIRECTORY_CHARACTERS_MAX = 64 * 1024
/** A token of type 0x0005 is 216 characters; what else the header holds is ignored. */
export const AUTHORIZATION_CHARACTERS_MAX = 1024
export const AUTHENTICATE_CHARACTERS_MAX = 16 * 1024

// Anonymous rate limits
/** A key issues tokens for so many months; its tokens are taken for as many more. */
export const TOKEN_KEY_MONTHS = 3
/** A client's allowance is counted anew after this time. */
export const TOKEN_PERIOD_SECONDS = 86_400
/** Tokens that a client may draw in a period, unless the operator says otherwise. */
export const TOKEN_ALLOWANCE = 5000
export const TOKEN_ALLOWANCE_MAX = 1_000_000
export const TOKEN_REQUEST_BYTES_MAX = 4096
export const TOKEN_RESPONSE_BYTES_MAX = 4096
/** How long an issuer's directory may be kept; a client whose key is refused asks again at once. */
export const ISSUER_DIRECTORY_SECONDS = 86_400

// Friendship
/** A client replaces what its contacts have of it (friendship token and keys) after about this time. */
export const FRIENDSHIP_SECONDS = 90 * 86_400
/** For so long after that, contacts who claimed AddPackages before may still add the client with the key before. */
export const EARLIER_FRIENDSHIP_SECONDS = 14 * 86_400
export const EARLIER_FRIENDSHIP_KEYS_MAX = 8

// Receipts
/** Receipts in one message. */
export const RECEIPTS_MAX = 256
/** Members of a group in which a client says by itself that messages were delivered. */
export const DELIVERY_RECEIPT_MEMBERS_MAX = 32

// Claims, connection queues, profiles and aliases
/**
 * Packages of one user, or under one alias or friendship token, that a period's claims may use up. Further claims get the
 * package that is handed out again and again: everybody can be reached, and nobody's packages can be drained.
 */
export const CONSUMING_CLAIMS_MAX = 8
export const CLAIM_PERIOD_SECONDS = 3600
/** Users, aliases or tokens whose claims are counted in one period; claims beyond use nothing up. */
export const CLAIM_TARGETS_MAX = 100_000
/**
 * Entries of a connection queue. Strangers fill it, one token for each request, and there is no limit on requests per
 * time beside it: with one, as many tokens as it allows would be enough to shut everybody else out for the rest of that time.
 */
export const CONNECTION_QUEUE_ENTRIES_MAX = 1000

/** Every encrypted user profile: a name, a small picture and padding. */
export const PROFILE_BYTES = 8192
/** Profiles are stored in parts, each of which fits into a page beside others. */
export const PROFILE_PART_BYTES = 1024
/** Of UTF-8. */
export const PROFILE_NAME_BYTES_MAX = 256
/** Of an image file. */
export const PROFILE_AVATAR_BYTES_MAX = 7680
/** Characters of a normalised alias. */
export const ALIAS_CHARACTERS_MIN = 2
export const ALIAS_CHARACTERS_MAX = 64
export const ALIAS_SALT_BYTES = 32
/** Argon2id over an alias: kibibytes of memory, and passes over it. */
export const ALIAS_HASH_KIBIBYTES = 32 * 1024
export const ALIAS_HASH_PASSES = 3

// Delivery service
export const MEMBERS_MAX = 20_000
export const ADMINS_MAX = 100
/** Removals that the server proposes in one epoch; the others follow in the next. */
export const REMOVALS_PROPOSED_MAX = 64
/** Members who wait at the same time for somebody to commit that they leave. */
export const SELF_REMOVES_STORED_MAX = 64
/**
 * What one request sends to all members together: it is one transaction, which costs several times as much memory until it
 * is written.
 */
export const FAN_OUT_BYTES_MAX = 256 * 1024 * 1024
/** A SelfRemove is smaller. */
export const PROPOSAL_BYTES_MAX = 4096
/** Groups that one step of expiry looks at. */
export const EXPIRY_STEP_GROUPS = 256
/** Queues of one group that are remembered as gone until a request writes its head. */
export const QUEUES_REPORTED_MAX = 16
export const APPLICATION_MESSAGE_BYTES_MAX = 256 * 1024
export const HANDSHAKE_BYTES_MAX = 3 * 1024 * 1024
export const RATCHET_TREE_BYTES_MAX = 64 * 1024
export const GROUP_INFO_BYTES_MAX = 64 * 1024
export const GROUP_INFO_EXTENSIONS_BYTES_MAX = 4096
export const ENCRYPTED_CREDENTIAL_BYTES_MAX = 4096
/** Clients that one commit adds to a group. */
export const ADDS_PER_COMMIT_MAX = 256
export const WELCOME_ATTRIBUTION_BYTES_MAX = 8192
export const RESERVED_GROUP_IDS_MAX = 100_000
export const RESERVED_GROUP_ID_SECONDS = 3600
export const GROUP_STATE_BYTES_MAX = 64 * 1024 * 1024
export const PADDING_UNIT_BYTES_MIN = 4096
export const PADDING_UNIT_BYTES_MAX = 1024 * 1024
/** Groups whose size class the server remembers to find the unit of padding, and as of how many it is believed. */
export const SIZES_REMEMBERED_MAX = 4096
export const SIZES_NEEDED = 32
/** Commits, and bytes of their undo logs, back to which joiners still get the tree of their epoch. */
export const HISTORY_EPOCHS_MAX = 1024
export const HISTORY_BYTES_MAX = 16 * 1024 * 1024

// Queuing service
export const CLIENTS_PER_USER_MAX = 10
export const KEY_PACKAGE_BYTES_MAX = 8192
export const ADD_PACKAGES_MAX = 100
export const QUEUE_CONFIG_BYTES_MAX = 1024
export const QUEUE_RETENTION_MONTHS = 3
/** Whole calendar months for which a client may stay away, unless the operator sets another number. */
export const CLIENT_RETENTION_MONTHS = 3
export const CLIENT_RETENTION_MONTHS_MAX = 24
/** Keys that a client had before: queue configs that it signed with one of them still lead to it. */
export const EARLIER_AUTH_KEYS_MAX = 4
export const BLOCKED_GROUPS_MAX = 32
/** Block lists, empty ones included, that are in memory so that sending a message does not read them. */
export const BLOCK_LISTS_IN_MEMORY_MAX = 200_000

// Pushes
export const PUSH_KEY_BYTES = 65
/** Bytes of the URL that a push service gave to a client. */
export const PUSH_ENDPOINT_BYTES_MAX = 760
/** From a message to the push that tells of it: a random time, so that pushes do not show which clients got the same one. */
export const PUSH_DELAY_MILLISECONDS_MIN = 500
export const PUSH_DELAY_MILLISECONDS_MAX = 3000
/** From a push to the next one for the same client, and to the next attempt if it failed. */
export const PUSH_INTERVAL_MILLISECONDS_MIN = 20_000
export const PUSH_INTERVAL_MILLISECONDS_MAX = 40_000
export const PUSH_ATTEMPTS_MAX = 3
export const PUSHES_IN_FLIGHT_MAX = 32
/** Clients that wait for a push, or had one not long ago; the messages of others wake nobody. */
export const PUSHES_WAITING_MAX = 100_000
/** How long a push service keeps a push for a device that is not reachable. */
export const PUSH_TTL_SECONDS = 86_400
/** How long a statement for a push service holds (RFC 8292 allows 24 hours), and for how long it is used. */
export const VAPID_HOURS = 12
export const VAPID_RENEWAL_HOURS = 6
/** Push services whose statements are kept. */
export const PUSH_ORIGINS_MAX = 100

// Requests to other servers
export const OUTGOING_SECONDS_MAX = 10
/** Addresses of one name that are tried. */
export const OUTGOING_ADDRESSES_MAX = 3
/** Bytes of an answer in which its status must stand. */
export const OUTGOING_ANSWER_BYTES_MAX = 1024

// Queues (chains and the pool; docs/protocol.md section 6.2)
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
/** Entries of 1 KiB that wait in a queue: so many messages at most, or so many KiB. A message takes one or more. */
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
/** Connections that wait to be accepted: those of a crowd that comes at once. The usual `net.core.somaxconn`. */
export const CONNECTIONS_WAITING_MAX = 4096
/** Clients who come all at once are let in, and sent what waits for them, for so long at a time; then others have their turn. */
export const CROWD_SLICE_MILLISECONDS = 10
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

/** Published counts of an hour are multiples of the step; the noise is a hundred requests, so that one does not show. */
export const METRIC_COUNT_STEP = 100
export const METRIC_COUNT_NOISE = 100
/** The same for shares of one. */
export const METRIC_SHARE_STEP = 0.05
export const METRIC_SHARE_NOISE = 0.02
/** The same for the memory of the process; a message is a thousandth of the noise. */
export const METRIC_MEMORY_STEP_BYTES = 128 * 1024 * 1024
export const METRIC_MEMORY_NOISE_BYTES = 64 * 1024 * 1024
/** A request that takes longer counts as slow. */
export const METRIC_SLOW_MILLISECONDS = 1000
/** The event loop is late if a timer comes later than this; it is looked at about so often. */
export const METRIC_LATE_MILLISECONDS = 100
export const METRIC_LOOK_MILLISECONDS = 5000
/** For how long an answer about metrics or health waits: longer than most requests take. */
export const METRIC_DELAY_MILLISECONDS_MIN = 100
export const METRIC_DELAY_MILLISECONDS_MAX = 400

// The demo's page
/** Larger files are not read for it. */
export const DEMO_FILE_BYTES_MAX = 16 * 1024 * 1024
/** However many ask, the files are not read more often. */
export const DEMO_LOOK_MILLISECONDS_MIN = 500
/** How long an audit waits for a moment in which the logs are scrubbed. */
export const DEMO_QUIET_MILLISECONDS_MAX = 3_000

function assertRelation(holds: boolean, relation: string): void {
  if (!holds) throw new Error(`limits.ts: ${relation} does not hold`)
}

assertRelation(HANDSHAKE_BYTES_MAX < REQUEST_BODY_BYTES_MAX, "HANDSHAKE_BYTES_MAX < REQUEST_BODY_BYTES_MAX")
assertRelation(
  APPLICATION_MESSAGE_BYTES_MAX < QUEUE_MESSAGE_BYTES_MAX,
  "application messages fit into a queue",
)
assertRelation(HANDSHAKE_BYTES_MAX < QUEUE_MESSAGE_BYTES_MAX, "handshake messages fit into a queue")
assertRelation(PROFILE_BYTES % PROFILE_PART_BYTES === 0, "a profile is whole parts")
assertRelation(
  PROFILE_NAME_BYTES_MAX + PROFILE_AVATAR_BYTES_MAX + 64 <= PROFILE_BYTES,
  "the longest name and avatar fit into a profile with what seals it",
)
assertRelation(CONNECTION_QUEUE_ENTRIES_MAX < QUEUE_ENTRIES_MAX, "strangers fill less than friends")
assertRelation(CONSUMING_CLAIMS_MAX < CONNECTION_PACKAGES_MAX, "one period's claims leave packages")
assertRelation(CONSUMING_CLAIMS_MAX < ADD_PACKAGES_MAX, "one period's claims leave AddPackages")
assertRelation(QUEUE_MESSAGE_BYTES_MAX / 1000 < CHAIN_ENTRIES_MAX, "the longest message fits into a chain")
assertRelation(CHAIN_ENTRIES_MAX < QUEUE_ENTRIES_MAX, "CHAIN_ENTRIES_MAX < QUEUE_ENTRIES_MAX")
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
assertRelation(LOGIN_SECONDS < LOGIN_WINDOW_SECONDS, "a login ends before it is forgotten that it was begun")
assertRelation(
  PRIVACY_PASS_BATCH_MAX * 32 + 7 <= TOKEN_REQUEST_BYTES_MAX,
  "a batch fits into a token request",
)
assertRelation(
  PRIVACY_PASS_BATCH_MAX * 32 + 68 <= TOKEN_RESPONSE_BYTES_MAX,
  "the answer to a batch fits into a token response",
)
assertRelation(PUSH_DELAY_MILLISECONDS_MAX < PUSH_INTERVAL_MILLISECONDS_MIN, "pushes are rarer than messages")
assertRelation(VAPID_RENEWAL_HOURS < VAPID_HOURS, "statements for push services are renewed in time")
assertRelation(
  QUEUE_RETENTION_MONTHS <= CLIENT_RETENTION_MONTHS,
  "a client that is taken for gone has nothing left to read",
)
assertRelation(
  CLIENT_CREDENTIAL_SECONDS < AS_INTERMEDIATE_CREDENTIAL_SECONDS,
  "client credentials outlive nothing above",
)
assertRelation(
  AS_INTERMEDIATE_CREDENTIAL_SECONDS < AS_CREDENTIAL_SECONDS,
  "intermediates expire before their issuer",
)
assertRelation(
  CLIENT_CREDENTIAL_SECONDS <= KEY_PACKAGE_SECONDS_MAX,
  "KeyPackages may live as long as the credentials that the client library makes them with",
)

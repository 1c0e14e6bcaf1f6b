/** The edge's own bounds; what the protocol itself limits is in src/limits.ts. */

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

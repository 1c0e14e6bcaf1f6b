/**
 * The client library, for browsers, Bun and whatever else has fetch and WebSocket: what an application needs, and nothing
 * else of it is meant to be used. Bun applications take store and cryptography from `client-bun`.
 *
 * @module cinder/client
 */

export { portableCrypto } from "../crypto/portable.ts"
export { CryptoError, type CryptoProvider } from "../crypto/provider.ts"
export {
  ADDS_PER_COMMIT_MAX,
  DELIVERY_RECEIPT_MEMBERS_MAX,
  PROFILE_AVATAR_BYTES_MAX,
  PROFILE_NAME_BYTES_MAX,
  PUSH_ENDPOINT_BYTES_MAX,
} from "../limits.ts"
export type { ProblemCode } from "../wire/problem.ts"
export type { Profile } from "../wire/profile.ts"
export { Client } from "./client.ts"
export type { ClientEvent, ClientEvents, ReceiptStatus } from "./client-event.ts"
export { CONTENT_BYTES_MAX } from "./content.ts"
export { ClientError, type ClientErrorCode, type LocalCode } from "./errors.ts"
export type { Group, Member } from "./group.ts"
export type { ClientOptions } from "./options.ts"
export type { PushTarget } from "./push.ts"
export type { MessageName } from "./receipt-sender.ts"
export { type ClientStore, copyChanges, type DurableStore, memoryStore, type StoreChange } from "./store.ts"
export { indexedDbStore } from "./stores/indexeddb.ts"
export type { Fetch } from "./transport.ts"
export type { Root } from "./trust.ts"

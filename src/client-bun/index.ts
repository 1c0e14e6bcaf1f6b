/**
 * What the client library has for Bun alone: a store in a file, and cryptography that is many times as fast.
 *
 * @module cinder/client/bun
 */

export { nativeCrypto } from "../crypto/native.ts"
export { sqliteStore } from "./sqlite-store.ts"

import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { BLOCKED_GROUPS_MAX, EARLIER_AUTH_KEYS_MAX, FORMAT_VERSION, KEY_BYTES } from "../limits.ts"
import { SlotsUnreadable } from "../veil/slot-keys.ts"
import { concat } from "../wire/bytes.ts"
import { PUSH_TOKEN_BYTES } from "../wire/push-token.ts"
import { Reader, Writer } from "../wire/tls.ts"

/**
 * What a client's record keeps beside its keys.
 *
 *     struct { u8 version; u8 sweeps_left; u16 month;
 *              u8 keys; opaque earlier_auth_keys[EARLIER_AUTH_KEYS_MAX][32];
 *              opaque block_salt[16]; u8 blocked; opaque group_hashes[BLOCKED_GROUPS_MAX][16];
 *              u8 pushes; opaque push_token[PUSH_TOKEN_BYTES]; } ClientState; what is not used is zero
 */
export interface ClientState {
  /** Monthly sweeps that will pass before the client is taken for gone, unless it is seen. */
  readonly sweepsLeft: number
  /** Months since January 2020: the last in which the client was seen for the first time, or swept. */
  readonly month: number
  /** Newest last. */
  readonly earlierAuthKeys: readonly Uint8Array[]
  readonly blockSalt: Uint8Array
  /** As {@link groupHash} makes them. */
  readonly blocked: readonly Uint8Array[]
  /** Sealed by the client. */
  readonly pushToken: Uint8Array | undefined
}

/** Bytes of a blocked group's hash, and of the salt. */
const HASH_BYTES = 16
export const CLIENT_STATE_BYTES =
  1 +
  1 +
  2 +
  (1 + EARLIER_AUTH_KEYS_MAX * KEY_BYTES) +
  (HASH_BYTES + 1 + BLOCKED_GROUPS_MAX * HASH_BYTES) +
  (1 + PUSH_TOKEN_BYTES)

/** First 16 bytes of SHA-256(label || salt || group id). */
export function groupHash(crypto: CryptoProvider, blockSalt: Uint8Array, groupId: Uint8Array): Uint8Array {
  return crypto.sha256(concat(labels.blockedGroup, blockSalt, groupId)).slice(0, HASH_BYTES)
}

export class ClientStates {
  readonly #crypto: CryptoProvider
  readonly #retentionMonths: number

  /** `retentionMonths`: whole months for which a client may stay away. */
  constructor(crypto: CryptoProvider, retentionMonths: number) {
    this.#crypto = crypto
    this.#retentionMonths = retentionMonths
  }

  /** Of a client that comes into being. */
  first(month: number): ClientState {
    const blockSalt = this.#crypto.random(HASH_BYTES)
    const state = { earlierAuthKeys: [], blockSalt, blocked: [], pushToken: undefined }
    return this.seen({ ...state, sweepsLeft: 0, month: 0 }, month)
  }

  /** The state of a client that is there in this month. */
  seen(state: ClientState, month: number): ClientState {
    return { ...state, sweepsLeft: this.#retentionMonths + 1, month }
  }

  /** Whether {@link seen} would change nothing. */
  isSeen(state: ClientState, month: number): boolean {
    return state.month === month && state.sweepsLeft === this.#retentionMonths + 1
  }

  /**
   * The state after this month's sweep, or undefined for a client that stayed away too long. The count goes down by one at
   * a time whatever the clock says, so that no clock that is set wrong makes everybody be gone at once.
   */
  swept(state: ClientState, month: number): ClientState | undefined {
    if (state.month >= month) return { ...state, month }
    const sweepsLeft = Math.min(state.sweepsLeft, this.#retentionMonths + 1) - 1
    return sweepsLeft === 0 ? undefined : { ...state, sweepsLeft, month }
  }
}

export function encodeClientState(state: ClientState): Uint8Array {
  const writer = new Writer(CLIENT_STATE_BYTES).u8(FORMAT_VERSION).u8(state.sweepsLeft).u16(state.month)
  writeList(writer, state.earlierAuthKeys, EARLIER_AUTH_KEYS_MAX, KEY_BYTES)
  writer.raw(state.blockSalt)
  writeList(writer, state.blocked, BLOCKED_GROUPS_MAX, HASH_BYTES)
  writeList(writer, state.pushToken === undefined ? [] : [state.pushToken], 1, PUSH_TOKEN_BYTES)
  return writer.view()
}

/** @throws SlotsUnreadable it is of another version */
export function decodeClientState(state: Uint8Array): ClientState {
  const reader = new Reader(state)
  if (reader.u8() !== FORMAT_VERSION) throw new SlotsUnreadable("client state version")
  return {
    sweepsLeft: reader.u8(),
    month: reader.u16(),
    earlierAuthKeys: readList(reader, EARLIER_AUTH_KEYS_MAX, KEY_BYTES),
    blockSalt: reader.raw(HASH_BYTES).slice(),
    blocked: readList(reader, BLOCKED_GROUPS_MAX, HASH_BYTES),
    pushToken: readList(reader, 1, PUSH_TOKEN_BYTES)[0],
  }
}

/** A count, the items, and zeros in place of those that it could have had. */
function writeList(writer: Writer, items: readonly Uint8Array[], max: number, bytes: number): void {
  writer.u8(items.length)
  for (const item of items) writer.raw(item)
  writer.raw(new Uint8Array((max - items.length) * bytes))
}

function readList(reader: Reader, max: number, bytes: number): Uint8Array[] {
  const count = reader.u8()
  const items = Array.from({ length: max }, () => reader.raw(bytes).slice())
  return items.slice(0, count)
}

import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { CLIENT_ID_BYTES, FORMAT_VERSION, KEY_BYTES } from "../limits.ts"
import { compare, concat, utf8 } from "../wire/bytes.ts"
import { encodeWith } from "../wire/tls.ts"

/**
 * A number that two people compare, in person or over the telephone, to be sure that no server stands between them. It
 * depends on both user ids and on the public keys of all their client credentials, and on nothing else: renewing a
 * credential for the same key does not change it, a key that somebody slipped in does, wherever it was seen.
 *
 *     struct { opaque client_id[32]; opaque public_key[32]; } ClientKey
 *     struct { u8 version; opaque user_id<V>; ClientKey clients<V>; } Party            clients in ascending order
 *
 * For each party: `h_0 = SHA-256(label || Party)`, `h_i = SHA-256(h_(i-1) || Party)`. The first 30 bytes of the last one
 * are six groups of five; each is read as a number and its last five decimal digits are taken. The smaller 30 digits come
 * first, so that both people see the same. The many rounds make it dearer to look for keys whose digits come close.
 */
export interface Party {
  /** `uuid@domain`. */
  readonly user: string
  readonly clients: readonly { readonly client: Uint8Array; readonly key: Uint8Array }[]
}

const ROUNDS = 5200
const GROUPS = 6
const GROUP_BYTES = 5
const GROUP_DIGITS = 5

/** 60 decimal digits, the same whichever of the two is named first. */
export function safetyNumber(crypto: CryptoProvider, one: Party, other: Party): string {
  return [digitsOf(crypto, one), digitsOf(crypto, other)].sort().join("")
}

function digitsOf(crypto: CryptoProvider, party: Party): string {
  const encoded = encodeParty(party)
  let hash = crypto.sha256(concat(labels.safetyNumber, encoded))
  for (let round = 0; round < ROUNDS; round++) hash = crypto.sha256(concat(hash, encoded))
  return Array.from({ length: GROUPS }, (_, i) =>
    group(hash.subarray(i * GROUP_BYTES, (i + 1) * GROUP_BYTES)),
  ).join("")
}

function encodeParty({ user, clients }: Party): Uint8Array {
  const keys = clients.map(({ client, key }) => concat(client, key)).sort(compare)
  const distinct = keys.filter((key, i) => i === 0 || compare(key, keys[i - 1] as Uint8Array) !== 0)
  if (distinct.some(({ length }) => length !== CLIENT_ID_BYTES + KEY_BYTES)) throw new TypeError("client key")
  return encodeWith(distinct, (writer, list) => {
    writer.u8(FORMAT_VERSION).opaque(utf8(user))
    writer.vector(list, (inner, key) => inner.raw(key))
  })
}

function group(bytes: Uint8Array): string {
  const value = bytes.reduce((sum, byte) => 256 * sum + byte, 0)
  return (value % 10 ** GROUP_DIGITS).toString().padStart(GROUP_DIGITS, "0")
}

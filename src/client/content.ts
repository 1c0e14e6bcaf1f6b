import { APPLICATION_MESSAGE_BYTES_MAX, FORMAT_VERSION } from "../limits.ts"
import { decodeAddUsersData, decodeExternalCommitData, decodeUpdateClientData } from "../wire/commit-data.ts"
import { CodecError, decodeAll, encodeWith } from "../wire/tls.ts"
import type { ContentKind } from "./group-records.ts"

/**
 * What is inside an application message:
 *
 *     enum { application(1), friendship(2), receipt(3), (255) } ContentKind
 *     struct { u8 version; ContentKind kind; u64 sequence; opaque body<V>; } Content
 *
 * `sequence` counts the messages of one member in one group. A message whose fate its sender does not know is encrypted
 * again for the next epoch under the same number, and whoever has that number already drops it.
 */
export interface Content {
  readonly kind: ContentKind
  readonly sequence: number
  readonly body: Uint8Array
}

/** The longest body: what is left of an application message after framing and padding. */
export const CONTENT_BYTES_MAX = APPLICATION_MESSAGE_BYTES_MAX - 20 * 1024

const kinds = { application: 1, friendship: 2, receipt: 3 } as const

export function encodeContent({ kind, sequence, body }: Content): Uint8Array {
  return encodeWith(body, (writer) => {
    writer.u8(FORMAT_VERSION).u8(kinds[kind]).u64(BigInt(sequence)).opaque(body)
  })
}

/** Throws CodecError unless the bytes are one Content. */
export function decodeContent(bytes: Uint8Array): Content {
  return decodeAll(bytes, (reader) => {
    if (reader.u8() !== FORMAT_VERSION) throw new CodecError("content version")
    const code = reader.u8()
    const sequence = reader.u64()
    if (sequence > BigInt(Number.MAX_SAFE_INTEGER - 1)) throw new CodecError("content sequence")
    const body = reader.opaque().slice()
    if (code === kinds.application) return { kind: "application", sequence: Number(sequence), body }
    if (code === kinds.friendship) return { kind: "friendship", sequence: Number(sequence), body }
    if (code === kinds.receipt) return { kind: "receipt", sequence: Number(sequence), body }
    throw new CodecError("content kind")
  })
}

/** The encrypted credentials of the leaves that a commit brings. Throws CodecError. */
export function decodeCommitData(
  bytes: Uint8Array,
  commit: { readonly external: boolean; readonly adds: boolean },
): Uint8Array[] {
  if (commit.external) return [decodeExternalCommitData(bytes)]
  if (commit.adds) return decodeAddUsersData(bytes)
  if (bytes.length === 0) return []
  const replaced = decodeUpdateClientData(bytes)
  return replaced === undefined ? [] : [replaced]
}

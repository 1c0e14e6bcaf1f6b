import type { Reader, Writer } from "../wire/tls.ts"

/**
 * A proposal of the current epoch that waits to be committed; each removes one leaf. The store ends with the epoch.
 *
 *     enum { member(0), server(1), (255) } Origin
 *     struct { u32 leaf; Origin by; opaque message<V>; } StoredProposal
 */
export interface StoredProposal {
  /** The leaf that goes. */
  readonly leaf: number
  /** Proposed by the DS; otherwise by the member itself. */
  readonly byServer: boolean
  /** MLSMessage. */
  readonly message: Uint8Array
}

export function writeStoredProposal(writer: Writer, { leaf, byServer, message }: StoredProposal): void {
  writer
    .u32(leaf)
    .u8(byServer ? 1 : 0)
    .opaque(message)
}

export function readStoredProposal(reader: Reader): StoredProposal {
  return { leaf: reader.u32(), byServer: reader.u8() === 1, message: reader.opaque() }
}

import { encodeWith, Reader, type Writer } from "../wire/tls.ts"

/**
 * Encrypted client credentials of the members, in the order of their leaves: `EncryptedCredential credentials<V>`.
 * The DS cannot open them, and almost all of them go from one tree record into the next as they lie: they are held as
 * stretches of bytes, each of which has whole entries.
 *
 *     struct { u32 leaf; opaque credential<V>; } EncryptedCredential
 */
export type EncryptedCredentials = readonly Uint8Array[]

export interface EncryptedCredential {
  readonly leaf: number
  readonly credential: Uint8Array
}

/** What a leaf's credential becomes, or was; undefined: none. */
export interface CredentialChange {
  readonly leaf: number
  readonly credential: Uint8Array | undefined
}

export function writeCredentials(writer: Writer, credentials: EncryptedCredentials): void {
  writer.vectorHeader(credentials.reduce((sum, { length }) => sum + length, 0))
  for (const stretch of credentials) writer.raw(stretch)
}

export function readCredentials(reader: Reader): EncryptedCredentials {
  return [reader.opaque()]
}

/** Each credential, as a copy. */
export function listCredentials(credentials: EncryptedCredentials): EncryptedCredential[] {
  return credentials.flatMap((stretch) => {
    const reader = new Reader(stretch.slice())
    const entries: EncryptedCredential[] = []
    while (reader.remaining > 0) entries.push({ leaf: reader.u32(), credential: reader.opaque() })
    return entries
  })
}

/** `struct { u32 leaf; optional<opaque<V>> credential; } CredentialChange` */
export function writeChange(writer: Writer, change: CredentialChange): void {
  writer.u32(change.leaf).optional(change.credential, (w, credential) => w.opaque(credential))
}

export function readChange(reader: Reader): CredentialChange {
  return { leaf: reader.u32(), credential: reader.optional((r) => r.opaque()) }
}

/** Applies changes, of which a later one for the same leaf wins, and says how to take them back. */
export function changeCredentials(
  credentials: EncryptedCredentials,
  changes: readonly CredentialChange[],
): { readonly credentials: EncryptedCredentials; readonly undo: CredentialChange[] } {
  const due = [...new Map(changes.map((change) => [change.leaf, change])).values()]
  due.sort((a, b) => a.leaf - b.leaf)
  const changed: Uint8Array[] = []
  const undo: CredentialChange[] = []
  const changeUpTo = (leaf: number, was?: Uint8Array) => {
    for (let next = due[undo.length]; next !== undefined && next.leaf <= leaf; next = due[undo.length]) {
      if (next.credential !== undefined)
        changed.push(encodeWith(next as EncryptedCredential, writeCredential))
      undo.push({ leaf: next.leaf, credential: next.leaf === leaf ? was : undefined })
    }
  }
  for (const stretch of credentials) {
    let kept = 0
    for (const reader = new Reader(stretch); reader.remaining > 0 && undo.length < due.length; ) {
      const at = reader.offset
      const leaf = reader.u32()
      const next = (due[undo.length] as CredentialChange).leaf
      if (leaf < next) {
        reader.skipOpaque()
        continue
      }
      changed.push(stretch.subarray(kept, at))
      const credential = reader.opaque()
      changeUpTo(leaf, credential)
      kept = due[undo.length - 1]?.leaf === leaf ? reader.offset : at
    }
    changed.push(stretch.subarray(kept))
  }
  changeUpTo(Number.POSITIVE_INFINITY)
  return { credentials: changed, undo }
}

function writeCredential(writer: Writer, entry: EncryptedCredential): void {
  writer.u32(entry.leaf).opaque(entry.credential)
}

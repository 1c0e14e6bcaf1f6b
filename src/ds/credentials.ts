import type { Reader, Writer } from "../wire/tls.ts"

/**
 * Encrypted client credentials of the members, in the order of their leaves: `EncryptedCredential credentials<V>`.
 * The DS cannot open them.
 *
 *     struct { u32 leaf; opaque credential<V>; } EncryptedCredential
 */
export interface EncryptedCredential {
  readonly leaf: number
  readonly credential: Uint8Array
}

/** What a leaf's credential becomes, or was; undefined: none. */
export interface CredentialChange {
  readonly leaf: number
  readonly credential: Uint8Array | undefined
}

export function writeCredential(writer: Writer, entry: EncryptedCredential): void {
  writer.u32(entry.leaf).opaque(entry.credential)
}

export function readCredential(reader: Reader): EncryptedCredential {
  return { leaf: reader.u32(), credential: reader.opaque() }
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
  credentials: readonly EncryptedCredential[],
  changes: readonly CredentialChange[],
): { readonly credentials: EncryptedCredential[]; readonly undo: CredentialChange[] } {
  if (changes.length === 0) return { credentials: [...credentials], undo: [] }
  const next = new Map(changes.map(({ leaf, credential }) => [leaf, credential]))
  const before = new Map<number, Uint8Array>()
  const kept: EncryptedCredential[] = []
  for (const entry of credentials) {
    if (next.has(entry.leaf)) before.set(entry.leaf, entry.credential)
    else kept.push(entry)
  }
  for (const [leaf, credential] of next) if (credential !== undefined) kept.push({ leaf, credential })
  return {
    credentials: kept.sort((a, b) => a.leaf - b.leaf),
    undo: [...next.keys()].map((leaf) => ({ leaf, credential: before.get(leaf) })),
  }
}

import { equal } from "../../wire/bytes.ts"
import { SUITE_KEM_BYTES, SUITE_SIGNATURE_KEY_BYTES } from "../codec/protocol.ts"
import type { TreeView } from "./view.ts"

/** Offsets within an entry whose keys have the suite's length: optional, type, length, key, length, key. */
const ENCRYPTION_KEY_AT = 3
const SIGNATURE_KEY_AT = ENCRYPTION_KEY_AT + SUITE_KEM_BYTES + 1

/** A key that must not be in the tree anywhere but at `node`. */
export interface KeyPlace {
  readonly key: Uint8Array
  /** Where the key belongs, or -1 if it is not in the tree. */
  readonly node: number
}

/** The keys by their first four bytes, so that a scan of the tree looks at almost none of them. */
function byPrefix(keys: readonly KeyPlace[]): Map<number, KeyPlace[]> {
  const table = new Map<number, KeyPlace[]>()
  for (const place of keys) {
    const prefix = prefixAt(place.key, 0)
    const others = table.get(prefix)
    if (others === undefined) table.set(prefix, [place])
    else others.push(place)
  }
  return table
}

function prefixAt(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] as number) << 24) |
    ((bytes[offset + 1] as number) << 16) |
    ((bytes[offset + 2] as number) << 8) |
    (bytes[offset + 3] as number)
  )
}

function occursElsewhere(
  table: Map<number, KeyPlace[]>,
  node: number,
  buffer: Uint8Array,
  offset: number,
): boolean {
  const candidates = table.get(prefixAt(buffer, offset))
  if (candidates === undefined) return false
  const key = buffer.subarray(offset, offset + SUITE_KEM_BYTES)
  return candidates.some((place) => place.node !== node && equal(place.key, key))
}

/** Whether one of these encryption keys is at another node than its own. All keys in the tree have the suite's length. */
export function encryptionKeyOccurs(view: TreeView, keys: readonly KeyPlace[]): boolean {
  if (keys.length === 0) return false
  const table = byPrefix(keys)
  let found = false
  view.forEachEntry((node, buffer, offset) => {
    found ||= occursElsewhere(table, node, buffer, offset + ENCRYPTION_KEY_AT)
  })
  return found
}

/** Whether one of these signature keys is at another leaf than its own. All keys in the tree have the suite's length. */
export function signatureKeyOccurs(view: TreeView, keys: readonly KeyPlace[]): boolean {
  if (keys.length === 0) return false
  const table = byPrefix(keys)
  let found = false
  view.forEachEntry((node, buffer, offset) => {
    if (node % 2 === 0) found ||= occursElsewhere(table, node, buffer, offset + SIGNATURE_KEY_AT)
  })
  return found
}

/** The credential types at leaves, found without decoding them. */
export function credentialTypesInUse(view: TreeView): Set<number> {
  const types = new Set<number>()
  const at = SIGNATURE_KEY_AT + SUITE_SIGNATURE_KEY_BYTES
  view.forEachEntry((node, buffer, offset) => {
    if (node % 2 === 0)
      types.add(((buffer[offset + at] as number) << 8) | (buffer[offset + at + 1] as number))
  })
  return types
}

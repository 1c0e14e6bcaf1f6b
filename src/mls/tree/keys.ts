import { equal } from "../../wire/bytes.ts"
import type { TreeView } from "./view.ts"

/** Where an entry's encryption key begins, with its length: after optional and type. A leaf's signature key follows. */
const ENCRYPTION_KEY_AT = 2

/** Where the bytes of a key begin whose length is at an offset; keys are never longer than two bytes can say. */
function contentAt(buffer: Uint8Array, offset: number): number {
  return offset + ((buffer[offset] as number) < 0x40 ? 1 : 2)
}

function contentEnd(buffer: Uint8Array, offset: number): number {
  const first = buffer[offset] as number
  if (first < 0x40) return offset + 1 + first
  return offset + 2 + (((first & 0x3f) << 8) | (buffer[offset + 1] as number))
}

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
  keyAt: number,
): boolean {
  const start = contentAt(buffer, keyAt)
  const candidates = table.get(prefixAt(buffer, start))
  if (candidates === undefined) return false
  const key = buffer.subarray(start, contentEnd(buffer, keyAt))
  return candidates.some((place) => place.node !== node && equal(place.key, key))
}

/** Whether one of these encryption keys is at another node than its own. */
export function encryptionKeyOccurs(view: TreeView, keys: readonly KeyPlace[]): boolean {
  if (keys.length === 0) return false
  const table = byPrefix(keys)
  let found = false
  view.forEachEntry((node, buffer, offset) => {
    found ||= occursElsewhere(table, node, buffer, offset + ENCRYPTION_KEY_AT)
  })
  return found
}

/** Whether one of these signature keys is at another leaf than its own. */
export function signatureKeyOccurs(view: TreeView, keys: readonly KeyPlace[]): boolean {
  if (keys.length === 0) return false
  const table = byPrefix(keys)
  let found = false
  view.forEachEntry((node, buffer, offset) => {
    if (node % 2 === 0)
      found ||= occursElsewhere(table, node, buffer, contentEnd(buffer, offset + ENCRYPTION_KEY_AT))
  })
  return found
}

/** The credential types at leaves, found without decoding them. */
export function credentialTypesInUse(view: TreeView): Set<number> {
  const types = new Set<number>()
  view.forEachEntry((node, buffer, offset) => {
    if (node % 2 === 1) return
    const at = contentEnd(buffer, contentEnd(buffer, offset + ENCRYPTION_KEY_AT))
    types.add(((buffer[at] as number) << 8) | (buffer[at + 1] as number))
  })
  return types
}

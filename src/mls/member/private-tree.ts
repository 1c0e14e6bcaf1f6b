import { equal } from "../../wire/bytes.ts"
import { Reader, type Writer } from "../../wire/tls.ts"
import { NODE_HEADER_BYTES } from "../codec/node.ts"
import { nodeCount } from "../tree/math.ts"
import type { TreeView } from "../tree/view.ts"

/** The encryption key at a node that is not blank, as a view. Leaves and parents begin with it. */
export function encryptionKeyAt(view: TreeView, node: number): Uint8Array {
  return new Reader(view.entry(node).subarray(NODE_HEADER_BYTES)).opaque()
}

/** Whether a node is in both trees with the same encryption key. */
function sameKey(before: TreeView, after: TreeView, node: number): boolean {
  if (node >= nodeCount(after.leafWidth) || node >= nodeCount(before.leafWidth)) return false
  if (before.isBlank(node) || after.isBlank(node)) return false
  return equal(encryptionKeyAt(before, node), encryptionKeyAt(after, node))
}

/**
 * The secret keys a member knows: that of its own leaf and those of nodes above it (RFC 9420 section 7.1), by node
 * index. A value: changes make a new one that shares the keys it keeps.
 */
export class PrivateTree {
  readonly #keys: ReadonlyMap<number, Uint8Array>

  constructor(keys: ReadonlyMap<number, Uint8Array>) {
    this.#keys = keys
  }

  /** The secret key of a node, if it is known. */
  get(node: number): Uint8Array | undefined {
    return this.#keys.get(node)
  }

  /**
   * What is left after a commit: a key is kept while its node has the same public key, and `fresh` is put over it.
   * `dropped` are the keys that nothing needs any more.
   */
  advance(
    before: TreeView,
    after: TreeView,
    fresh: ReadonlyMap<number, Uint8Array>,
  ): { tree: PrivateTree; dropped: Uint8Array[] } {
    const keys = new Map(fresh)
    const dropped: Uint8Array[] = []
    for (const [node, key] of this.#keys) {
      if (!fresh.has(node) && sameKey(before, after, node)) keys.set(node, key)
      else dropped.push(key)
    }
    return { tree: new PrivateTree(keys), dropped }
  }

  /** The same with more keys; for nodes whose key is known already, `keys` goes first. */
  with(keys: ReadonlyMap<number, Uint8Array>): PrivateTree {
    return new PrivateTree(new Map([...this.#keys, ...keys]))
  }

  /** All keys, to be wiped. */
  secrets(): Uint8Array[] {
    return [...this.#keys.values()]
  }

  write(writer: Writer): void {
    writer.vector(this.#keys, (w, [node, key]) => w.u32(node).opaque(key))
  }

  /** The reverse of {@link write}; keys are copies. Throws CodecError. */
  static read(reader: Reader): PrivateTree {
    return new PrivateTree(new Map(reader.vector((r) => [r.u32(), r.opaque().slice()] as const)))
  }
}

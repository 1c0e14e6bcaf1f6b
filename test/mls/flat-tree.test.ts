import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { decodeLeafNode, encodeLeafNode } from "../../src/mls/codec/leaf-node.ts"
import type { UpdatePath } from "../../src/mls/codec/update-path.ts"
import { MlsError } from "../../src/mls/error.ts"
import { checkPathShape, mergePath } from "../../src/mls/group/update-path.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { TreeEdit } from "../../src/mls/tree/edit.ts"
import { FlatTree } from "../../src/mls/tree/flat-tree.ts"
import { checkParentHashes, checkUnmergedLeaves } from "../../src/mls/tree/parent-hash.ts"
import { resolution } from "../../src/mls/tree/view.ts"
import { anyLifetime, distinctKey, unsignedLeaf } from "./leaves.ts"
import { LinkedTree } from "./linked-tree.ts"

const suite = suite1(nativeCrypto)

/** The flat tree held against the linked one over random histories. */

/** One commit; numbers are taken modulo the members there are. */
interface Step {
  readonly updates: readonly number[]
  readonly removes: readonly number[]
  readonly adds: number
  readonly committer: number
  readonly path: boolean
}

const step = fc.record<Step>({
  updates: fc.array(fc.nat(40), { maxLength: 2 }),
  removes: fc.array(fc.nat(40), { maxLength: 4 }),
  adds: fc.nat(5),
  committer: fc.nat(40),
  path: fc.boolean(),
})

/** Both trees through the same history. */
class Pair {
  readonly linked: LinkedTree
  flat: FlatTree
  #serial = 1

  constructor() {
    const first = encodeLeafNode(unsignedLeaf(0, anyLifetime))
    this.linked = new LinkedTree(first)
    this.flat = FlatTree.decode(suite, this.linked.encode())
  }

  /** Applies one commit to both and returns the undo log of the flat one. */
  commit({ updates, removes, adds, committer, path }: Step): Uint8Array {
    const edit = new TreeEdit(suite, this.flat)
    const members = this.linked.members
    const author = members[committer % members.length]!
    const others = members.filter((leaf) => leaf !== author)
    const pick = (numbers: readonly number[]) =>
      others.length === 0 ? [] : [...new Set(numbers.map((number) => others[number % others.length]!))]
    const removed = pick(removes)
    for (const leaf of pick(updates)) {
      if (removed.includes(leaf)) continue
      const content = encodeLeafNode(unsignedLeaf(this.#serial++, { kind: "update" }))
      this.linked.update(leaf, content)
      edit.update(leaf, content)
    }
    for (const leaf of removed) {
      this.linked.remove(leaf)
      edit.remove(leaf)
    }
    const added: number[] = []
    for (let i = 0; i < adds; i++) {
      const content = encodeLeafNode(unsignedLeaf(this.#serial++, anyLifetime))
      const leaf = this.linked.add(content)
      expect(edit.add(content)).toBe(leaf)
      added.push(leaf)
    }
    if (path) this.#mergePath(edit, author, added)
    const { tree, undo } = edit.finish()
    this.flat = tree
    return undo
  }

  #mergePath(edit: TreeEdit, author: number, added: readonly number[]): void {
    const shape = this.linked.pathShape(author, added)
    const keys = shape.map((_, i) => distinctKey(1_000_000 + 100 * this.#serial + i))
    const number = this.#serial++
    let leafNode = unsignedLeaf(number, anyLifetime)
    this.linked.mergePath(author, keys, (parentHash) => {
      leafNode = unsignedLeaf(number, { kind: "commit", parentHash })
      return encodeLeafNode(leafNode)
    })
    const sealed = { kemOutput: new Uint8Array(32), ciphertext: new Uint8Array(48) }
    const path: UpdatePath = {
      leafNode,
      nodes: shape.map((receivers, i) => ({
        encryptionKey: keys[i]!,
        encryptedPathSecrets: Array(receivers).fill(sealed),
      })),
    }
    const steps = checkPathShape(suite, edit, author, path, new Set(added))
    mergePath(suite, edit, author, path, steps)
  }
}

function hashesOf(tree: FlatTree): Uint8Array[] {
  return Array.from({ length: 2 * tree.leafWidth - 1 }, (_, node) => tree.hash(node))
}

describe("the flat tree", () => {
  test("has the bytes, hashes and resolutions of the tree that RFC 9420 describes", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
        const pair = new Pair()
        for (const one of steps) {
          pair.commit(one)
          const { flat, linked } = pair
          expect(flat.encode()).toEqual(linked.encode())
          expect(flat.leafWidth).toBe(linked.leafWidth)
          expect(flat.members()).toEqual(linked.members)
          expect(flat.memberCount).toBe(linked.members.length)
          expect(hashesOf(flat)).toEqual(linked.hashes())
          const resolutions = hashesOf(flat).map((_, node) => resolution(flat, node))
          expect(resolutions).toEqual(linked.resolutions())
        }
      }),
      { numRuns: 100 },
    )
  })

  test("is the same computed step by step, decoded anew, or loaded from a snapshot", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
        const pair = new Pair()
        for (const one of steps) pair.commit(one)
        const snapshot = pair.flat.snapshot()
        expect(FlatTree.decode(suite, pair.flat.encode()).snapshot()).toEqual(snapshot)
        expect(FlatTree.load(snapshot).snapshot()).toEqual(snapshot)
      }),
      { numRuns: 100 },
    )
  })

  test("goes back through its undo logs, bit for bit", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
        const pair = new Pair()
        const history = steps.map((one) => {
          const before = pair.flat.snapshot()
          return { before, undo: pair.commit(one) }
        })
        let tree = pair.flat
        for (const { before, undo } of history.reverse()) {
          tree = tree.revert(undo)
          expect(tree.snapshot()).toEqual(before)
        }
      }),
      { numRuns: 100 },
    )
  })

  test("keeps parent hashes valid through any history, and notices one changed byte in them", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), fc.nat(), (steps, which) => {
        const pair = new Pair()
        for (const one of steps) pair.commit(one)
        const { flat, linked } = pair
        checkUnmergedLeaves(flat)
        checkParentHashes(suite, flat)
        const carried = (leaf: Uint8Array) => {
          const { source } = decodeLeafNode(leaf)
          return source.kind === "commit" ? source.parentHash : undefined
        }
        expect(linked.parentHashesHold(carried)).toBe(true)
        const parents = hashesOf(flat).flatMap((_, node) =>
          node % 2 === 1 && !flat.isBlank(node) ? [node] : [],
        )
        if (parents.length === 0) return
        const node = parents[which % parents.length]!
        const bytes = flat.encode()
        const at = bytes.length - encodedFrom(flat, node)
        bytes[at + 10]! ^= 1
        const changed = FlatTree.decode(suite, bytes)
        expect(() => checkParentHashes(suite, changed)).toThrow(MlsError)
      }),
      { numRuns: 100 },
    )
  })

  test("leaves the tree it came from as it was", () => {
    const pair = new Pair()
    pair.commit({ updates: [], removes: [], adds: 5, committer: 0, path: true })
    const before = pair.flat
    const snapshot = before.snapshot()
    pair.commit({ updates: [1], removes: [2, 4], adds: 4, committer: 3, path: true })
    expect(before.snapshot()).toEqual(snapshot)
  })

  test("refuses any damaged encoding, snapshot or undo log with MlsError alone, or reads it whole", () => {
    const pair = new Pair()
    const undo = pair.commit({ updates: [], removes: [], adds: 4, committer: 0, path: true })
    const tree = pair.flat
    const readers: [Uint8Array, (bytes: Uint8Array) => Uint8Array][] = [
      [tree.encode(), (bytes) => FlatTree.decode(suite, bytes).encode()],
      [tree.snapshot(), (bytes) => FlatTree.load(bytes).snapshot()],
      [undo, (bytes) => tree.revert(bytes).snapshot()],
    ]
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, flip, cut) => {
        for (const [original, read] of readers) {
          const bytes = cut ? original.slice(0, at % original.length) : original.slice()
          if (!cut) bytes[at % bytes.length]! ^= flip
          try {
            read(bytes)
          } catch (error) {
            expect(error).toBeInstanceOf(MlsError)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  test("refuses trailing bytes, blank ends, nothing at all and more leaves than the bound", () => {
    const { flat } = new Pair()
    const decode = (bytes: Uint8Array) => () => FlatTree.decode(suite, bytes)
    expect(decode(new Uint8Array([...flat.encode(), 0]))).toThrow(MlsError)
    expect(decode(Uint8Array.of(0))).toThrow(MlsError)
    expect(decode(Uint8Array.of(2, 0, 0))).toThrow(MlsError)
    const blanks = new Uint8Array(4 + 140_000)
    blanks.set([0x80, 2, 0x22, 0xe0])
    expect(decode(blanks)).toThrow(MlsError)
  })
})

/** How many bytes of the encoding there are from a node to the end. */
function encodedFrom(tree: FlatTree, from: number): number {
  let last = 2 * tree.leafWidth - 2
  while (tree.isBlank(last)) last--
  let length = 0
  for (let node = from; node <= last; node++) length += tree.entry(node).length
  return length
}

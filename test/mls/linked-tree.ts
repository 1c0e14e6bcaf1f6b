import { createHash } from "node:crypto"
import { concat, equal } from "../../src/wire/bytes.ts"
import { Writer } from "../../src/wire/tls.ts"

/**
 * The ratchet tree as RFC 9420 tells it: linked nodes, every step written straight from the text and nothing remembered.
 * Slow on purpose; tests hold the flat tree against it.
 */

interface Leaf {
  readonly kind: "leaf"
  readonly index: number
  content: Uint8Array | undefined
}

interface ParentContent {
  readonly encryptionKey: Uint8Array
  readonly parentHash: Uint8Array
  unmergedLeaves: number[]
}

interface Parent {
  readonly kind: "parent"
  content: ParentContent | undefined
  readonly left: Node
  readonly right: Node
}

type Node = Leaf | Parent

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest())
}

function blankSubtree(first: number, width: number): Node {
  if (width === 1) return { kind: "leaf", index: first, content: undefined }
  const half = width / 2
  return {
    kind: "parent",
    content: undefined,
    left: blankSubtree(first, half),
    right: blankSubtree(first + half, half),
  }
}

function leavesOf(node: Node): Leaf[] {
  return node.kind === "leaf" ? [node] : [...leavesOf(node.left), ...leavesOf(node.right)]
}

function inOrder(node: Node): Node[] {
  return node.kind === "leaf" ? [node] : [...inOrder(node.left), node, ...inOrder(node.right)]
}

function encodeParent({ encryptionKey, parentHash, unmergedLeaves }: ParentContent): Uint8Array {
  return new Writer()
    .opaque(encryptionKey)
    .opaque(parentHash)
    .vector(unmergedLeaves, (writer, leaf) => writer.u32(leaf))
    .finish()
}

/** Section 7.8. `without` are leaves that count as blank and as merged (section 7.9). */
function treeHash(node: Node, without: ReadonlySet<number> = new Set()): Uint8Array {
  const writer = new Writer()
  if (node.kind === "leaf") {
    writer.u8(1).u32(node.index)
    const content = without.has(node.index) ? undefined : node.content
    writer.optional(content, (w, bytes) => w.raw(bytes))
  } else {
    const content = node.content && {
      ...node.content,
      unmergedLeaves: node.content.unmergedLeaves.filter((leaf) => !without.has(leaf)),
    }
    writer.u8(2).optional(content, (w, parent) => w.raw(encodeParent(parent)))
    writer.opaque(treeHash(node.left, without)).opaque(treeHash(node.right, without))
  }
  return sha256(writer.finish())
}

/** Section 4.1.1. */
function resolutionOf(node: Node, leaves: readonly Leaf[]): Node[] {
  if (node.content === undefined) {
    return node.kind === "leaf"
      ? []
      : [...resolutionOf(node.left, leaves), ...resolutionOf(node.right, leaves)]
  }
  return node.kind === "leaf"
    ? [node]
    : [node, ...(node.content as ParentContent).unmergedLeaves.map((index) => leaves[index]!)]
}

export class LinkedTree {
  #root: Node

  constructor(first: Uint8Array) {
    this.#root = { kind: "leaf", index: 0, content: first }
  }

  get leafWidth(): number {
    return leavesOf(this.#root).length
  }

  get members(): number[] {
    return leavesOf(this.#root)
      .filter(({ content }) => content !== undefined)
      .map(({ index }) => index)
  }

  hashes(): Uint8Array[] {
    return inOrder(this.#root).map((node) => treeHash(node))
  }

  resolutions(): number[][] {
    const nodes = inOrder(this.#root)
    const leaves = leavesOf(this.#root)
    return nodes.map((node) => resolutionOf(node, leaves).map((other) => nodes.indexOf(other)))
  }

  /** Section 12.4.3.3. */
  encode(): Uint8Array {
    const nodes = inOrder(this.#root)
    while (nodes.at(-1)?.content === undefined) nodes.pop()
    const content = nodes.map((node) => {
      if (node.content === undefined) return Uint8Array.of(0)
      return node.kind === "leaf"
        ? concat(Uint8Array.of(1, 1), node.content as Uint8Array)
        : concat(Uint8Array.of(1, 2), encodeParent(node.content as ParentContent))
    })
    return new Writer().opaque(concat(...content)).finish()
  }

  /** The ancestors of a leaf, lowest first, each with its children on and off the path. */
  #directPath(leaf: number): { node: Parent; child: Node; copath: Node }[] {
    const steps: { node: Parent; child: Node; copath: Node }[] = []
    let at = this.#root
    while (at.kind === "parent") {
      const isLeft = leavesOf(at.left).some(({ index }) => index === leaf)
      const [child, copath] = isLeft ? [at.left, at.right] : [at.right, at.left]
      steps.unshift({ node: at, child, copath })
      at = child
    }
    return steps
  }

  #blank(leaf: number): void {
    for (const { node } of this.#directPath(leaf)) node.content = undefined
  }

  /** Section 12.1.1. */
  add(content: Uint8Array): number {
    let free = leavesOf(this.#root).find((leaf) => leaf.content === undefined)
    if (free === undefined) {
      const width = this.leafWidth
      const right = blankSubtree(width, width)
      this.#root = { kind: "parent", content: undefined, left: this.#root, right }
      free = leavesOf(right)[0]!
    }
    for (const { node } of this.#directPath(free.index)) {
      if (node.content !== undefined) {
        node.content.unmergedLeaves = [...node.content.unmergedLeaves, free.index].sort((a, b) => a - b)
      }
    }
    free.content = content
    return free.index
  }

  /** Section 12.1.2. */
  update(leaf: number, content: Uint8Array): void {
    leavesOf(this.#root)[leaf]!.content = content
    this.#blank(leaf)
  }

  /** Section 12.1.3. */
  remove(leaf: number): void {
    leavesOf(this.#root)[leaf]!.content = undefined
    this.#blank(leaf)
    while (
      this.#root.kind === "parent" &&
      leavesOf(this.#root.right).every(({ content }) => content === undefined)
    ) {
      this.#root = this.#root.left
    }
  }

  /** How many keys a path of this leaf has (section 4.1.2), and to how many nodes each is encrypted. */
  pathShape(leaf: number, without: readonly number[]): number[] {
    const leaves = leavesOf(this.#root)
    return this.#filteredPath(leaf).map(
      ({ copath }) =>
        resolutionOf(copath, leaves).filter((node) => node.kind === "parent" || !without.includes(node.index))
          .length,
    )
  }

  #filteredPath(leaf: number): { node: Parent; child: Node; copath: Node }[] {
    const leaves = leavesOf(this.#root)
    return this.#directPath(leaf).filter(({ copath }) => resolutionOf(copath, leaves).length > 0)
  }

  /** Sections 7.5 and 7.9: sets the keys of a path and the leaf that `makeLeaf` makes of the parent hash. */
  mergePath(
    leaf: number,
    keys: readonly Uint8Array[],
    makeLeaf: (parentHash: Uint8Array) => Uint8Array,
  ): void {
    const filtered = this.#filteredPath(leaf)
    this.#blank(leaf)
    let parentHash: Uint8Array = new Uint8Array(0)
    for (const [i, { node, copath }] of [...filtered.entries()].reverse()) {
      const encryptionKey = keys[i]!
      node.content = { encryptionKey, parentHash, unmergedLeaves: [] }
      const input = new Writer().opaque(encryptionKey).opaque(parentHash).opaque(treeHash(copath))
      parentHash = sha256(input.finish())
    }
    leavesOf(this.#root)[leaf]!.content = makeLeaf(parentHash)
  }

  /** Whether every parent has exactly one descendant with its parent hash (section 7.9.2, "top down"). */
  parentHashesHold(parentHashOf: (leaf: Uint8Array) => Uint8Array | undefined): boolean {
    const leaves = leavesOf(this.#root)
    return inOrder(this.#root).every((node) => {
      if (node.kind === "leaf" || node.content === undefined) return true
      const { content } = node
      const sides = [
        [node.left, node.right],
        [node.right, node.left],
      ] as const
      const chained = sides.flatMap(([child, sibling]) => {
        const original = treeHash(sibling, new Set(content.unmergedLeaves))
        const input = new Writer().opaque(content.encryptionKey).opaque(content.parentHash).opaque(original)
        const expected = sha256(input.finish())
        const below = new Set(leavesOf(child).map(({ index }) => index))
        const unmerged = content.unmergedLeaves.filter((leaf) => below.has(leaf))
        const candidates = resolutionOf(child, leaves)
        return candidates.filter((candidate) => {
          const carried =
            candidate.kind === "leaf"
              ? parentHashOf(candidate.content as Uint8Array)
              : (candidate.content as ParentContent).parentHash
          const others = candidates.filter((other) => other !== candidate)
          const same =
            others.length === unmerged.length &&
            others.every((other) => other.kind === "leaf" && unmerged.includes(other.index))
          return same && carried !== undefined && equal(carried, expected)
        })
      })
      return chained.length === 1
    })
  }
}

import { wipe } from "../../crypto/wipe.ts"
import { utf8 } from "../../wire/bytes.ts"
import { decodeAll, Writer } from "../../wire/tls.ts"
import { check, decoding, MlsError } from "../error.ts"
import { expandWithLabel } from "../labels.ts"
import type { CipherSuite } from "../suite.ts"
import { LEAF_WIDTH_MAX } from "../tree/flat-tree.ts"
import { directPath, leftOf, rightOf, rootOf, widthFor } from "../tree/math.ts"
import {
  type MessageKey,
  type Ratchet,
  ratchetSecrets,
  readRatchet,
  readSecret,
  type Turned,
  turn,
  turnTo,
  writeRatchet,
} from "./ratchet.ts"
import { memberRules } from "./rules.ts"

export type RatchetKind = "handshake" | "application"

/** A message key with the tree after it. */
export interface TakenKey extends MessageKey {
  readonly next: SecretTree
  /** Secrets that `next` no longer has, to be overwritten once it is stored; key and nonce are not among them. */
  readonly consumed: readonly Uint8Array[]
  /**
   * Secrets that were derived for this take alone, key and nonce among them: to be overwritten instead of `consumed` if
   * the message turns out to be none and `next` is not used.
   */
  readonly fresh: readonly Uint8Array[]
}

type Ratchets = Readonly<Record<RatchetKind, Ratchet>>

/** A leaf's ratchets with the nodes that are left above and beside it. */
interface Opened {
  readonly ratchets: Ratchets
  readonly nodes: ReadonlyMap<number, Uint8Array>
  readonly consumed: readonly Uint8Array[]
  readonly fresh: readonly Uint8Array[]
}

/** Overwrites what was opened for a key that is refused. */
function taking(opened: Opened, take: () => Turned): Turned {
  try {
    return take()
  } catch (error) {
    wipe(...opened.fresh)
    throw error
  }
}

const SECRET_BYTES = 32
const NONE = new Uint8Array(0)
const LEFT = utf8("left")
const RIGHT = utf8("right")

/**
 * The secret tree of an epoch (RFC 9420 section 9): message keys of every sender. A value: taking a key returns the tree
 * after it, which no longer has it. Secrets of nodes are expanded only towards leaves that are asked for, and a node's
 * own secret goes when its children have theirs.
 */
export class SecretTree {
  readonly #suite: CipherSuite
  readonly #leafWidth: number
  /** Secrets of nodes none of whose descendants was asked for, by node index. */
  readonly #nodes: ReadonlyMap<number, Uint8Array>
  /** By leaf index. */
  readonly #ratchets: ReadonlyMap<number, Ratchets>

  private constructor(
    suite: CipherSuite,
    leafWidth: number,
    nodes: ReadonlyMap<number, Uint8Array>,
    ratchets: ReadonlyMap<number, Ratchets>,
  ) {
    this.#suite = suite
    this.#leafWidth = leafWidth
    this.#nodes = nodes
    this.#ratchets = ratchets
  }

  /** `encryptionSecret` is copied. */
  static create(suite: CipherSuite, encryptionSecret: Uint8Array, leafWidth: number): SecretTree {
    return new SecretTree(
      suite,
      leafWidth,
      new Map([[rootOf(leafWidth), encryptionSecret.slice()]]),
      new Map(),
    )
  }

  /** The next own key. Throws MlsError. */
  senderKey(leaf: number, kind: RatchetKind): TakenKey {
    return this.#take(leaf, kind, (ratchet) => turn(this.#suite, ratchet))
  }

  /** Another's key; each generation once. Throws MlsError. */
  receiverKey(leaf: number, kind: RatchetKind, generation: number): TakenKey {
    return this.#take(leaf, kind, (ratchet) => turnTo(this.#suite, ratchet, generation))
  }

  #take(leaf: number, kind: RatchetKind, take: (ratchet: Ratchet) => Turned): TakenKey {
    check(Number.isInteger(leaf) && leaf >= 0 && leaf < this.#leafWidth, memberRules.generation)
    const opened = this.#open(leaf)
    const { messageKey, ratchet, consumed, fresh } = taking(opened, () => take(opened.ratchets[kind]))
    const ratchets = new Map(this.#ratchets).set(leaf, { ...opened.ratchets, [kind]: ratchet })
    const next = new SecretTree(this.#suite, this.#leafWidth, opened.nodes, ratchets)
    return {
      ...messageKey,
      next,
      consumed: [...opened.consumed, ...consumed],
      fresh: [...opened.fresh, ...fresh],
    }
  }

  /** A leaf's ratchets, expanded from the lowest secret above if need be. */
  #open(leaf: number): Opened {
    const known = this.#ratchets.get(leaf)
    if (known !== undefined) return { ratchets: known, nodes: this.#nodes, consumed: [], fresh: [] }
    const nodes = new Map(this.#nodes)
    const path = [2 * leaf, ...directPath(2 * leaf, this.#leafWidth)]
    const from = path.findIndex((node) => nodes.has(node))
    const consumed: Uint8Array[] = []
    const fresh: Uint8Array[] = []
    for (const node of path.slice(0, from + 1).toReversed()) {
      const secret = nodes.get(node)
      check(secret !== undefined, memberRules.generation)
      consumed.push(secret)
      nodes.delete(node)
      if (node % 2 === 0) {
        const ratchets = this.#startRatchets(secret)
        fresh.push(ratchets.handshake.secret, ratchets.application.secret)
        return { ratchets, nodes, consumed, fresh }
      }
      const [left, right] = [this.#child(secret, LEFT), this.#child(secret, RIGHT)]
      nodes.set(leftOf(node), left).set(rightOf(node), right)
      fresh.push(left, right)
    }
    throw new MlsError(memberRules.generation)
  }

  #child(secret: Uint8Array, side: Uint8Array): Uint8Array {
    return expandWithLabel(this.#suite, secret, "tree", side, SECRET_BYTES)
  }

  #startRatchets(leafSecret: Uint8Array): Ratchets {
    const start = (kind: RatchetKind): Ratchet => ({
      secret: expandWithLabel(this.#suite, leafSecret, kind, NONE, SECRET_BYTES),
      generation: 0,
      skipped: new Map(),
    })
    return { handshake: start("handshake"), application: start("application") }
  }

  /** All secrets, to be wiped. */
  secrets(): Uint8Array[] {
    const ratchets = [...this.#ratchets.values()]
    return [
      ...this.#nodes.values(),
      ...ratchets.flatMap((both) => [...ratchetSecrets(both.handshake), ...ratchetSecrets(both.application)]),
    ]
  }

  serialize(): Uint8Array {
    const writer = new Writer(1024).u32(this.#leafWidth)
    writer.vector(this.#nodes, (w, [node, secret]) => w.u32(node).opaque(secret))
    writer.vector(this.#ratchets, (w, [leaf, both]) => {
      w.u32(leaf)
      writeRatchet(w, both.handshake)
      writeRatchet(w, both.application)
    })
    const bytes = writer.finish()
    writer.wipe()
    return bytes
  }

  /** The reverse of {@link serialize}, copied. Throws MlsError. */
  static restore(suite: CipherSuite, bytes: Uint8Array): SecretTree {
    return decoding(
      () =>
        decodeAll(bytes.slice(), (reader) => {
          const leafWidth = reader.u32()
          check(leafWidth <= LEAF_WIDTH_MAX && leafWidth === widthFor(leafWidth), memberRules.memberState)
          const nodes = new Map(reader.vector((r) => [r.u32(), readSecret(r, SECRET_BYTES)] as const))
          const ratchets = reader.vector((r) => {
            const leaf = r.u32()
            const handshake = readRatchet(r, suite.aeadKeyBytes)
            return [leaf, { handshake, application: readRatchet(r, suite.aeadKeyBytes) }] as const
          })
          return new SecretTree(suite, leafWidth, nodes, new Map(ratchets))
        }),
      memberRules.memberState,
    )
  }
}

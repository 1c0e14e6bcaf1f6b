import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { MlsError } from "../../src/mls/error.ts"
import { deriveTreeSecret, expandWithLabel } from "../../src/mls/labels.ts"
import { FORWARD_GENERATIONS_MAX, SKIPPED_KEYS_MAX } from "../../src/mls/member/ratchet.ts"
import { memberRules } from "../../src/mls/member/rules.ts"
import { type RatchetKind, SecretTree, type TakenKey } from "../../src/mls/member/secret-tree.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { leftOf, rightOf, rootOf } from "../../src/mls/tree/math.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { Writer } from "../../src/wire/tls.ts"

const suite = suite1(nativeCrypto)
const SECRET: Uint8Array = new Uint8Array(32).fill(9)
const NONE = new Uint8Array(0)
const KINDS = ["handshake", "application"] as const
const GENERATION_RULE = memberRules.generation.id

interface Wanted {
  readonly leaf: number
  readonly kind: RatchetKind
  readonly generation: number
}

function treeOf(leafWidth: number): SecretTree {
  return SecretTree.create(suite, SECRET, leafWidth)
}

function take(tree: SecretTree, { leaf, kind, generation }: Wanted): TakenKey {
  return tree.receiverKey(leaf, kind, generation)
}

function ruleOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof MlsError) return error.rule
    throw error
  }
  return "nothing refused"
}

function shown({ key, nonce }: { key: Uint8Array; nonce: Uint8Array }): string {
  return `${toHex(key)} ${toHex(nonce)}`
}

/** RFC 9420 sections 9 and 9.1 word by word: every secret from the root, nothing kept. */
function reference(leafWidth: number, { leaf, kind, generation }: Wanted): string {
  let [node, secret] = [rootOf(leafWidth), SECRET]
  while (node % 2 === 1) {
    const left = 2 * leaf < node
    secret = expandWithLabel(suite, secret, "tree", utf8(left ? "left" : "right"), 32)
    node = left ? leftOf(node) : rightOf(node)
  }
  let ratchet = expandWithLabel(suite, secret, kind, NONE, 32)
  for (let i = 0; i < generation; i++) ratchet = deriveTreeSecret(suite, ratchet, "secret", i, 32)
  const key = deriveTreeSecret(suite, ratchet, "key", generation, 16)
  return shown({ key, nonce: deriveTreeSecret(suite, ratchet, "nonce", generation, 12) })
}

/** A tree's width and messages to it, each at most once, in any order. */
const deliveries = fc.integer({ min: 0, max: 5 }).chain((height) =>
  fc.record({
    leafWidth: fc.constant(2 ** height),
    wanted: fc.uniqueArray(
      fc.record({
        leaf: fc.integer({ min: 0, max: 2 ** height - 1 }),
        kind: fc.constantFrom(...KINDS),
        generation: fc.integer({ min: 0, max: 12 }),
      }),
      { maxLength: 25, selector: ({ leaf, kind, generation }) => `${leaf} ${kind} ${generation}` },
    ),
  }),
)

describe("the secret tree", () => {
  test("gives every message its key, whatever the order of arrival, and gives it once", () => {
    fc.assert(
      fc.property(deliveries, ({ leafWidth, wanted }) => {
        let tree = treeOf(leafWidth)
        for (const one of wanted) {
          const taken = take(tree, one)
          expect(shown(taken)).toBe(reference(leafWidth, one))
          tree = taken.next
        }
        for (const one of wanted) expect(ruleOf(() => take(tree, one))).toBe(GENERATION_RULE)
      }),
      { numRuns: 100 },
    )
  })

  test("encrypts with the keys that receivers find", () => {
    fc.assert(
      fc.property(deliveries, ({ leafWidth, wanted }) => {
        let tree = treeOf(leafWidth)
        const sent = new Map<string, number>()
        for (const { leaf, kind } of wanted) {
          const generation = sent.get(`${leaf} ${kind}`) ?? 0
          const taken = tree.senderKey(leaf, kind)
          expect(taken.generation).toBe(generation)
          expect(shown(taken)).toBe(reference(leafWidth, { leaf, kind, generation }))
          sent.set(`${leaf} ${kind}`, generation + 1)
          tree = taken.next
        }
      }),
      { numRuns: 50 },
    )
  })

  test("is a value: a take that is thrown away has not happened, even when what it derived was wiped", () => {
    fc.assert(
      fc.property(deliveries, ({ leafWidth, wanted }) => {
        let tree = treeOf(leafWidth)
        for (const one of wanted) {
          const before = toHex(tree.serialize())
          for (const secret of take(tree, one).fresh) secret.fill(0)
          expect(toHex(tree.serialize())).toBe(before)
          const taken = take(tree, one)
          expect(shown(taken)).toBe(reference(leafWidth, one))
          tree = taken.next
        }
      }),
      { numRuns: 50 },
    )
  })

  test("names as consumed exactly what the next tree has no more; wiping it harms nothing", () => {
    fc.assert(
      fc.property(deliveries, ({ leafWidth, wanted }) => {
        let tree = treeOf(leafWidth)
        for (const one of wanted) {
          const before = tree.secrets()
          const taken = take(tree, one)
          const after = new Set(taken.next.secrets())
          const gone = new Set([...taken.consumed, taken.key, taken.nonce])
          for (const secret of gone) expect(after.has(secret)).toBe(false)
          for (const secret of before) expect(after.has(secret) !== gone.has(secret)).toBe(true)
          expect(shown(taken)).toBe(reference(leafWidth, one))
          const stored = toHex(taken.next.serialize())
          for (const secret of gone) {
            expect(stored).not.toContain(toHex(secret))
            secret.fill(0)
          }
          expect(toHex(taken.next.serialize())).toBe(stored)
          tree = taken.next
        }
      }),
      { numRuns: 50 },
    )
  })

  test("goes on from what was stored at any time", () => {
    fc.assert(
      fc.property(deliveries, ({ leafWidth, wanted }) => {
        let tree = treeOf(leafWidth)
        for (const one of wanted) {
          tree = SecretTree.restore(suite, tree.serialize())
          const taken = take(tree, one)
          expect(shown(taken)).toBe(reference(leafWidth, one))
          tree = SecretTree.restore(suite, taken.next.serialize())
          expect(ruleOf(() => take(tree, one))).toBe(GENERATION_RULE)
        }
      }),
      { numRuns: 50 },
    )
  })

  test("answers any change to its stored form by MlsError at worst", () => {
    let tree = treeOf(8)
    for (const leaf of [0, 5, 6]) tree = tree.receiverKey(leaf, "application", 3).next
    const stored = tree.serialize()
    fc.assert(
      fc.property(fc.nat(stored.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = stored.slice()
        changed[at] = (changed[at] as number) ^ flip
        for (const bytes of [changed, stored.subarray(0, at)]) {
          try {
            SecretTree.restore(suite, bytes).senderKey(0, "application")
          } catch (error) {
            expect(error).toBeInstanceOf(MlsError)
          }
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe("a stored secret tree", () => {
  /** A tree of one leaf, asked for once, with these lengths. */
  function stored(width: number, secret: number, key: number, nonce: number): Uint8Array {
    const writer = new Writer().u32(width)
    writer.vector([], () => {})
    writer.vector([0], (w, leaf) => {
      w.u32(leaf)
      for (const _ of KINDS) {
        w.opaque(new Uint8Array(secret)).u32(2)
        w.vector([1], (v, generation) =>
          v.u32(generation).opaque(new Uint8Array(key)).opaque(new Uint8Array(nonce)),
        )
      }
    })
    return writer.finish()
  }

  test("is taken up with secrets of the suite's lengths and a full tree's width alone", () => {
    const restored = SecretTree.restore(suite, stored(1, 32, 16, 12))
    expect(restored.receiverKey(0, "handshake", 1).key.length).toBe(16)
    const others = [
      [1, 31, 16, 12],
      [1, 33, 16, 12],
      [1, 32, 32, 12],
      [1, 32, 16, 11],
      [3, 32, 16, 12],
      [0, 32, 16, 12],
      [2 ** 31, 32, 16, 12],
    ] as const
    for (const [width, secret, key, nonce] of others) {
      const bytes = stored(width, secret, key, nonce)
      expect(ruleOf(() => SecretTree.restore(suite, bytes))).toBe(memberRules.memberState.id)
    }
  })
})

describe("the window of a ratchet", () => {
  test("reaches as far ahead as its limit says, and not one further", () => {
    const tree = treeOf(2)
    const start = tree.receiverKey(1, "application", 0).next
    const beyond = FORWARD_GENERATIONS_MAX + 2
    expect(ruleOf(() => start.receiverKey(1, "application", beyond))).toBe(GENERATION_RULE)
    expect(ruleOf(() => start.receiverKey(1, "application", 0xffff_ffff))).toBe(GENERATION_RULE)
    const reached = start.receiverKey(1, "application", beyond - 1)
    const wanted = { leaf: 1, kind: "application", generation: beyond - 1 } as const
    expect(shown(reached)).toBe(reference(2, wanted))
  })

  test("keeps as many keys of late messages as its limit says and wipes the oldest", () => {
    let tree = treeOf(1).receiverKey(0, "application", FORWARD_GENERATIONS_MAX).next
    expect(SKIPPED_KEYS_MAX).toBeLessThanOrEqual(FORWARD_GENERATIONS_MAX)
    const oldest = FORWARD_GENERATIONS_MAX - SKIPPED_KEYS_MAX
    const kept = toHex(tree.receiverKey(0, "application", oldest).key)
    const further = tree.receiverKey(0, "application", FORWARD_GENERATIONS_MAX + 2)
    tree = further.next
    expect(further.consumed.map(toHex)).toContain(kept)
    expect(ruleOf(() => tree.receiverKey(0, "application", oldest))).toBe(GENERATION_RULE)
    const late = { leaf: 0, kind: "application", generation: oldest + 1 } as const
    expect(shown(take(tree, late))).toBe(reference(1, late))
  })

  test("refuses leaves that are not there", () => {
    for (const leaf of [-1, 4, 0.5, Number.NaN, 0xffff_ffff]) {
      expect(ruleOf(() => treeOf(4).receiverKey(leaf, "handshake", 0))).toBe(GENERATION_RULE)
    }
  })
})

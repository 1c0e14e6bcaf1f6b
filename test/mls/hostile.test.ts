import { expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { encodeGroupInfo } from "../../src/mls/codec/group-info.ts"
import { encodeKeyPackage } from "../../src/mls/codec/key-package.ts"
import {
  MlsError,
  observeApplicationMessage,
  observeCommit,
  observeCreation,
  observeProposal,
  verifyKeyPackage,
} from "../../src/mls/index.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { Forge, NOW, Person, PROPOSAL_TYPE } from "./forge.ts"

const suite = suite1(crypto)

/** Whatever is changed in a message, an observer refuses it with MlsError and stays as it was. */

const forge = Forge.standard()
const joiner = new Person(70)
const { state, tree } = forge
const snapshot = tree.snapshot()
const declared = { pathRequired: false, byExternalSender: false }
const policy = { now: NOW, customProposals: { [PROPOSAL_TYPE]: declared } }
const externalInit = { kind: "externalInit", kemOutput: new Uint8Array(32) } as const
const remove = { kind: "remove", removed: 3 } as const
const custom = { kind: "custom", type: PROPOSAL_TYPE, payload: new Uint8Array(40) } as const

const commits = [
  forge.commit({}),
  forge.commit({ proposals: [joiner.add(), remove] }),
  forge.commit({ committer: joiner, proposals: [externalInit] }),
  forge.commit({ proposals: [custom] }),
]
const member = { kind: "member", leafIndex: 1 } as const
const { seed } = forge.people.get(1)!
const proposal = forge.proposalMessage(remove, member, seed)
const proposals = [remove, custom, { kind: "selfRemove" } as const].map((content) =>
  forge.proposalMessage(content, member, seed),
)
const keyPackage = encodeKeyPackage(joiner.keyPackage())
const groupInfo = encodeGroupInfo(forge.signGroupInfo({}))
const ratchetTree = tree.encode()

type Target = readonly [Uint8Array, (bytes: Uint8Array) => unknown]

const targets: readonly Target[] = [
  ...commits.map((bytes): Target => [bytes, (changed) => observeCommit(suite, state, tree, changed, policy)]),
  ...proposals.map(
    (bytes): Target => [bytes, (changed) => observeProposal(suite, state, tree, changed, policy)],
  ),
  [proposal, (bytes) => observeApplicationMessage(bytes)],
  [keyPackage, (bytes) => verifyKeyPackage(suite, bytes, NOW)],
  [groupInfo, (bytes) => observeCreation(suite, bytes, ratchetTree, NOW)],
  [ratchetTree, (bytes) => observeCreation(suite, groupInfo, bytes, NOW)],
]

/** The tags at a message's end are for members alone, and nothing an observer can check covers them. */
const UNCHECKED_BYTES = 2 * 33

test("one changed byte, a cut or an addition anywhere", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom("flip", "cut", "grow"),
      (at, by, how) => {
        for (const [original, read] of targets) {
          const place = at % (original.length - UNCHECKED_BYTES)
          const bytes = how === "grow" ? new Uint8Array([...original, by]) : original.slice()
          if (how === "flip") bytes[place]! ^= by
          expect(() => read(how === "cut" ? bytes.subarray(0, place) : bytes)).toThrow(MlsError)
        }
      },
    ),
    { numRuns: 150 },
  )
  expect(tree.snapshot()).toEqual(snapshot)
})

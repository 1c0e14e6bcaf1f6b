import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { encodeRequiredCapabilities } from "../../src/mls/codec/group-extensions.ts"
import { encodeGroupInfo } from "../../src/mls/codec/group-info.ts"
import { encodeKeyPackage } from "../../src/mls/codec/key-package.ts"
import type { LeafNode } from "../../src/mls/codec/leaf-node.ts"
import { encodeMlsMessage } from "../../src/mls/codec/message.ts"
import type { Proposal } from "../../src/mls/codec/proposal.ts"
import { verifyKeyPackage } from "../../src/mls/group/key-package.ts"
import type { Policy } from "../../src/mls/group/policy.ts"
import { CUSTOM_PROPOSAL_BYTES_MAX } from "../../src/mls/group/proposal.ts"
import { observeApplicationMessage } from "../../src/mls/observer/application.ts"
import { type AuthenticatedProposal, observeProposal } from "../../src/mls/observer/proposal.ts"
import type { rules } from "../../src/mls/rules.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { FlatTree } from "../../src/mls/tree/flat-tree.ts"
import { toHex, utf8 } from "../../src/wire/bytes.ts"
import { Forge, NOW, OUTSIDER_SEED, Person, PROPOSAL_TYPE } from "./forge.ts"
import { groupRefusals } from "./refusals-group.ts"

const suite = suite1(crypto)

/** For each rule something that is right but for that rule. */
export type Refusals = Partial<Record<keyof typeof rules, () => unknown>>

const forge = Forge.standard()
const joiner = new Person(50)
const other = new Person(51)

const unknownType = 0xf005
const zero32 = new Uint8Array(32)

/** Adds `joiner` with a changed leaf. */
function adding(leaf: Partial<LeafNode>, group = forge): unknown {
  return group.observe(group.commit({ proposals: [joiner.add(leaf)], path: false }))
}

/** Commits these proposals by value, with a path. */
function committing(...proposals: Proposal[]): unknown {
  return forge.observe(forge.commit({ proposals }))
}

function joining(...proposals: Proposal[]): unknown {
  return forge.observe(forge.commit({ committer: joiner, proposals }))
}

function propose(proposal: Proposal, leafIndex: number): AuthenticatedProposal {
  const { seed } = forge.people.get(leafIndex)!
  const message = forge.proposalMessage(proposal, { kind: "member", leafIndex }, seed)
  return observeProposal(suite, forge.state, forge.tree, message, { now: NOW })
}

function known(...proposals: AuthenticatedProposal[]): { proposals: Map<string, AuthenticatedProposal> } {
  return { proposals: new Map(proposals.map((proposal) => [toHex(proposal.ref), proposal])) }
}

const externalInit: Proposal = { kind: "externalInit", kemOutput: zero32 }
const capabilities = joiner.leaf().capabilities
const ownKey = forge.tree.leaf(0)!.encryptionKey

function psk(changes: { nonce?: Uint8Array } = {}): Proposal {
  return { kind: "psk", psk: { kind: "external", id: utf8("psk"), nonce: zero32, ...changes } }
}

function reInit(version: number): Proposal {
  return { kind: "reInit", groupId: utf8("next"), version, cipherSuite: 1, extensions: [] }
}

function groupExtensions(...extensions: { type: number; data: Uint8Array }[]): Proposal {
  return { kind: "groupContextExtensions", extensions }
}

function custom(
  type: number = PROPOSAL_TYPE,
  payload: Uint8Array = utf8("what an application says"),
): Proposal {
  return { kind: "custom", type, payload }
}

/** Declares the types of custom proposals. */
function declaring(...types: number[]): { customProposals: Policy["customProposals"] & object } {
  const declared = types.map((type) => [type, { pathRequired: false, byExternalSender: true }])
  return { customProposals: Object.fromEntries(declared) }
}

function updateOf(leafIndex: number): { leafNode: LeafNode; kind: "update" } {
  const person = forge.people.get(leafIndex)!
  const leaf = person.leaf({ encryptionKey: forge.key(), source: { kind: "update" } })
  return { kind: "update", leafNode: person.signLeaf(leaf, leafIndex) }
}

const privateCommit = encodeMlsMessage({
  kind: "privateMessage",
  message: {
    groupId: forge.state.context.groupId,
    epoch: forge.state.context.epoch,
    contentKind: "commit",
    authenticatedData: zero32,
    encryptedSenderData: zero32,
    ciphertext: zero32,
  },
})

const framing: Refusals = {
  malformed: () => forge.observe(forge.commit({}).slice(0, -1)),
  notPublicMessage: () => forge.observe(privateCommit),
  notApplication: () => observeApplicationMessage(privateCommit),
  wrongGroup: () =>
    forge.observe(forge.commit({ framed: (f) => ({ ...f, groupId: utf8("another group") }) })),
  wrongEpoch: () => forge.observe(forge.commit({ framed: (f) => ({ ...f, epoch: f.epoch - 1n }) })),
  notCommit: () =>
    forge.observe(forge.proposalMessage(psk(), { kind: "member", leafIndex: 0 }, forge.people.get(0)!.seed)),
  notProposal: () => observeProposal(suite, forge.state, forge.tree, forge.commit({}), { now: NOW }),
  senderType: () =>
    forge.observe(
      forge.commit({
        framed: (f) => ({ ...f, sender: { kind: "external", senderIndex: 0 } }),
        seed: OUTSIDER_SEED,
      }),
    ),
  unknownSender: () =>
    forge.observe(forge.commit({ framed: (f) => ({ ...f, sender: { kind: "member", leafIndex: 77 } }) })),
  messageSignature: () => forge.observe(forge.commit({ seed: joiner.seed })),
  tagLength: () => forge.observe(forge.commit({ confirmationTag: zero32.slice(1) })),
}

const demanding = Forge.standard()
demanding.accept(
  demanding.commit({
    proposals: [
      groupExtensions(encodeRequiredCapabilities({ extensions: [], proposals: [], credentials: [1] })),
    ],
  }),
)

const leaves: Refusals = {
  duplicateExtension: () =>
    adding({
      capabilities: { ...capabilities, extensions: [unknownType] },
      extensions: [
        { type: unknownType, data: zero32 },
        { type: unknownType, data: zero32 },
      ],
    }),
  keyLength: () => adding({ encryptionKey: zero32.slice(1) }),
  leafSignature: () => forge.observe(forge.commit({ signedPlace: 1 })),
  leafSource: () =>
    forge.observe(forge.commit({ leaf: (leaf) => ({ ...leaf, source: { kind: "update" } }) })),
  leafLifetime: () =>
    adding({ source: { kind: "keyPackage", lifetime: { notBefore: NOW - 9n, notAfter: NOW - 1n } } }),
  leafLifetimeTooLong: () =>
    forge.observe(forge.commit({ proposals: [joiner.add()] }), { maximumLifetime: 199n }),
  leafVersion: () => adding({ capabilities: { ...capabilities, cipherSuites: [2] } }),
  leafExtensionUnlisted: () => adding({ extensions: [{ type: unknownType, data: zero32 }] }),
  leafCredentialUnlisted: () => adding({ capabilities: { ...capabilities, credentials: [2] } }),
  leafRequiredCapability: () =>
    committing(
      groupExtensions(
        encodeRequiredCapabilities({ extensions: [unknownType], proposals: [], credentials: [] }),
      ),
    ),
  leafGroupExtension: () => committing(groupExtensions({ type: unknownType, data: zero32 })),
  leafCredentialSupport: () =>
    adding({
      credential: { kind: "private", type: unknownType, data: zero32 },
      capabilities: { ...capabilities, credentials: [1, unknownType] },
    }),
  duplicateSignatureKey: () => committing(joiner.add(), joiner.add({ encryptionKey: forge.key() })),
  duplicateEncryptionKey: () => adding({ encryptionKey: ownKey }),
  leafKeyReused: () => forge.observe(forge.commit({ leaf: (leaf) => ({ ...leaf, encryptionKey: ownKey }) })),
  keyPackageSuite: () => committing(joiner.add({}, { cipherSuite: 2 })),
  keyPackageSignature: () =>
    verifyKeyPackage(suite, encodeKeyPackage(joiner.keyPackage({}, { signature: new Uint8Array(64) })), NOW),
  keyPackageInitKey: () => committing(joiner.add({}, { initKey: joiner.leaf().encryptionKey })),
}

const proposals: Refusals = {
  unknownProposal: () => forge.observe(forge.commit({ references: [zero32] })),
  duplicateReference: () => {
    const { ref, ...rest } = propose(psk(), 1)
    return forge.observe(forge.commit({ references: [ref, ref] }), known({ ref, ...rest }))
  },
  updateByCommitter: () => committing(updateOf(0)),
  updateSender: () => {
    const proposal = { ...propose(updateOf(1), 1), sender: { kind: "external", senderIndex: 0 } as const }
    return forge.observe(forge.commit({ references: [proposal.ref] }), known(proposal))
  },
  removeCommitter: () => committing({ kind: "remove", removed: 0 }),
  removeBlank: () => committing({ kind: "remove", removed: 4 }),
  sameLeafTwice: () => committing({ kind: "remove", removed: 1 }, { kind: "remove", removed: 1 }),
  pskNonce: () => committing(psk({ nonce: zero32.slice(1) })),
  pskUsage: () =>
    committing({
      kind: "psk",
      psk: { kind: "resumption", usage: "branch", groupId: zero32, epoch: 0n, nonce: zero32 },
    }),
  duplicatePsk: () => committing(psk(), psk()),
  multipleGroupContextExtensions: () => committing(groupExtensions(), groupExtensions()),
  reInitNotAlone: () => committing(reInit(1), psk()),
  reInitVersion: () => committing(reInit(0)),
  reInitSuite: () => forge.observe(forge.commit({ proposals: [reInit(1)] }), { suites: [2, 3] }),
  externalInitInRegularCommit: () => committing(externalInit),
  proposalSenderType: () => {
    const sender = { kind: "external", senderIndex: 0 } as const
    const message = forge.proposalMessage(updateOf(1), sender, OUTSIDER_SEED)
    return observeProposal(suite, forge.state, forge.tree, message, { now: NOW })
  },
  tooManyAdds: () =>
    forge.observe(forge.commit({ proposals: [joiner.add(), other.add()] }), { maximumAdds: 1 }),
  undeclaredProposal: () => committing(custom()),
  customProposalLength: () => {
    const long = custom(PROPOSAL_TYPE, new Uint8Array(CUSTOM_PROPOSAL_BYTES_MAX + 1))
    return forge.observe(forge.commit({ proposals: [long] }), declaring(PROPOSAL_TYPE))
  },
  proposalSupport: () =>
    forge.observe(forge.commit({ proposals: [custom(unknownType)] }), declaring(unknownType)),
  selfRemoveByValue: () => committing({ kind: "selfRemove" }),
  groupExtensionMalformed: () => committing(groupExtensions({ type: 3, data: Uint8Array.of(9) })),
}

const commits: Refusals = {
  pathRequired: () => forge.observe(forge.commit({ path: false })),
  pathLength: () => forge.observe(forge.commit({ nodes: (nodes) => nodes.slice(1) })),
  pathCiphertexts: () =>
    forge.observe(
      forge.commit({ nodes: (nodes) => nodes.map((node) => ({ ...node, encryptedPathSecrets: [] })) }),
    ),
  pathKeyReused: () =>
    forge.observe(
      forge.commit({ nodes: (nodes) => nodes.map((node) => ({ ...node, encryptionKey: ownKey })) }),
    ),
  pathParentHash: () =>
    forge.observe(
      forge.commit({ leaf: (leaf) => ({ ...leaf, source: { kind: "commit", parentHash: zero32 } }) }),
    ),
  epochExhausted: () => {
    const last = Forge.standard()
    last.state = { ...last.state, context: { ...last.state.context, epoch: 2n ** 64n - 1n } }
    return last.observe(last.commit({}))
  },
  externalReference: () => {
    const remove = propose({ kind: "remove", removed: 3 }, 3)
    const plan = { committer: joiner, proposals: [externalInit], references: [remove.ref], removes: [3] }
    return forge.observe(forge.commit(plan), known(remove))
  },
  externalInitCount: () => joining(externalInit, externalInit),
  externalRemoveCount: () =>
    joining(externalInit, { kind: "remove", removed: 1 }, { kind: "remove", removed: 2 }),
  externalProposalType: () => joining(externalInit, other.add()),
  externalPath: () =>
    forge.observe(forge.commit({ committer: joiner, proposals: [externalInit], path: false })),
  externalKemOutput: () => joining({ kind: "externalInit", kemOutput: zero32.slice(1) }),
}

export const refusals: Refusals = {
  ...framing,
  ...leaves,
  ...proposals,
  ...commits,
  ...groupRefusals,
  treeTooLarge: () => {
    const blanks = new Uint8Array(4 + 140_000)
    blanks.set([0x80, 2, 0x22, 0xe0])
    return FlatTree.decode(suite, blanks)
  },
}

/** What the same messages look like with nothing wrong. */
export const acceptances: Readonly<Record<string, () => unknown>> = {
  "a path alone": () => forge.observe(forge.commit({})),
  "Adds without a path": () => adding({}),
  "Adds with a path": () => committing(joiner.add(), other.add()),
  "a member removed and added again in one commit": () =>
    committing({ kind: "remove", removed: 3 }, forge.people.get(3)!.add({ encryptionKey: forge.key() })),
  "removes that cut the tree": () =>
    committing({ kind: "remove", removed: 2 }, { kind: "remove", removed: 3 }),
  "a PSK": () => committing(psk()),
  "a ReInit": () => committing(reInit(1)),
  "new group extensions": () => committing(groupExtensions()),
  "an external commit": () => joining(externalInit),
  "an external commit with a PSK": () => joining(externalInit, psk()),
  "an external commit that replaces the joiner's old leaf": () => {
    const old = forge.people.get(3)!
    const remove: Proposal = { kind: "remove", removed: 3 }
    return forge.observe(forge.commit({ committer: old, proposals: [externalInit, remove] }))
  },
  "an Update and a Remove by reference": () => {
    const update = propose(updateOf(1), 1)
    const remove = propose({ kind: "remove", removed: 3 }, 3)
    if (update.proposal.kind !== "update") throw new Error("not an Update")
    const edited = forge.commit({
      references: [update.ref, remove.ref],
      removes: [3],
      updates: [{ leaf: 1, leafNode: update.proposal.leafNode }],
    })
    return forge.observe(edited, known(update, remove))
  },
  "SelfRemoves, of a member by a member and of all by who joins": () => {
    const leaving = [0, 1, 2, 3].map((leaf) => propose({ kind: "selfRemove" }, leaf))
    const [, one] = leaving as [AuthenticatedProposal, AuthenticatedProposal]
    const references = leaving.map(({ ref }) => ref)
    const all = { committer: joiner, proposals: [externalInit], references, removes: [0, 1, 2, 3] }
    return [
      forge.observe(forge.commit({ references: [one.ref], removes: [1] }), known(one)),
      forge.observe(forge.commit(all), known(...leaving)),
    ]
  },
  "proposals of the application's own types": () => {
    const external = { kind: "external", senderIndex: 0 } as const
    const policy = { now: NOW, ...declaring(PROPOSAL_TYPE) }
    const message = forge.proposalMessage(custom(), external, OUTSIDER_SEED)
    const proposed = observeProposal(suite, forge.state, forge.tree, message, policy)
    const longest = custom(PROPOSAL_TYPE, new Uint8Array(CUSTOM_PROPOSAL_BYTES_MAX))
    const commit = forge.commit({ proposals: [longest], references: [proposed.ref], path: false })
    return forge.observe(commit, { ...policy, ...known(proposed) })
  },
  "proposals from outside": () => {
    const clock = { now: NOW }
    const external = { kind: "external", senderIndex: 0 } as const
    const remove = forge.proposalMessage({ kind: "remove", removed: 1 }, external, OUTSIDER_SEED)
    const self = forge.proposalMessage(joiner.add(), { kind: "newMemberProposal" }, joiner.seed)
    return [remove, self].map((message) => observeProposal(suite, forge.state, forge.tree, message, clock))
  },
  "a group with required capabilities": () => adding({}, demanding),
  "a GroupInfo": () => encodeGroupInfo(forge.signGroupInfo({})),
}

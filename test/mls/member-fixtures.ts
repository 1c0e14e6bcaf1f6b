import { nativeCrypto } from "../../src/crypto/native.ts"
import { decodeKeyPackage } from "../../src/mls/codec/key-package.ts"
import type { Lifetime } from "../../src/mls/codec/leaf-node.ts"
import type { Proposal } from "../../src/mls/codec/proposal.ts"
import { ProposalType } from "../../src/mls/codec/protocol.ts"
import { Member } from "../../src/mls/member/group.ts"
import type { JoinerKeys } from "../../src/mls/member/join.ts"
import { createKeyPackage, type OwnKeyPackage } from "../../src/mls/member/key-package.ts"
import type { OwnLeaf } from "../../src/mls/member/leaf.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { suite1 } from "../../src/mls/suites/suite1.ts"
import { utf8 } from "../../src/wire/bytes.ts"

/** What tests of members share: a suite unless they name another, one clock, clients with names. */

export const suite = suite1(nativeCrypto)
export const NOW = 1_800_000_000n
export const clock = { now: NOW }
export const lifetime = { notBefore: NOW - 3600n, notAfter: NOW + 86_400n }

/** Types for private use that clients here support, so that groups can have extensions and proposals of their own. */
export const EXTENSION_TYPE = 0xf0f0
export const PROPOSAL_TYPE = 0xf0f1
export const customProposals = { [PROPOSAL_TYPE]: { pathRequired: false, byExternalSender: false } } as const

export function newLeaf(name: string, own: CipherSuite = suite): OwnLeaf {
  return {
    signatureSecret: own.generateSignatureSecret(),
    credential: { kind: "basic", identity: utf8(name) },
    capabilities: {
      versions: [1],
      cipherSuites: [own.id],
      extensions: [EXTENSION_TYPE],
      proposals: [ProposalType.selfRemove, PROPOSAL_TYPE],
      credentials: [1],
    },
    extensions: [],
  }
}

export function newKeyPackage(
  name: string,
  validity: Lifetime = lifetime,
  own: CipherSuite = suite,
): OwnKeyPackage {
  return createKeyPackage(own, newLeaf(name, own), validity)
}

export function addOf({ keyPackage }: Pick<JoinerKeys, "keyPackage">): Proposal {
  return { kind: "add", keyPackage: decodeKeyPackage(keyPackage) }
}

export function newGroup(
  name: string,
  groupId: Uint8Array = utf8("group"),
  own: CipherSuite = suite,
): Member {
  return Member.create(own, { groupId, leaf: newLeaf(name, own), lifetime })
}

/** A group of `count` members who joined by one commit. */
export function groupOf(count: number): Member[] {
  const creator = newGroup("member 0")
  if (count === 1) return [creator]
  const keys = Array.from({ length: count - 1 }, (_, i) => newKeyPackage(`member ${i + 1}`))
  const { next, welcome } = creator.commit({ ...clock, proposals: keys.map(addOf) })
  if (welcome === undefined) throw new Error("no Welcome")
  const ratchetTree = next.tree.encode()
  return [next, ...keys.map((own) => Member.join(suite, welcome, own, { ratchetTree }))]
}

/** The bytes with one of them another, counted around. */
export function changedAt(bytes: Uint8Array, place: number, change: number): Uint8Array {
  const changed = bytes.slice()
  const index = place % bytes.length
  changed[index] = (changed[index] as number) ^ change
  return changed
}

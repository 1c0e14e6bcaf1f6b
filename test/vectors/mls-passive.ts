import { decodeKeyPackage, encodeKeyPackage, type KeyPackage } from "../../src/mls/codec/key-package.ts"
import { decodeMlsMessage } from "../../src/mls/codec/message.ts"
import { Member } from "../../src/mls/member/group.ts"
import type { PskLookup } from "../../src/mls/member/psks.ts"
import { observeCommit, type StagedCommit } from "../../src/mls/observer/commit.ts"
import { type AuthenticatedProposal, observeProposal } from "../../src/mls/observer/proposal.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { FlatTree } from "../../src/mls/tree/flat-tree.ts"
import { fromHex, toHex } from "../../src/wire/bytes.ts"
import { ensure, ensureEqual } from "./check.ts"
import { hex, objects, text } from "./field.ts"
import { hexes, suitesOf } from "./mls-case.ts"
import { arraySuite, type JsonObject, type VectorReport, type VectorSuite } from "./suite.ts"

/**
 * RFC 9420's passive-client scenarios: our member joins by the Welcome and follows all handshakes, the readable ones with
 * an observer beside it. Its epoch authenticator is compared in every epoch. Every other epoch it lives on from its
 * serialized form. Native and portable primitives go side by side.
 */

interface Scenario {
  readonly suite: CipherSuite
  readonly options: { readonly now: bigint; readonly psks: PskLookup }
  member: Member
}

/** The vectors give a KeyPackage bare or in an MLSMessage. */
function keyPackageOf(bytes: Uint8Array): KeyPackage {
  try {
    return decodeKeyPackage(bytes)
  } catch {
    const message = decodeMlsMessage(bytes)
    ensure(message.kind === "keyPackage", "not a KeyPackage")
    return message.keyPackage
  }
}

function pskLookup(item: JsonObject): PskLookup {
  const psks = new Map(
    objects(item, "external_psks").map((psk) => [text(psk, "psk_id").toLowerCase(), hex(psk, "psk")]),
  )
  return (id) => (id.kind === "external" ? psks.get(toHex(id.id)) : undefined)
}

function join(suite: CipherSuite, item: JsonObject): Scenario {
  const keyPackage = keyPackageOf(hex(item, "key_package"))
  const psks = pskLookup(item)
  const treeField = item["ratchet_tree"]
  const member = Member.join(
    suite,
    hex(item, "welcome"),
    {
      keyPackage: encodeKeyPackage(keyPackage),
      secrets: {
        initSecretKey: hex(item, "init_priv"),
        encryptionSecretKey: hex(item, "encryption_priv"),
        signatureSecret: hex(item, "signature_priv"),
      },
    },
    { psks, ...(typeof treeField === "string" ? { ratchetTree: fromHex(treeField) } : {}) },
  )
  ensureEqual(member.epochAuthenticator(), hex(item, "initial_epoch_authenticator"), "authenticator")
  const { source } = keyPackage.leafNode
  ensure(source.kind === "keyPackage", "the KeyPackage has no lifetime")
  return { suite, member, options: { now: source.lifetime.notBefore + 1n, psks } }
}

function checkTree(suite: CipherSuite, before: FlatTree, staged: StagedCommit): void {
  const again = FlatTree.decode(suite, staged.tree.encode())
  ensureEqual(again.snapshot(), staged.tree.snapshot(), "tree computed anew")
  ensureEqual(staged.tree.revert(staged.undo).snapshot(), before.snapshot(), "tree after undoing")
  ensureEqual(staged.next.context.treeHash, again.rootHash(), "tree hash")
}

/** What an observer makes of an epoch whose handshakes are all readable. */
function observe(scenario: Scenario, proposals: readonly Uint8Array[], commit: Uint8Array): StagedCommit {
  const { suite, member, options } = scenario
  const seen = new Map<string, AuthenticatedProposal>()
  for (const bytes of proposals) {
    const proposal = observeProposal(suite, member.group, member.tree, bytes, options)
    seen.set(toHex(proposal.ref), proposal)
  }
  return observeCommit(suite, member.group, member.tree, commit, { ...options, proposals: seen })
}

function follow(scenario: Scenario, epoch: JsonObject): void {
  const { suite, options } = scenario
  const before = scenario.member.tree
  const proposals = hexes(epoch, "proposals")
  const commit = hex(epoch, "commit")
  const readable = [...proposals, commit].every((bytes) => decodeMlsMessage(bytes).kind === "publicMessage")
  const observed = readable ? observe(scenario, proposals, commit) : undefined
  for (const bytes of proposals) scenario.member = scenario.member.process(bytes, options).next
  const processed = scenario.member.process(commit, options)
  ensure(processed.kind === "commit" && !processed.selfRemoved, "not a commit that can be followed")
  checkTree(suite, before, processed.commit)
  if (observed !== undefined) {
    ensureEqual(observed.tree.snapshot(), processed.commit.tree.snapshot(), "the observer's tree")
    const { interimTranscriptHash: seen } = observed.next
    ensureEqual(seen, processed.commit.next.interimTranscriptHash, "the observer's transcript hash")
  }
  for (const secret of processed.consumed) secret.fill(0)
  scenario.member = processed.next
  ensureEqual(processed.next.epochAuthenticator(), hex(epoch, "epoch_authenticator"), "authenticator")
  if (processed.next.context.epoch % 2n === 0n) {
    scenario.member = Member.restore(suite, processed.next.serialize())
  }
}

function runScenario(item: JsonObject, name: string, report: VectorReport): void {
  const suites = suitesOf(item)
  if (typeof suites === "string") {
    report(name, "skipped", suites)
    return
  }
  let at = `${name} join`
  try {
    const scenarios = suites.map((suite) => join(suite, item))
    report(at, "passed")
    for (const [index, epoch] of objects(item, "epochs").entries()) {
      at = `${name} epoch ${index}`
      for (const scenario of scenarios) follow(scenario, epoch)
      report(at, "passed")
    }
  } catch (error) {
    report(at, "failed", error instanceof Error ? error.message : "unknown")
  }
}

export const mlsPassiveSuite: VectorSuite = arraySuite(
  "MLS passive client",
  ["init_priv", "encryption_priv", "welcome", "epochs"],
  runScenario,
)

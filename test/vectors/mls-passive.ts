import { nativeCrypto } from "../../src/crypto/native.ts"
import { decodeKeyPackage, encodeKeyPackage, type KeyPackage } from "../../src/mls/codec/key-package.ts"
import { decodeMlsMessage, type MlsMessage } from "../../src/mls/codec/message.ts"
import { observeCommit } from "../../src/mls/observer/commit.ts"
import { observeGroup } from "../../src/mls/observer/creation.ts"
import { type AuthenticatedProposal, observeProposal } from "../../src/mls/observer/proposal.ts"
import type { PublicGroupState } from "../../src/mls/observer/state.ts"
import { FlatTree } from "../../src/mls/tree/flat-tree.ts"
import { fromHex, toHex } from "../../src/wire/bytes.ts"
import { hex, integer, objects, text } from "./field.ts"
import { arraySuite, ensure, ensureEqual, hexes } from "./mls-case.ts"
import { PassiveMember } from "./mls-member.ts"
import type { JsonObject, VectorReport, VectorSuite } from "./suite.ts"

/**
 * RFC 9420's passive-client scenarios, seen by an observer: it takes up the group where the client joins and follows all
 * handshakes that are PublicMessages. Beside it a member with secrets follows the contexts that the observer arrives at;
 * its epoch authenticator is the vector's only if every bit of the context is right.
 */

const SUITE = 1
const crypto = nativeCrypto

interface Scenario {
  state: PublicGroupState
  tree: FlatTree
  readonly member: PassiveMember
  readonly clock: { readonly now: bigint }
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

function join(item: JsonObject): Scenario {
  const keyPackage = keyPackageOf(hex(item, "key_package"))
  const welcome = decodeMlsMessage(hex(item, "welcome"))
  ensure(welcome.kind === "welcome", "not a Welcome")
  const psks = objects(item, "external_psks").map(
    (psk) => [text(psk, "psk_id").toLowerCase(), hex(psk, "psk")] as const,
  )
  const treeField = item["ratchet_tree"]
  const joined = PassiveMember.join(
    crypto,
    {
      keyPackage: encodeKeyPackage(keyPackage),
      initSecretKey: hex(item, "init_priv"),
      encryptionSecretKey: hex(item, "encryption_priv"),
      externalPsks: new Map(psks),
    },
    welcome.welcome,
    typeof treeField === "string" ? fromHex(treeField) : undefined,
  )
  const { state, tree } = observeGroup(crypto, joined.groupInfo, joined.tree)
  const { source } = keyPackage.leafNode
  ensure(source.kind === "keyPackage", "the KeyPackage has no lifetime")
  ensureEqual(joined.member.confirmationTag(state.context), state.confirmationTag, "confirmation tag")
  ensureEqual(joined.member.epochAuthenticator, hex(item, "initial_epoch_authenticator"), "authenticator")
  return { state, tree, member: joined.member, clock: { now: source.lifetime.notBefore + 1n } }
}

function follow(scenario: Scenario, epoch: JsonObject, messages: readonly MlsMessage[]): void {
  const { state, tree, member, clock } = scenario
  const proposals = new Map<string, AuthenticatedProposal>()
  for (const bytes of hexes(epoch, "proposals")) {
    const proposal = observeProposal(crypto, state, tree, bytes, clock)
    proposals.set(toHex(proposal.ref), proposal)
  }
  const staged = observeCommit(crypto, state, tree, hex(epoch, "commit"), { ...clock, proposals })
  const again = FlatTree.decode(crypto, staged.tree.encode())
  ensureEqual(again.snapshot(), staged.tree.snapshot(), "tree computed anew")
  ensureEqual(staged.tree.revert(staged.undo).snapshot(), tree.snapshot(), "tree after undoing")
  const { context } = staged.next
  ensureEqual(context.treeHash, again.rootHash(), "tree hash")
  ensure(context.epoch === state.context.epoch + 1n, "epoch differs")
  const commit = messages.at(-1)
  ensure(commit?.kind === "publicMessage" && commit.message.framed.content.kind === "commit", "no commit")
  member.advance(state.context, staged, commit.message.framed.content.commit.path)
  ensureEqual(member.confirmationTag(context), staged.next.confirmationTag, "confirmation tag")
  ensureEqual(member.epochAuthenticator, hex(epoch, "epoch_authenticator"), "authenticator")
  scenario.state = staged.next
  scenario.tree = staged.tree
}

function runScenario(item: JsonObject, name: string, report: VectorReport): void {
  if (integer(item, "cipher_suite") !== SUITE) {
    report(name, "skipped", "MLS: cipher suite not 0x0001")
    return
  }
  let at = `${name} join`
  try {
    const scenario = join(item)
    report(at, "passed")
    let readable = true
    for (const [index, epoch] of objects(item, "epochs").entries()) {
      at = `${name} epoch ${index}`
      const messages = [...hexes(epoch, "proposals"), hex(epoch, "commit")].map(decodeMlsMessage)
      readable &&= messages.every(({ kind }) => kind === "publicMessage")
      if (!readable) {
        report(at, "skipped", "MLS: observers cannot read handshakes from the first PrivateMessage on")
        continue
      }
      follow(scenario, epoch, messages)
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

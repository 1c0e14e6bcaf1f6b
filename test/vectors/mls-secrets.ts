import { encodeGroupContext, type GroupContext } from "../../src/mls/codec/group-context.ts"
import { decodeGroupInfo, groupInfoToBeSigned } from "../../src/mls/codec/group-info.ts"
import { decodeKeyPackage, encodeKeyPackage } from "../../src/mls/codec/key-package.ts"
import { decodeMlsMessage } from "../../src/mls/codec/message.ts"
import type { PreSharedKeyId } from "../../src/mls/codec/psk.ts"
import { decodeGroupSecrets } from "../../src/mls/codec/welcome.ts"
import { keyPackageRef, verifyWithLabel } from "../../src/mls/labels.ts"
import {
  confirmationTag,
  deriveEpoch,
  type EpochSecrets,
  epochFromJoiner,
  exporter,
  externalInitReceiver,
  externalInitSender,
  externalKeyPair,
  welcomeSecret,
} from "../../src/mls/member/key-schedule.ts"
import { senderDataKey } from "../../src/mls/member/message-protection.ts"
import { pskSecret } from "../../src/mls/member/psk.ts"
import { SecretTree } from "../../src/mls/member/secret-tree.ts"
import {
  openGroupInfo,
  openGroupSecrets,
  sealGroupInfo,
  sealGroupSecrets,
} from "../../src/mls/member/welcome-crypto.ts"
import type { CipherSuite } from "../../src/mls/suite.ts"
import { equal } from "../../src/wire/bytes.ts"
import { ensure, ensureEqual } from "./check.ts"
import { hex, integer, object, objects, text } from "./field.ts"
import { forSuite, list } from "./mls-case.ts"
import { arraySuite, isArrayOf, type JsonObject, type VectorSuite } from "./suite.ts"

/** RFC 9420's vectors about the secrets of an epoch: key schedule, PSKs, secret tree and Welcome. */

const NO_PSK = new Uint8Array(32)

/** What the vectors call the secrets of an epoch. */
const EPOCH_FIELDS: Readonly<Record<keyof EpochSecrets, string>> = {
  senderData: "sender_data_secret",
  encryption: "encryption_secret",
  exporter: "exporter_secret",
  external: "external_secret",
  confirmation: "confirmation_key",
  membership: "membership_key",
  resumption: "resumption_psk",
  authenticator: "epoch_authenticator",
  init: "init_secret",
}

function checkKeySchedule(suite: CipherSuite, item: JsonObject): void {
  let initSecret = hex(item, "initial_init_secret")
  for (const [index, epoch] of objects(item, "epochs").entries()) {
    const context: GroupContext = {
      cipherSuite: suite.id,
      groupId: hex(item, "group_id"),
      epoch: BigInt(index),
      treeHash: hex(epoch, "tree_hash"),
      confirmedTranscriptHash: hex(epoch, "confirmed_transcript_hash"),
      extensions: [],
    }
    initSecret = checkEpoch(suite, epoch, encodeGroupContext(context), initSecret)
  }
}

/** Returns the init secret for the next epoch. */
function checkEpoch(suite: CipherSuite, item: JsonObject, context: Uint8Array, init: Uint8Array): Uint8Array {
  ensureEqual(context, hex(item, "group_context"), "GroupContext")
  const psk = hex(item, "psk_secret")
  const input = { initSecret: init, commitSecret: hex(item, "commit_secret"), pskSecret: psk, context }
  const { joinerSecret, epoch } = deriveEpoch(suite, input)
  ensureEqual(joinerSecret, hex(item, "joiner_secret"), "joiner secret")
  ensureEqual(welcomeSecret(suite, joinerSecret, psk), hex(item, "welcome_secret"), "welcome secret")
  const joined = epochFromJoiner(suite, joinerSecret, psk, context)
  for (const [name, field] of Object.entries(EPOCH_FIELDS) as [keyof EpochSecrets, string][]) {
    ensureEqual(epoch[name], hex(item, field), field)
    ensureEqual(joined[name], hex(item, field), `${field} of the joiner`)
  }
  checkExternal(suite, epoch.external, hex(item, "external_pub"))
  const { label, exportContext, length, secret } = exportOf(object(item, "exporter"))
  ensureEqual(exporter(suite, epoch.exporter, label, exportContext, length), secret, "exported secret")
  return epoch.init
}

function exportOf(item: JsonObject) {
  const [label, length] = [text(item, "label"), integer(item, "length")]
  return { label, exportContext: hex(item, "context"), length, secret: hex(item, "secret") }
}

function checkExternal(suite: CipherSuite, externalSecret: Uint8Array, externalPub: Uint8Array): void {
  ensureEqual(externalKeyPair(suite, externalSecret).publicKey, externalPub, "external_pub")
  const { kemOutput, initSecret } = externalInitSender(suite, externalPub)
  const received = externalInitReceiver(suite, externalSecret, kemOutput)
  ensureEqual(received, initSecret, "external init secret")
}

function checkPskSecret(suite: CipherSuite, item: JsonObject): void {
  const psks = objects(item, "psks").map((psk) => {
    const id: PreSharedKeyId = { kind: "external", id: hex(psk, "psk_id"), nonce: hex(psk, "psk_nonce") }
    return { id, secret: hex(psk, "psk") }
  })
  ensureEqual(pskSecret(suite, psks), hex(item, "psk_secret"), "psk_secret")
}

function checkSecretTree(suite: CipherSuite, item: JsonObject): void {
  const senderData = object(item, "sender_data")
  const secret = hex(senderData, "sender_data_secret")
  const { key, nonce } = senderDataKey(suite, secret, hex(senderData, "ciphertext"))
  ensureEqual(key, hex(senderData, "key"), "sender data key")
  ensureEqual(nonce, hex(senderData, "nonce"), "sender data nonce")
  const leaves = list(item, "leaves")
  const start = SecretTree.create(suite, hex(item, "encryption_secret"), leaves.length)
  checkLeaves(start, leaves, false)
  checkLeaves(start, leaves, true)
}

/** In either order of leaves and generations the keys are the same. */
function checkLeaves(start: SecretTree, leaves: readonly unknown[], reversed: boolean): void {
  let tree = start
  const ordered = <T>(items: readonly T[]) => (reversed ? items.toReversed() : items)
  for (const [leaf, entries] of ordered([...leaves.entries()])) {
    ensure(isArrayOf(entries, "generation", "handshake_key"), "malformed leaf")
    for (const entry of ordered(entries)) {
      for (const kind of ["handshake", "application"] as const) {
        const taken = tree.receiverKey(leaf, kind, integer(entry, "generation"))
        ensureEqual(taken.key, hex(entry, `${kind}_key`), `${kind} key of leaf ${leaf}`)
        ensureEqual(taken.nonce, hex(entry, `${kind}_nonce`), `${kind} nonce of leaf ${leaf}`)
        tree = taken.next
      }
    }
  }
}

function checkWelcome(suite: CipherSuite, item: JsonObject): void {
  const message = decodeMlsMessage(hex(item, "welcome"))
  const keyPackage = decodeMlsMessage(hex(item, "key_package"))
  ensure(message.kind === "welcome" && keyPackage.kind === "keyPackage", "of another kind")
  const { encryptedGroupInfo, secrets } = message.welcome
  const keyPackageBytes = encodeKeyPackage(keyPackage.keyPackage)
  const ref = keyPackageRef(suite, keyPackageBytes)
  const mine = secrets.find(({ newMember }) => equal(newMember, ref))
  ensure(mine !== undefined, "no secrets for the KeyPackage")
  const initPriv = hex(item, "init_priv")
  const sealed = openGroupSecrets(suite, initPriv, encryptedGroupInfo, mine.encryptedGroupSecrets)
  const { joinerSecret, psks } = decodeGroupSecrets(sealed)
  ensure(psks.length === 0, "unexpected PSKs")
  const infoBytes = openGroupInfo(suite, joinerSecret, NO_PSK, encryptedGroupInfo)
  const info = decodeGroupInfo(infoBytes)
  const signed = groupInfoToBeSigned(info)
  const holds = verifyWithLabel(suite, hex(item, "signer_pub"), "GroupInfoTBS", signed, info.signature)
  ensure(holds, "signature of the GroupInfo")
  const context = encodeGroupContext(info.groupContext)
  const epoch = epochFromJoiner(suite, joinerSecret, NO_PSK, context)
  const tag = confirmationTag(suite, epoch.confirmation, info.groupContext.confirmedTranscriptHash)
  ensureEqual(tag, info.confirmationTag, "confirmation tag")

  const resealed = sealGroupInfo(suite, joinerSecret, NO_PSK, infoBytes)
  ensureEqual(resealed, encryptedGroupInfo, "encrypted GroupInfo")
  const { initKey } = decodeKeyPackage(keyPackageBytes)
  const ours = sealGroupSecrets(suite, initKey, resealed, sealed)
  ensureEqual(openGroupSecrets(suite, initPriv, resealed, ours), sealed, "GroupSecrets")
}

export const mlsSecretSuites: readonly VectorSuite[] = [
  arraySuite("MLS key schedule", ["initial_init_secret", "epochs", "group_id"], forSuite(checkKeySchedule)),
  arraySuite("MLS PSK secret", ["psks", "psk_secret"], forSuite(checkPskSecret)),
  arraySuite("MLS secret tree", ["encryption_secret", "sender_data", "leaves"], forSuite(checkSecretTree)),
  arraySuite("MLS Welcome", ["init_priv", "signer_pub", "key_package", "welcome"], forSuite(checkWelcome)),
]

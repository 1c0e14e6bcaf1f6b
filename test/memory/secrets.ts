import { EAR_KEY_BYTES, type EarPurpose, openRecord } from "../../src/crypto/ear.ts"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { decodeHead, type Head } from "../../src/ds/head.ts"
import { decodeTreeRecord } from "../../src/ds/tree-record.ts"
import { HASH_BYTES } from "../../src/limits.ts"
import type { FlatTree } from "../../src/mls/index.ts"
import { equal } from "../../src/wire/bytes.ts"
import type { Group } from "../ds/group.ts"
import { blob, type Row, Snapshot } from "../e2e/snapshot.ts"
import { patternsOf } from "./patterns.ts"
import type { Pattern } from "./scanner.ts"

/** What of a request the server must not keep in its memory. */
export interface Secret {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Whether it is a key or token, and not what a key opens. */
export function isKey({ name }: Secret): boolean {
  return !name.startsWith("in the ")
}

export function patternsFor(secrets: readonly Secret[]): Pattern[] {
  return secrets.flatMap(({ name, bytes }) => patternsOf(name, bytes))
}

const keyLabels = { head: labels.earHeadKey, tree: labels.earTreeKey } as const

/** Times that the data are read again when they changed while they were read. */
const ATTEMPTS_MAX = 20

/** What an EAR key opens as the group is stored now: keys that are derived from it, and what is in the records. */
export function secretsOfGroup(data: string, group: Group): Secret[] {
  for (let attempt = 1; ; attempt++) {
    try {
      return secretsIn(data, group)
    } catch (error) {
      if (attempt === ATTEMPTS_MAX) throw error
      Bun.sleepSync(50)
    }
  }
}

function secretsIn(data: string, { groupId, earKey }: Group): Secret[] {
  const snapshot = Snapshot.take(data)
  const row = (table: string) => snapshot.rows(table).find(({ group_id }) => equal(blob(group_id), groupId))
  const [group, head, tree] = [row("ds_group"), row("ds_head"), row("ds_tree")]
  if (group === undefined || head === undefined || tree === undefined) return []
  const open = (purpose: EarPurpose, counter: bigint, { ciphertext }: Row) =>
    openRecord(crypto, earKey, purpose, groupId, counter, {
      salt: blob(group[`${purpose}_salt`]),
      commitment: blob(group[`${purpose}_commitment`]),
      ciphertext: blob(ciphertext),
    })
  const opened = decodeHead(open("head", 0n, head))
  const { tree: ratchetTree } = decodeTreeRecord(open("tree", opened.treeWrites, tree))
  return [
    ...derivedSecrets("head", earKey, blob(group["head_salt"])),
    ...derivedSecrets("tree", earKey, blob(group["tree_salt"])),
    ...secretsOfHead(opened),
    ...ratchetTree
      .members()
      .map((leaf) => ({ name: "in the tree: leaf's hash", bytes: hashOfLeaf(ratchetTree, leaf) })),
  ]
}

/** HKDF's pseudo-random key, alone and as HMAC uses it, and the key of the record. The commitment is stored openly. */
function derivedSecrets(purpose: EarPurpose, earKey: Uint8Array, salt: Uint8Array): Secret[] {
  const pseudoRandomKey = crypto.hkdfExtract(salt, earKey)
  return [
    { name: `${purpose}: extracted key`, bytes: pseudoRandomKey },
    { name: `${purpose}: inner pad`, bytes: pseudoRandomKey.map((byte) => byte ^ 0x36) },
    { name: `${purpose}: outer pad`, bytes: pseudoRandomKey.map((byte) => byte ^ 0x5c) },
    {
      name: `${purpose}: derived key`,
      bytes: crypto.hkdfExpand(pseudoRandomKey, keyLabels[purpose], EAR_KEY_BYTES),
    },
  ]
}

/** What tells members apart, or where their messages go, and what only the server knows. */
function secretsOfHead({ secret, leaves, state }: Head): Secret[] {
  return [
    { name: "group's secret", bytes: secret },
    { name: "in the head: confirmation tag", bytes: state.confirmationTag },
    ...leaves.flatMap(({ signatureKey, queueConfig, ticket }) => [
      { name: "in the head: signature key", bytes: signatureKey },
      { name: "in the head: queue config", bytes: queueConfig },
      ...(ticket === undefined ? [] : [{ name: "in the head: ticket", bytes: ticket }]),
    ]),
  ]
}

/** It stands in the record beside the leaf itself. */
function hashOfLeaf({ parts }: FlatTree, leaf: number): Uint8Array {
  const at = 2 * leaf * HASH_BYTES
  return parts.hashes.slice(at, at + HASH_BYTES)
}

import {
  beginRecord,
  contentBytes,
  type EarPurpose,
  openRecord,
  type SealedRecord,
  sealRecord,
} from "../crypto/ear.ts"
import { CryptoError, type CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { KEY_BYTES, RECORD_BUFFER_BYTES_MAX } from "../limits.ts"
import type { View } from "../store/database.ts"
import { Problem } from "../wire/problem.ts"
import { CodecError, Writer } from "../wire/tls.ts"
import { decodeHead, type Head, writeHead } from "./head.ts"
import type { RecordPadding } from "./record-padding.ts"
import { readGroup, readTree, type StoredGroup } from "./store.ts"
import { decodeTreeRecord, type TreeRecord, writeTreeRecord } from "./tree-record.ts"

/** The key and the id that a request names a group by. */
export interface GroupKey {
  readonly groupId: Uint8Array
  readonly earKey: Uint8Array
}

/** Something decrypted for one request; its values are views of a plaintext that `wipe` overwrites. */
export interface Opened<T> {
  readonly value: T
  wipe(): void
}

/** An opened head, and the stored group it came from. */
export interface OpenedGroup extends Opened<Head> {
  readonly stored: StoredGroup
}

/** The head's own seal needs no counter: the tree's seal binds it to one tree, and its salt says whether it changed. */
const HEAD_COUNTER = 0n

/** Opens and seals group records (PROTOCOL.md section 5.1). Keeps neither keys nor plaintexts. */
export class GroupRecords {
  readonly #view: View
  readonly #crypto: CryptoProvider
  readonly #padding: RecordPadding
  /** In which records are put together, one after the other: fresh memory costs more than sealing it. Empty in between. */
  #buffer = new Writer()
  /** Costs a request for an unknown group what a wrong key costs. */
  readonly #nobodys: SealedRecord

  constructor(view: View, crypto: CryptoProvider, padding: RecordPadding) {
    this.#view = view
    this.#crypto = crypto
    this.#padding = padding
    this.#nobodys = {
      salt: crypto.random(KEY_BYTES),
      commitment: crypto.random(KEY_BYTES),
      ciphertext: new Uint8Array(0),
    }
  }

  /** Undefined for an unknown group and for a wrong key alike. */
  openHead({ groupId, earKey }: GroupKey): OpenedGroup | undefined {
    const stored = readGroup(this.#view, groupId)
    let plaintext: Uint8Array
    try {
      const sealed = stored?.head ?? this.#nobodys
      plaintext = openRecord(this.#crypto, earKey, "head", groupId, HEAD_COUNTER, sealed)
    } catch (error) {
      if (error instanceof CryptoError) return undefined
      throw error
    }
    if (stored === undefined) return undefined
    return { stored, ...decoded(plaintext, decodeHead) }
  }

  /** @throws Problem `server.internal` the tree is not the one that the head belongs to */
  openTree(group: OpenedGroup, { groupId, earKey }: GroupKey): Opened<TreeRecord> {
    const sealed = readTree(this.#view, group.stored)
    if (sealed === undefined) throw new Problem("server.internal")
    let plaintext: Uint8Array
    try {
      plaintext = openRecord(this.#crypto, earKey, "tree", groupId, group.value.treeWrites, sealed)
    } catch (error) {
      if (error instanceof CryptoError) throw new Problem("server.internal")
      throw error
    }
    return decoded(plaintext, decodeTreeRecord)
  }

  /** @throws Problem `ds.group-too-large` */
  sealHead(key: GroupKey, head: Head): SealedRecord {
    return this.#seal("head", key, HEAD_COUNTER, (writer) => writeHead(writer, head))
  }

  /** `treeWrites` as in the head that goes with it. @throws Problem `ds.group-too-large` */
  sealTree(key: GroupKey, treeWrites: bigint, record: TreeRecord): SealedRecord {
    return this.#seal("tree", key, treeWrites, (writer) => writeTreeRecord(writer, record))
  }

  #seal(
    purpose: EarPurpose,
    { groupId, earKey }: GroupKey,
    counter: bigint,
    write: (writer: Writer) => void,
  ): SealedRecord {
    const record = beginRecord(this.#buffer)
    try {
      write(record)
      const padded = this.#padding.lengthFor(purpose, groupId, contentBytes(record))
      return sealRecord(this.#crypto, earKey, purpose, groupId, counter, record, padded)
    } finally {
      record.wipe()
      if (record.capacity > RECORD_BUFFER_BYTES_MAX) this.#buffer = new Writer()
    }
  }
}

function decoded<T>(plaintext: Uint8Array, decode: (bytes: Uint8Array) => T): Opened<T> {
  try {
    return { value: decode(plaintext), wipe: () => wipe(plaintext) }
  } catch (error) {
    wipe(plaintext)
    if (error instanceof CodecError) throw new Problem("server.internal")
    throw error
  }
}

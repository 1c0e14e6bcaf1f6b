import {
  beginRecord,
  contentBytes,
  EAR_OVERHEAD_BYTES,
  type EarPurpose,
  openRecord,
  type SealedRecord,
  sealRecord,
} from "../crypto/ear.ts"
import { CryptoError, type CryptoProvider } from "../crypto/provider.ts"
import { discard, release } from "../crypto/wipe.ts"
import { KEY_BYTES } from "../limits.ts"
import type { View } from "../store/database.ts"
import { Problem } from "../wire/problem.ts"
import { CodecError, Writer } from "../wire/tls.ts"
import { decodeHead, type Head, writeHead } from "./head.ts"
import type { RecordPadding } from "./record-padding.ts"
import { type GroupRow, readGroup, readTree } from "./store.ts"
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

/** An opened head, and the group's row that it came with. */
export interface OpenedGroup extends Opened<Head> {
  readonly stored: GroupRow
}

/** The head's own seal needs no counter: the tree's seal binds it to one tree, and its salt says whether it changed. */
const HEAD_COUNTER = 0n

/** Opens and seals group records (docs/protocol.md section 5.1). Keeps neither keys nor plaintexts. */
export class GroupRecords {
  readonly #view: View
  readonly #crypto: CryptoProvider
  readonly #padding: RecordPadding
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
    const plaintext = this.#open("head", { groupId, earKey }, HEAD_COUNTER, stored?.head ?? this.#nobodys)
    if (stored === undefined || plaintext === undefined) return undefined
    return { stored: stored.row, ...decoded(plaintext, decodeHead) }
  }

  /** @throws Problem `server.internal` the tree is not the one that the head belongs to */
  openTree(group: OpenedGroup, key: GroupKey): Opened<TreeRecord> {
    const sealed = readTree(this.#view, group.stored)
    const plaintext = sealed && this.#open("tree", key, group.value.treeWrites, sealed)
    if (plaintext === undefined) throw new Problem("server.internal")
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

  /** Undefined if the record does not open. The ciphertext is gone afterwards. */
  #open(
    purpose: EarPurpose,
    { groupId, earKey }: GroupKey,
    counter: bigint,
    sealed: SealedRecord,
  ): Uint8Array | undefined {
    try {
      return openRecord(this.#crypto, earKey, purpose, groupId, counter, sealed)
    } catch (error) {
      if (error instanceof CryptoError) return undefined
      throw error
    } finally {
      release(sealed.ciphertext)
    }
  }

  #seal(
    purpose: EarPurpose,
    { groupId, earKey }: GroupKey,
    counter: bigint,
    write: (writer: Writer) => void,
  ): SealedRecord {
    const record = beginRecord(new Writer(EAR_OVERHEAD_BYTES + this.#padding.lengthBefore(purpose, groupId)))
    try {
      write(record)
      const padded = this.#padding.lengthFor(purpose, groupId, contentBytes(record))
      return sealRecord(this.#crypto, earKey, purpose, groupId, counter, record, padded)
    } catch (error) {
      discard(record.view())
      throw error
    }
  }
}

function decoded<T>(plaintext: Uint8Array, decode: (bytes: Uint8Array) => T): Opened<T> {
  try {
    return { value: decode(plaintext), wipe: () => discard(plaintext) }
  } catch (error) {
    discard(plaintext)
    if (error instanceof CodecError) throw new Problem("server.internal")
    throw error
  }
}

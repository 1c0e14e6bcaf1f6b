import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import type { RowOf } from "../../src/store/database.ts"
import type { OpenedStore } from "../../src/store/open.ts"
import { openRow } from "../../src/veil/names.ts"
import { SlotKeys } from "../../src/veil/slot-keys.ts"
import { VeiledStore } from "../../src/veil/store.ts"
import type { AnyVeiledTable, StoredRow, VeiledTable } from "../../src/veil/table.ts"
import { equal } from "../../src/wire/bytes.ts"

/** A veiled store, with what tests look at behind the veil. */
export class OpenedVeil extends VeiledStore {
  readonly disk: OpenedStore
  readonly #keys: SlotKeys

  constructor(disk: OpenedStore, slotKeys: readonly Uint8Array[], tables: readonly AnyVeiledTable[]) {
    super({ crypto, store: disk, slotKeys, tables })
    this.disk = disk
    this.#keys = new SlotKeys(crypto, slotKeys)
  }

  /** As the file has them. */
  stored({ stored }: AnyVeiledTable): StoredRow[] {
    return this.disk.list(stored, {}, 100_000)
  }

  /** Opened, in the order of their names. */
  rows<Row extends RowOf<Row>>(table: VeiledTable<Row>): Row[] {
    return this.stored(table).map((row) => openRow(this.#keys, table, row) as unknown as Row)
  }

  /** The row with this id as the file has it. */
  storedOf(table: AnyVeiledTable, id: Uint8Array): StoredRow {
    const found = this.stored(table).find((row) => {
      return equal(openRow(this.#keys, table, row)[table.key[0] as string] as Uint8Array, id)
    })
    if (found === undefined) throw new Error("there is no such row")
    return found
  }

  scrub(): void {
    this.disk.scrub()
  }

  backupTo(file: string): void {
    this.disk.backupTo(file)
  }

  close(): Promise<void> {
    return this.disk.close()
  }
}

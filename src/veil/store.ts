import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import {
  type AnyTable,
  type Effect,
  type KeyOf,
  keyValues,
  put,
  type RowOf,
  remove,
  type Store,
  StoreMisuse,
  type Table,
  type Unit,
  type View,
  type Writer,
} from "../store/database.ts"
import { equal } from "../wire/bytes.ts"
import { type Epochs, firstEpoch, nextEpoch, readEpochs, writeEpochs } from "./epochs.ts"
import { namesOf, openRow, sealRow } from "./names.ts"
import { SlotKeys } from "./slot-keys.ts"
import { type AnyVeiledTable, isVeiled, type StoredRow, type VeiledRow, type VeiledTable } from "./table.ts"

export interface VeiledStoreOptions {
  readonly crypto: CryptoProvider
  readonly store: Store
  /** As for {@link SlotKeys}. */
  readonly slotKeys: readonly Uint8Array[]
  /** All veiled tables of the database. */
  readonly tables: readonly AnyVeiledTable[]
}

/** What a pass writes for a row instead of the row as it is. */
export interface Renewal {
  readonly table: AnyTable
  /** To be called inside a unit's `effects`, with the id of a row that is there. */
  effects(view: View, id: Uint8Array): readonly Effect[]
}

/** Rows that are looked at before others get their turn, and named anew in one unit. */
const ROWS_PER_STEP = 64

/**
 * A store that veils some of its tables: who has the file, and not the slot key, sees how many rows they have and nothing else.
 * Names and bodies look random, and in two copies between which a pass was made no row can be recognised, whether it was
 * changed or not. To those who read and write through this store, rows are as they would be without a veil; they name them by
 * id, and cannot list them.
 *
 * A pass gives every row a new name, in steps, while requests go on: a row is found under its new name or its old one,
 * whatever is written gets the new one, and a crash leaves nothing to repair, because what a pass has still to do can be seen
 * from the names.
 */
export class VeiledStore implements Store {
  readonly writer: Writer
  readonly #crypto: CryptoProvider
  readonly #store: Store
  readonly #keys: SlotKeys
  readonly #tables: readonly AnyVeiledTable[]
  #epochs: Epochs
  /** The last walk through a table. One at a time, so that names do not change under another. */
  #walking: Promise<void> = Promise.resolve()

  /** @throws SlotsUnreadable the slot keys are not those of this database */
  constructor({ crypto, store, slotKeys, tables }: VeiledStoreOptions) {
    this.#crypto = crypto
    this.#store = store
    this.#keys = new SlotKeys(crypto, slotKeys)
    this.#tables = tables
    this.#epochs = readEpochs(store, this.#keys) ?? firstEpoch
    this.writer = {
      submit: (unit) => store.writer.submit(this.#veiled(unit)),
      dropTable: (table) => store.writer.dropTable(table),
    }
  }

  get<Row extends RowOf<Row>>(table: Table<Row>, key: KeyOf<Row>): Row | undefined {
    return this.#over(this.#store).get(table, key)
  }

  list<Row extends RowOf<Row>>(table: Table<Row>, prefix: Partial<Row>, limit: number, after?: KeyOf<Row>) {
    return this.#over(this.#store).list(table, prefix, limit, after)
  }

  count(table: AnyTable): number {
    return this.#store.count(isVeiled(table) ? table.stored : table)
  }

  partitions(prefix: string): string[] {
    return this.#store.partitions(prefix)
  }

  /** All committed rows of a table, some at a time, in no order that means anything. No pass is made meanwhile. */
  walk<Row extends RowOf<Row>>(
    table: VeiledTable<Row>,
    step: (rows: readonly Row[]) => Promise<void>,
  ): Promise<void> {
    return this.#alone(() => {
      return this.#walk(table, async (stored, opened) => {
        await step(stored.map(opened) as unknown as Row[])
      })
    })
  }

  /** Gives every row another name and seals it anew, after what an earlier pass has left to do. */
  pass(renewals: readonly Renewal[] = []): Promise<void> {
    return this.#alone(async () => {
      if (this.#epochs.previous !== undefined) await this.#renameAll(renewals)
      await this.#enter(nextEpoch(this.#crypto, this.#epochs))
      await this.#renameAll(renewals)
    })
  }

  /**
   * Finishes a pass that was under way when the server ended. To be called before the first request, at the first start too: from
   * then on no other slot keys are taken for those of this database.
   *
   * @throws SlotsUnreadable rows are sealed under a slot key that is not there any more
   */
  start(renewals: readonly Renewal[] = []): Promise<void> {
    return this.#alone(async () => {
      if (this.#epochs.previous !== undefined) await this.#renameAll(renewals)
      else if (readEpochs(this.#store, this.#keys) === undefined) await this.#enter(this.#epochs)
    })
  }

  #alone(work: () => Promise<void>): Promise<void> {
    const done = this.#walking.then(work)
    this.#walking = done.catch(() => undefined)
    return done
  }

  async #renameAll(renewals: readonly Renewal[]): Promise<void> {
    for (const table of this.#tables) {
      await this.#rename(
        table,
        renewals.find((renewal) => renewal.table.name === table.name),
      )
    }
    await this.#enter({ current: this.#epochs.current, previous: undefined })
  }

  /** What a unit of a request has written meanwhile has its new name already; such rows are written once more. */
  async #rename(table: AnyVeiledTable, renewal: Renewal | undefined): Promise<void> {
    const id = idOf(table)
    await this.#walk(table, async (stored, opened) => {
      const ids = stored.flatMap((row) => {
        const name = id(opened(row))
        const [current] = this.#namesOf(table, name) as [Uint8Array]
        return equal(row.name, current) ? [] : [name]
      })
      if (ids.length === 0) return
      await this.writer.submit({
        expects: [],
        effects: (view) => ids.flatMap((name) => renewed(view, table, name, renewal)),
      })
    })
  }

  async #walk(
    table: AnyVeiledTable,
    step: (stored: readonly StoredRow[], opened: (row: StoredRow) => VeiledRow) => Promise<void>,
  ): Promise<void> {
    const { stored } = table
    const opened = (row: StoredRow) => openRow(this.#keys, table, row)
    let rows = this.#store.list(stored, {}, ROWS_PER_STEP)
    while (rows.length > 0) {
      await step(rows, opened)
      rows = this.#store.list(stored, {}, ROWS_PER_STEP, { name: (rows.at(-1) as StoredRow).name })
    }
  }

  /** In the order of units: those before it have written by the epochs before, those after it by these. */
  async #enter(epochs: Epochs): Promise<void> {
    const before = this.#epochs
    await this.#store.writer.submit({
      expects: [],
      effects: () => {
        this.#epochs = epochs
        return [writeEpochs(this.#crypto, this.#keys, epochs)]
      },
      failed: () => {
        this.#epochs = before
      },
    })
  }

  #veiled(unit: Unit): Unit {
    if (unit.expects.some(({ table }) => isVeiled(table))) {
      throw new StoreMisuse("whether a veiled row is there is decided in a unit's effects")
    }
    return {
      expects: unit.expects,
      patient: unit.patient ?? false,
      effects: (view) => unit.effects(this.#over(view)).flatMap((effect) => this.#translated(effect)),
      committed: () => unit.committed?.(),
      failed: () => unit.failed?.(),
    }
  }

  #over(below: View): View {
    return {
      get: (table, key) =>
        isVeiled(table) ? (this.#find(below, table, key) as never) : below.get(table, key),
      list(table, prefix, limit, after) {
        if (isVeiled(table)) throw new StoreMisuse("rows of a veiled table cannot be listed")
        return below.list(table, prefix, limit, after)
      },
    }
  }

  #find(below: View, table: AnyVeiledTable, key: object): VeiledRow | undefined {
    const [id] = keyValues(table, key) as [Uint8Array]
    for (const name of this.#namesOf(table, id)) {
      const row = below.get(table.stored, { name })
      if (row !== undefined) return openRow(this.#keys, table, row)
    }
    return undefined
  }

  #translated(effect: Effect): Effect[] {
    const { table } = effect
    if (!isVeiled(table)) return [effect]
    if (effect.kind === "drop") throw new StoreMisuse("a veiled table is not dropped")
    const { stored } = table
    const [name, ...others] = this.#namesOf(table, effect.key[0] as Uint8Array) as [Uint8Array]
    const removals = others.map((other) => remove(stored, { name: other }))
    if (effect.kind === "delete") return [...removals, remove(stored, { name })]
    const given = effect.row as VeiledRow
    const row = sealRow(this.#crypto, this.#keys, table, name, given)
    for (const column of table.overwritten ?? []) wipe(given[column])
    return [...removals, put(stored, row)]
  }

  #namesOf(table: AnyTable, id: Uint8Array): Uint8Array[] {
    return namesOf(this.#keys, this.#epochs, table.name, id)
  }
}

function idOf({ key }: AnyVeiledTable): (row: VeiledRow) => Uint8Array {
  const [column] = key as [string]
  return (row) => row[column] as Uint8Array
}

/** The row may have been deleted, or changed, since it was seen. */
function renewed(
  view: View,
  table: AnyVeiledTable,
  id: Uint8Array,
  renewal: Renewal | undefined,
): readonly Effect[] {
  const rows = table as Table<VeiledRow>
  const row = view.get(rows, { [table.key[0] as string]: id })
  if (row === undefined) return []
  return renewal === undefined ? [put(rows, row)] : renewal.effects(view, id)
}

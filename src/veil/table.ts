import { FORMAT_VERSION } from "../limits.ts"
import { type AnyTable, defineTable, StoreMisuse, type Table } from "../store/database.ts"
import { CodecError, decodeAll, Writer } from "../wire/tls.ts"

/**
 * A veiled table: its services read and write rows of several columns under an id, and the file holds a name and a sealed body
 * (store.ts). All columns are byte strings.
 */
export interface AnyVeiledTable extends AnyTable {
  /** Bytes of a row before it is sealed: the few lengths that there are, ascending. Shorter rows are filled up. */
  readonly lengths: readonly number[]
  /** What the file has. */
  readonly stored: Table<StoredRow>
  /** Columns that are overwritten in rows that were put, once they are sealed. Nobody else may hold on to them. */
  readonly overwritten?: readonly string[]
}

export interface VeiledTable<Row> extends Table<Row>, AnyVeiledTable {
  readonly key: Table<Row>["key"]
  readonly columns: Table<Row>["columns"]
}

/** The columns of a row, each of them with its length. */
export type VeiledRow = { [column: string]: Uint8Array }

/** A row as the file has it. */
export type StoredRow = { name: Uint8Array; body: Uint8Array }

/** Version, and the length of a column. */
const VERSION_BYTES = 1
const COLUMN_LENGTH_BYTES = 2

/**
 * Describes a veiled table. The first column is the id; `columnBytes` is what the columns of a row take together, at most, or
 * in each of several sizes.
 */
export function defineVeiled<Row extends { [Column in keyof Row]: Uint8Array }>(
  name: string,
  columns: readonly (keyof Row & string)[],
  ...columnBytes: readonly number[]
): VeiledTable<Row> {
  const overhead = VERSION_BYTES + COLUMN_LENGTH_BYTES * columns.length
  const lengths = columnBytes.map((bytes) => overhead + bytes)
  const stored = defineTable<StoredRow>(name, ["name"], ["name", "body"])
  return Object.freeze({ ...defineTable<Row>(name, columns.slice(0, 1), columns), lengths, stored })
}

export function isVeiled(table: AnyTable): table is AnyVeiledTable {
  return "stored" in table
}

/** struct { u8 version; opaque columns<V>[]; zeros } Row. @throws StoreMisuse it is too long for its table */
export function encodeRow({ columns, lengths }: AnyVeiledTable, row: VeiledRow): Uint8Array {
  const writer = new Writer(lengths[0]).u8(FORMAT_VERSION)
  for (const column of columns) writer.opaque(row[column] as Uint8Array)
  const length = lengths.find((bytes) => writer.length <= bytes)
  if (length === undefined) throw new StoreMisuse("a row is longer than its table allows")
  return writer.raw(new Uint8Array(length - writer.length)).view()
}

/** @throws CodecError */
export function decodeRow({ columns }: AnyVeiledTable, bytes: Uint8Array): VeiledRow {
  return decodeAll(bytes, (reader) => {
    if (reader.u8() !== FORMAT_VERSION) throw new CodecError("row version")
    const row = Object.fromEntries(columns.map((column) => [column, reader.opaque()]))
    if (reader.raw(reader.remaining).some((byte) => byte !== 0)) throw new CodecError("row padding")
    return row
  })
}

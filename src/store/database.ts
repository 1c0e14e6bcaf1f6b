/**
 * The storage interface of the services: rows of bytes in named tables, read synchronously, written only as
 * {@link Unit}s through one commit pipeline.
 *
 * What it guarantees to a service: a unit is all or nothing; its expectations and its `effects` see every unit
 * that was accepted before it; when `submit` resolves, the unit survives a power cut. What it guarantees to the
 * users: rows of many units are written together in key order, and a deleted row is gone from the disk.
 */

/** What a column holds. Integers are at most 2^53 - 1 in magnitude. */
export type Value = Uint8Array | number | null

/** A row: an object whose every property is a column. Rows that were read must not be modified. */
export type RowOf<Row> = { [Column in keyof Row]: Value }

declare const rowType: unique symbol

/** A table that its first put makes, such as a month's. */
export interface RunTime {
  /** What follows the name in `CREATE TABLE`. */
  readonly definition: string
  /**
   * Rows that are put {@link putBriefly briefly} come into a small table first and move to their places a little later
   * (settling.ts), so that those that are removed meanwhile share pages and never get there. For rows that are put once: as long
   * as a row is there, no other is put under its key.
   */
  readonly fresh?: boolean
}

/** A table without its row type: what the pipeline works on. */
export interface AnyTable {
  readonly name: string
  /** The primary key's columns, in order. */
  readonly key: readonly string[]
  /** All columns, those of the key included. */
  readonly columns: readonly string[]
  /** undefined: a migration makes the table. */
  readonly runTime: RunTime | undefined
  /**
   * Rows lie by a number, `place INTEGER PRIMARY KEY`, which is the beginning of their key (place.ts). For rows that are longer than a
   * quarter of a page: in a table without row ids SQLite reads them whole to compare their keys.
   */
  readonly placed: boolean
}

/** A table that the commit pipeline may write. */
export interface Table<Row> extends AnyTable {
  readonly key: readonly (keyof Row & string)[]
  readonly columns: readonly (keyof Row & string)[]
  readonly [rowType]?: Row
}

/** The values of exactly a table's key columns. More or fewer is a {@link StoreMisuse}. */
export type KeyOf<Row> = Partial<Row>

export type Effect =
  | {
      readonly kind: "put"
      readonly table: AnyTable
      readonly key: readonly Value[]
      readonly row: object
      readonly briefly?: boolean
    }
  | { readonly kind: "delete"; readonly table: AnyTable; readonly key: readonly Value[] }
  | { readonly kind: "drop"; readonly table: AnyTable }

/** What must still hold when the unit is accepted; otherwise the unit is refused with {@link Conflict}. */
export type Expectation =
  | { readonly kind: "absent" | "present"; readonly table: AnyTable; readonly key: readonly Value[] }
  | {
      readonly kind: "equals"
      readonly table: AnyTable
      readonly key: readonly Value[]
      readonly column: string
      readonly equals: Value
    }

/** Reading by key. Given to {@link Unit.effects}, it shows the earlier units of the same epoch as well. */
export interface View {
  get<Row extends RowOf<Row>>(table: Table<Row>, key: KeyOf<Row>): Row | undefined
  /**
   * The first `limit` rows, in key order, whose leading key columns equal `prefix` (`{}`: all rows) and whose
   * key comes after `after`. A table that does not exist has no rows.
   */
  list<Row extends RowOf<Row>>(
    table: Table<Row>,
    prefix: Partial<Row>,
    limit: number,
    after?: KeyOf<Row>,
  ): Row[]
}

/** One request's change: all of it becomes durable, or nothing. */
export interface Unit {
  readonly expects: readonly Expectation[]
  /**
   * Called at most once, synchronously, in the order of submission, when all expectations hold. Throwing refuses
   * the unit: the submitter gets the error thrown. Later effects on the same row win over earlier ones.
   */
  effects(view: View): readonly Effect[]
  /**
   * It may wait for units that may not, for some milliseconds, to become durable with them. For what nobody waits for: a
   * transaction of its own costs more than what is in it.
   */
  readonly patient?: boolean
  /** Called after the epoch is durable and before the submitter's promise resolves. Must not throw. */
  committed?(): void
  /** Called if `effects` was called and the unit did not become durable; latest unit first. Must not throw. */
  failed?(): void
}

/** What a function takes that only reads. Sees committed rows only. */
export interface Reader extends View {
  count(table: AnyTable): number
  /** The names of the existing tables that begin with `prefix`, sorted. */
  partitions(prefix: string): string[]
}

/** What a function takes that may write. */
export interface Writer {
  /**
   * Resolves when the unit is durable.
   *
   * @throws Conflict an expectation did not hold; nothing was changed
   * @throws Overloaded too many units wait; nothing was changed
   * @throws StoreFailed the epoch could not be made durable
   * @throws StoreClosed the store is closing
   */
  submit(unit: Unit): Promise<void>
  /** Deletes a run-time table: its rows in bounded steps, then the table. Nothing happens if there is none. */
  dropTable(table: AnyTable): Promise<void>
}

/** A service group's database. Hand a function `Reader` or `Writer`, whichever it needs. */
export interface Store extends Reader {
  readonly writer: Writer
}

/** A unit's expectation did not hold. It left nothing behind. */
export class Conflict extends Error {
  override readonly name = "Conflict"
  constructor() {
    super("the state this change was based on is no longer current")
  }
}

/** More units wait than the pipeline accepts: try again later. */
export class Overloaded extends Error {
  override readonly name = "Overloaded"
  constructor() {
    super("too many changes are waiting to be written")
  }
}

/** The epoch could not be made durable; none of its units was applied. */
export class StoreFailed extends Error {
  override readonly name = "StoreFailed"
}

/** The store is closed or closing. */
export class StoreClosed extends Error {
  override readonly name = "StoreClosed"
  constructor() {
    super("the store is closed")
  }
}

/** Another process has the database open. */
export class StoreLocked extends Error {
  override readonly name = "StoreLocked"
}

/** The database cannot be used by this program or with this configuration. */
export class StoreIncompatible extends Error {
  override readonly name = "StoreIncompatible"
}

/** A table, key or row that does not fit together: a defect of the caller. */
export class StoreMisuse extends Error {
  override readonly name = "StoreMisuse"
}

const NAME = /^[a-z][a-z0-9_]{0,62}$/

/**
 * Describes a table that a migration makes or, with `runTime`, one that the first put makes. Make it `WITHOUT ROWID` unless it
 * is `placed`, and let nothing in it count, order or date what it holds.
 *
 * @throws StoreMisuse a name is not lower-case snake case, or the key is empty or not among the columns
 */
export function defineTable<Row extends RowOf<Row>>(
  name: string,
  key: readonly (keyof Row & string)[],
  columns: readonly (keyof Row & string)[],
  { runTime, placed = false }: { readonly runTime?: RunTime; readonly placed?: boolean } = {},
): Table<Row> {
  for (const word of [name, ...columns]) if (!NAME.test(word)) throw new StoreMisuse("malformed name")
  if (new Set(columns).size !== columns.length) throw new StoreMisuse("a column is named twice")
  if (
    key.length === 0 ||
    new Set(key).size !== key.length ||
    !key.every((column) => columns.includes(column))
  ) {
    throw new StoreMisuse("a key is some of the columns, each once")
  }
  if (placed && key.length !== 1) throw new StoreMisuse("the key of a placed row is one column")
  return Object.freeze({ name, key, columns, runTime, placed })
}

/** Inserts a row, or replaces the one with the same key. */
export function put<Row extends RowOf<Row>>(table: Table<Row>, row: Row): Effect {
  const given = row as Record<string, unknown>
  if (Object.keys(given).length !== table.columns.length)
    throw new StoreMisuse("a row has exactly its columns")
  for (const column of table.columns)
    if (!isValue(given[column])) throw new StoreMisuse("not a column's value")
  return { kind: "put", table, key: table.key.map((column) => keyValue(given[column])), row }
}

/** Inserts a row that is likely to be removed soon. */
export function putBriefly<Row extends RowOf<Row>>(table: Table<Row>, row: Row): Effect {
  return { ...put(table, row), briefly: true } as Effect
}

/** Deletes a row; nothing happens if there is none. */
export function remove<Row extends RowOf<Row>>(table: Table<Row>, key: KeyOf<Row>): Effect {
  return { kind: "delete", table, key: keyValues(table, key) }
}

/** The row must exist and its column must still have this value. */
export function expectRow<Row extends RowOf<Row>>(
  table: Table<Row>,
  key: KeyOf<Row>,
  column: keyof Row & string,
  equals: Value,
): Expectation {
  if (!table.columns.includes(column)) throw new StoreMisuse("not a column of this table")
  return { kind: "equals", table, key: keyValues(table, key), column, equals }
}

export function expectAbsent<Row extends RowOf<Row>>(table: Table<Row>, key: KeyOf<Row>): Expectation {
  return { kind: "absent", table, key: keyValues(table, key) }
}

export function expectPresent<Row extends RowOf<Row>>(table: Table<Row>, key: KeyOf<Row>): Expectation {
  return { kind: "present", table, key: keyValues(table, key) }
}

/** The key's values in the order of the key's columns. */
export function keyValues(table: AnyTable, key: object): Value[] {
  const given = key as Record<string, unknown>
  if (Object.keys(given).length !== table.key.length) throw new StoreMisuse("a key has exactly its columns")
  return table.key.map((column) => keyValue(given[column]))
}

function keyValue(value: unknown): Value {
  if (value === null || !isValue(value)) throw new StoreMisuse("not a key column's value")
  return value
}

function isValue(value: unknown): value is Value {
  return value === null || value instanceof Uint8Array || Number.isSafeInteger(value)
}

import { type Declaration, parseDeclaration } from "./declaration.ts"
import { type DatabaseImage, ImageDamaged } from "./image.ts"
import { decodeRecord, type Value } from "./record.ts"
import { type Cell, readTree, type Tree } from "./tree.ts"

export interface Row {
  readonly cell: Cell
  readonly values: ReadonlyMap<string, Value>
}

export interface StoredTable extends Declaration {
  readonly name: string
  readonly tree: Tree
  /** In the order of the keys. */
  readonly rows: readonly Row[]
}

export interface Contents {
  readonly tables: readonly StoredTable[]
  /** Every tree, those of the schema, of indexes and of tables that are not understood included. */
  readonly trees: readonly Tree[]
}

/** Reads all tables. Throws ImageDamaged. */
export function readContents(image: DatabaseImage): Contents {
  if (image.pageCount === 0) return { tables: [], trees: [] }
  const schema = readTree(image, 1)
  const trees = [schema]
  const tables: StoredTable[] = []
  for (const cell of schema.cells) {
    const [type, name, , root, sql] = decodeRecord(cell.payload, image.encoding)
    if (typeof root !== "number" || root === 0) continue
    const tree = readTree(image, root)
    trees.push(tree)
    const declaration = type === "table" && typeof sql === "string" ? parseDeclaration(sql) : undefined
    if (declaration === undefined || typeof name !== "string") continue
    const rows = tree.cells.map((one) => ({ cell: one, values: valuesOf(image, declaration, one) }))
    tables.push({ ...declaration, name, tree, rows })
  }
  return { tables, trees }
}

function valuesOf(
  image: DatabaseImage,
  { columns, key, ...kind }: Declaration,
  cell: Cell,
): Map<string, Value> {
  const stored = decodeRecord(cell.payload, image.encoding)
  if (!kind.withoutRowId) {
    const pairs = columns.map((name, index): [string, Value] => {
      return [name, name === kind.rowIdColumn ? (cell.rowId ?? null) : (stored[index] ?? null)]
    })
    return new Map(pairs)
  }
  const order = [...key, ...columns.filter((name) => !key.includes(name))]
  if (stored.length > order.length) throw new ImageDamaged("number of columns")
  return new Map(order.map((name, index) => [name, stored[index] ?? null]))
}

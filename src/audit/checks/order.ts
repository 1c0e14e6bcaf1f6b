import { tablesOf } from "../columns.ts"
import { type Check, countedFinding } from "../finding.ts"
import type { Cell, TreePage } from "../sqlite/tree.ts"
import { bitsOfOrder } from "../statistics.ts"

/** Row ids beyond this were not counted up: nobody has written so many rows. */
const COUNTED_MAX = 2 ** 40

export const rowIds: Check = {
  id: "row-ids",
  question: "Do row ids tell in which order rows were written?",
  run(snapshots) {
    const tables = snapshots.flatMap((snapshot) =>
      tablesOf(snapshot).filter(({ table: { withoutRowId, rows } }) => {
        return !withoutRowId && rows.length > 1 && rows.every(({ cell }) => (cell.rowId ?? 0) < COUNTED_MAX)
      }),
    )
    const bits = Math.max(0, ...tables.map(({ table }) => bitsOfOrder(table.rows.length)))
    const places = tables.map(
      ({ database, table }) => `${database}: ${table.name}, ${table.rows.length} rows`,
    )
    return countedFinding("bits about the order of a table's rows", bits, places, {
      clean: "No table counts its rows.",
      leak: "These tables number their rows one after the other. So the files say who came when, and what was written together.",
    })
  },
}

export const cellOrder: Check = {
  id: "cell-order",
  question: "Does the place of a row in its page tell when it was written?",
  run(snapshots) {
    const pages = snapshots.flatMap(({ databases }) =>
      databases.flatMap(({ name, contents }) =>
        // The first tree is the schema, whose order everybody knows.
        contents.trees.slice(1).flatMap((tree) => tree.pages.filter(isGrown).map((page) => ({ name, page }))),
      ),
    )
    const bits = pages.reduce((sum, { page }) => sum + bitsOfOrder(page.cells.length), 0)
    const places = pages.map(({ name, page }) => `${name}: page ${page.number}, ${page.cells.length} rows`)
    return countedFinding("bits about the order of rows", bits, places, {
      clean: "In every page rows lie as their keys do, whenever they came.",
      leak: "In these pages rows lie in the order in which they came, at least in part: their keys are in another one.",
    })
  },
}

/** Whether the cells lie neither in the order of their keys nor against it. */
function isGrown({ cells }: TreePage): boolean {
  const rises = (after: Cell, before: Cell) => after.offset > before.offset
  const steps = cells.slice(1).map((cell, index) => rises(cell, cells[index] as Cell))
  return steps.includes(true) && steps.includes(false)
}

export const engineTables: Check = {
  id: "engine-tables",
  question: "Does the database engine keep counters and statistics of its own?",
  run(snapshots) {
    const places = snapshots.flatMap(({ databases }) =>
      databases.flatMap(({ name, contents }) =>
        contents.tables
          .filter((table) => /^sqlite_(sequence|stat)/.test(table.name) && table.rows.length > 0)
          .map((table) => `${name}: ${table.name}, ${table.rows.length} rows`),
      ),
    )
    return countedFinding("tables", places.length, places, {
      clean: "It keeps none.",
      leak: "It counts rows that were ever there, or samples what they held, also of rows that are gone.",
    })
  },
}

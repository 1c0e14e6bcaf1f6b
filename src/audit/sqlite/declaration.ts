/** What a CREATE TABLE statement says about how rows are stored. */
export interface Declaration {
  readonly columns: readonly string[]
  /** Columns of the primary key, in its order. */
  readonly key: readonly string[]
  readonly withoutRowId: boolean
  /** The column that is another name for the row id. */
  readonly rowIdColumn: string | undefined
}

/** Words that begin a table constraint and not a column. */
const CONSTRAINTS = new Set(["constraint", "primary", "unique", "check", "foreign"])

/** Reads a statement as SQLite stores it. Undefined: it is not understood, such as that of a virtual table. */
export function parseDeclaration(sql: string): Declaration | undefined {
  const tokens = tokensOf(sql)
  const open = tokens.indexOf("(")
  if (tokens[0]?.toLowerCase() !== "create" || tokens[1]?.toLowerCase() !== "table" || open < 0)
    return undefined
  const { items, rest } = splitList(tokens.slice(open + 1))
  const columns: string[] = []
  let key: string[] = []
  let rowIdColumn: string | undefined
  for (const item of items) {
    const words = item.map((token) => token.toLowerCase())
    if (CONSTRAINTS.has(words[0] ?? "")) {
      key = keyOf(item) ?? key
      continue
    }
    const name = unquoted(item[0] ?? "")
    columns.push(name)
    if (!isPrimary(words)) continue
    key = [name]
    if (words[1] === "integer") rowIdColumn = name
  }
  const withoutRowId = rest.join(" ").toLowerCase().includes("without rowid")
  return { columns, key, withoutRowId, rowIdColumn: withoutRowId ? undefined : rowIdColumn }
}

function isPrimary(words: readonly string[]): boolean {
  return words.some((word, index) => word === "primary" && words[index + 1] === "key")
}

function keyOf(constraint: readonly string[]): string[] | undefined {
  if (!isPrimary(constraint.map((token) => token.toLowerCase()))) return undefined
  const { items } = splitList(constraint.slice(constraint.indexOf("(") + 1))
  return items.map((item) => unquoted(item[0] ?? ""))
}

/** The parts of a list up to its closing parenthesis, which commas divide, and what follows it. */
function splitList(tokens: readonly string[]): {
  readonly items: string[][]
  readonly rest: readonly string[]
} {
  const items: string[][] = [[]]
  let depth = 0
  for (const [index, token] of tokens.entries()) {
    if (token === ")" && depth === 0) return { items, rest: tokens.slice(index + 1) }
    if (token === "(") depth += 1
    if (token === ")") depth -= 1
    if (token === "," && depth === 0) items.push([])
    else items.at(-1)?.push(token)
  }
  return { items, rest: [] }
}

const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"]|"")*"|'(?:[^']|'')*'|`(?:[^`]|``)*`|\[[^\]]*\]|[(),]|[^\s(),"'`[]+/g

function tokensOf(sql: string): string[] {
  return (sql.match(TOKEN) ?? []).filter((token) => !token.startsWith("--") && !token.startsWith("/*"))
}

function unquoted(token: string): string {
  const quote = token[0] ?? ""
  if (quote === "[") return token.slice(1, -1)
  if (!['"', "'", "`"].includes(quote)) return token
  return token.slice(1, -1).replaceAll(quote + quote, quote)
}

/**
 * Who is who, as only those know who made a population: what the linking attacks are scored against. As a file it is JSON:
 *
 *     { "groups": [[queue, …], …], "pseudonyms": [[user, queue], …], "aliases": [[alias, user], …], "entries": [[tag, queue], …] }
 *
 * Ids are in hexadecimal: user ids, QS client ids (a queue has its client's), hashes of aliases, tags of entries in a pool. The
 * attacks need the names that rows have instead (names.ts).
 */
export interface Truth {
  /** Queues of the members of each group. */
  readonly groups: readonly (readonly string[])[]
  /** Users with their QS clients, in the order in which they registered. */
  readonly pseudonyms: readonly Pair[]
  /** Aliases with their users. */
  readonly aliases: readonly Pair[]
  /** Entries with their queues. */
  readonly entries: readonly Pair[]
}

export type Pair = readonly [string, string]

/** The text is no truth. */
export class NoTruth extends Error {
  override readonly name = "NoTruth"
}

const NAMES = ["groups", "pseudonyms", "aliases", "entries"] as const
/** 16 bytes or more, so that ids are not found by accident. */
const ID = /^(?:[0-9a-f]{2}){16,64}$/

/** Throws NoTruth, and says where. */
export function parseTruth(text: string): Truth {
  const value = parsed(text)
  const extra = Object.keys(value).find((name) => !(NAMES as readonly string[]).includes(name))
  if (extra !== undefined) throw new NoTruth(`"${extra}" is not known`)
  return {
    groups: listsOf(value, "groups", undefined),
    pseudonyms: listsOf(value, "pseudonyms", 2).map(([a, b]) => [a, b] as Pair),
    aliases: listsOf(value, "aliases", 2).map(([a, b]) => [a, b] as Pair),
    entries: listsOf(value, "entries", 2).map(([a, b]) => [a, b] as Pair),
  }
}

export function encodeTruth(truth: Truth): string {
  return JSON.stringify(truth)
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new NoTruth("it is not JSON")
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new NoTruth("it is not an object")
  return value as Readonly<Record<string, unknown>>
}

function listsOf(
  value: Readonly<Record<string, unknown>>,
  name: (typeof NAMES)[number],
  length: number | undefined,
): string[][] {
  const lists = value[name]
  if (!Array.isArray(lists)) throw new NoTruth(`"${name}" is not a list`)
  return lists.map((list: unknown, index) => {
    const place = `"${name}", number ${index + 1}`
    if (!Array.isArray(list)) throw new NoTruth(`${place}, is not a list`)
    if (length !== undefined && list.length !== length) throw new NoTruth(`${place}, has not ${length} ids`)
    const wrong = list.some((id: unknown) => typeof id !== "string" || !ID.test(id))
    if (wrong) throw new NoTruth(`${place}, has something that is no id of 16 to 64 bytes in hexadecimal`)
    return list as string[]
  })
}

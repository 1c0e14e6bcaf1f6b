import { defineTable } from "../../src/store/database.ts"
import type { Migration } from "../../src/store/migrations.ts"

export type Entry = { tag: Uint8Array; body: Uint8Array }
export type Pair = { part: number; tag: Uint8Array; body: Uint8Array | null; month: number }

/** The shape of the pool: one key column. */
export const entries = defineTable<Entry>("entries", ["tag"], ["tag", "body"])

/** Rows that lie by a number. */
export const placedEntries = defineTable<Entry>("placed", ["tag"], ["tag", "body"], { placed: true })

/** A key of two columns, a nullable column and a number. */
export const pairs = defineTable<Pair>("pairs", ["part", "tag"], ["part", "tag", "body", "month"])

const definition = "(tag BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID"

/** A run-time table, made by its first put. */
export function partition(name: string) {
  return defineTable<Entry>(name, ["tag"], ["tag", "body"], { runTime: { definition } })
}

/** A run-time table whose rows come into one of fresh rows first. */
export function freshPartition(name: string) {
  return defineTable<Entry>(name, ["tag"], ["tag", "body"], { runTime: { definition, fresh: true } })
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE entries (tag BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
      CREATE TABLE placed (place INTEGER PRIMARY KEY, tag BLOB NOT NULL, body BLOB NOT NULL);
      CREATE TABLE pairs (
        part INTEGER NOT NULL, tag BLOB NOT NULL, body BLOB, month INTEGER NOT NULL,
        PRIMARY KEY (part, tag)
      ) WITHOUT ROWID;
    `,
  },
]

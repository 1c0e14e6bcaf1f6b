/**
 * What Cinder's own tables are allowed to show, column by column (docs/protocol.md section 1). Columns of anybody else's tables are
 * `unknown`: whatever they show counts.
 *
 * - `id`: random, says which rows belong together within one {@link worldOf world};
 * - `key`: a public key; `seed`: a key that the promise concedes;
 * - `sealed`: looks random, and is of one length; `padded`: the same, in few lengths;
 * - `public`: what clients publish;
 * - `place`: where a row lies, which is the beginning of its id;
 * - `month`, `part`, `flag`: small numbers, of a calendar month, of a piece of something, of yes or no.
 */
export type Role =
  | "id"
  | "key"
  | "seed"
  | "sealed"
  | "padded"
  | "public"
  | "place"
  | "month"
  | "part"
  | "flag"
  | "unknown"

type Columns = Readonly<Record<string, Role>>

interface Promised {
  readonly columns: Columns
  /** Rows of one world may be linked with each other; rows of different ones may not. */
  readonly world: string
}

const veiled: Columns = { name: "sealed", body: "sealed" }
const entries: Columns = { tag: "sealed", entry: "sealed" }

const promised: Readonly<Record<string, Promised>> = {
  as_client: { world: "users", columns: { user: "id", client: "id", credential: "public" } },
  as_user: { world: "users", columns: { user: "id", record: "sealed" } },
  as_connection_package: {
    world: "users",
    columns: { user: "id", client: "id", package: "id", body: "public" },
  },
  as_profile: { world: "users", columns: { user: "id", part: "part", body: "sealed" } },
  as_queue: { world: "connection queues", columns: veiled },
  as_alias: { world: "aliases", columns: veiled },
  as_alias_package: { world: "packages of aliases", columns: veiled },
  as_token_key: { world: "token keys", columns: { month: "month", seed: "seed" } },
  as_allowance: { world: "allowances", columns: { pseudonym: "id", draw: "sealed" } },
  as_invitation: { world: "invitations", columns: { month: "month", used: "id" } },
  qs_user: { world: "pseudonyms of users", columns: veiled },
  qs_friendship: { world: "friendship tokens", columns: veiled },
  qs_client: { world: "pseudonyms of clients", columns: veiled },
  qs_queue: { world: "queues", columns: veiled },
  qs_add_package: { world: "AddPackages", columns: { name: "sealed", body: "padded" } },
  veil_epochs: { world: "epochs", columns: { id: "flag", epochs: "sealed" } },
  ds_group: {
    world: "groups",
    columns: {
      group_id: "id",
      month: "month",
      head_salt: "sealed",
      head_commitment: "sealed",
      tree_salt: "sealed",
      tree_commitment: "sealed",
    },
  },
  ds_head: { world: "groups", columns: { place: "place", group_id: "id", ciphertext: "padded" } },
  ds_tree: { world: "groups", columns: { place: "place", group_id: "id", ciphertext: "padded" } },
  ds_report: { world: "groups", columns: { group_id: "id", public_key: "key", sealed: "sealed" } },
}

/** Tables that are made at run time, one a month; those of queues with two more, for rows that have just come. */
const monthly: Readonly<Record<string, Promised>> = {
  as_pool: { world: "connection pool", columns: entries },
  qs_pool: { world: "pool", columns: entries },
  as_spent: { world: "spent tokens", columns: { nonce: "id" } },
  delivery_spent: { world: "spent tokens", columns: { nonce: "id" } },
}

const MADE = /^(fresh_[01]_)?(\w+)_\d{6}$/

function find(table: string): Promised | undefined {
  if (Object.hasOwn(promised, table)) return promised[table]
  const kind = kindOf(table)
  return kind !== table && Object.hasOwn(monthly, kind) ? monthly[kind] : undefined
}

/** What those of a kind are called, without the month, whether they are of fresh rows or not. Others have their name. */
export function kindOf(table: string): string {
  return MADE.exec(table)?.[2] ?? table
}

/** Whether the rows of a table lie apart because they came last. */
export function isFresh(table: string): boolean {
  return MADE.exec(table)?.[1] !== undefined
}

/** Whether a table is one of Cinder's, with no other columns. */
export function isPromised(table: string, columns: readonly string[]): boolean {
  const known = find(table)
  return known !== undefined && columns.every((column) => Object.hasOwn(known.columns, column))
}

export function roleOf(table: string, column: string): Role {
  return find(table)?.columns[column] ?? "unknown"
}

/** Tables of strangers are worlds of their own. */
export function worldOf(table: string): string {
  return find(table)?.world ?? `table ${table}`
}

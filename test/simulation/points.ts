import type { CrashPoint } from "./steps.ts"

/**
 * Every step of the server's commit pipeline, from the beginning of a transaction to the last zero over the log and the
 * answer. crash-points.test.ts compares the list with what servers really do, and has a server die at each.
 */

type Point = Omit<CrashPoint, "skip">

/** Just before each step, which is just after the one before it; and after some, where something else may come between. */
function around(phase: "start" | "run", steps: readonly string[], after: readonly string[] = []): Point[] {
  return [
    ...steps.map((step): Point => ({ step: `${phase}: ${step}`, when: "before" })),
    ...after.map((step): Point => ({ step: `${phase}: ${step}`, when: "after" })),
  ]
}

const scrubbing = [
  "clear log header",
  "sync log header",
  "clear log body",
  "sync log body",
  "date log",
  "date database",
]
const cleaning = ["checkpoint", "clear page", "sync page", ...scrubbing]

function of(store: "as" | "delivery", steps: readonly string[]): string[] {
  return steps.map((step) => `${store} ${step}`)
}

/** When people talk and change groups. */
export const talkingPoints = around(
  "run",
  [
    ...of("delivery", [
      "begin",
      ...["insert into delivery_spent", "insert into qs_pool", "delete from qs_pool"],
      ...["insert into fresh_qs_pool", "delete from fresh_qs_pool", "settle qs_pool", "empty fresh_qs_pool"],
      ...["insert into qs_queue", "delete from qs_add_package"],
      ...["insert into ds_group", "insert into ds_head", "insert into ds_tree", "insert into ds_report"],
      ...["delete from ds_group", "delete from ds_head", "delete from ds_tree", "delete from ds_report"],
      ...["commit", ...cleaning],
    ]),
    ...["answer", "frame"],
  ],
  [...of("delivery", ["commit", "sync log body"]), "answer", "frame"],
)

/** When people register and make contacts. */
export const joiningPoints = around(
  "run",
  [
    ...of("as", [
      "begin",
      ...["insert into as_client", "insert into as_user", "insert into as_profile", "insert into as_queue"],
      ...["insert into as_connection_package", "delete from as_connection_package"],
      ...["insert into as_allowance", "insert into as_spent", "insert into as_pool", "delete from as_pool"],
      ...["commit", ...cleaning],
    ]),
    ...of("delivery", [
      ...["insert into qs_client", "insert into qs_friendship", "insert into qs_user"],
      ...["insert into qs_add_package"],
    ]),
  ],
  of("as", ["commit", "sync log body"]),
)

/** Once a month, and with the first message or token. */
export const monthlyPoints = around("run", [
  ...of("as", ["create table as_spent", "create table as_pool"]),
  ...of("delivery", ["create table delivery_spent", "create table qs_pool", "create table fresh_qs_pool"]),
])

/** When a server starts after it died. */
export const startPoints = around("start", [...of("as", cleaning), ...of("delivery", cleaning)])

/** When a server starts that died while it moved fresh rows to their places. */
export const settlingPoints = around("start", [
  ...of("delivery", ["begin", "settle qs_pool", "empty fresh_qs_pool", "commit"]),
])

/** When a server starts for the first time. */
export const firstStartPoints = around(
  "start",
  [
    ...of("as", ["begin", "commit", "insert into veil_epochs", "insert into as_token_key"]),
    ...of("delivery", ["begin", "commit", "insert into veil_epochs", "checkpoint", ...scrubbing]),
  ],
  of("delivery", ["commit"]),
)

/** When a server starts and finds a month that is past its time. */
export const upkeepPoints = around(
  "start",
  of("delivery", ["begin", "delete from qs_pool", "drop table qs_pool", "commit"]),
  of("delivery", ["drop table qs_pool", "commit"]),
)

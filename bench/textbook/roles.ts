/** How recipients learn of a row: see server.ts. */
export type Wakeup = "notify" | "in-process"

/** What the textbook server is told at its start. */
export interface Roles {
  readonly socketDirectory: string
  readonly connections: number
  readonly wakeup: Wakeup
  /** Of the queue configs. */
  readonly configKey: string
  readonly groups: readonly RoleGroup[]
  readonly clients: readonly { readonly id: string; readonly authKey: string }[]
}

/** Everything hexadecimal. */
export interface RoleGroup {
  readonly groupId: string
  /** That of the one who sends. */
  readonly signatureKey: string
  /** HPKE ciphertexts that hold the recipients' queue ids. */
  readonly configs: readonly string[]
}

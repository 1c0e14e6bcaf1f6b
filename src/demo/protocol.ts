/** What the demo's director and a member's process say to each other. */
export interface Command {
  readonly id: number
  readonly name: CommandName
  readonly argument: string
}

export type CommandName =
  | "start"
  | "connect"
  | "contacts"
  | "create-group"
  | "add"
  | "members"
  | "send"
  | "update"
  | "remove"
  | "close"

export interface Answer {
  readonly id: number
  readonly value: string
  readonly error: string | undefined
}

/** What the member's application saw; the director keeps the books. */
export interface Seen {
  readonly seen: "message" | "joined" | "removed" | "left" | "connected" | "failed"
  readonly from: string
  readonly text: string
}

export type FromMember = Answer | Seen

/** A chat message, as the members' applications write it. */
export interface ChatMessage {
  readonly from: string
  readonly number: number
  readonly text: string
}

import { Client } from "../client/client.ts"
import type { ClientEvent } from "../client/client-event.ts"
import type { Group } from "../client/group.ts"
import { sqliteStore } from "../client-bun/sqlite-store.ts"
import { nativeCrypto } from "../crypto/native.ts"
import { fromUtf8, utf8 } from "../wire/bytes.ts"
import type { Answer, ChatMessage, Command, CommandName, Seen } from "./protocol.ts"

/**
 * One person's device, as a process of its own: `member.ts NAME URL FILE`. It does what the director asks over IPC, with
 * the client library alone, and reports what its application gets to see.
 */

const [name = "", url = "", file = ""] = process.argv.slice(2)
const POLL_MILLISECONDS = 400
const SPREAD_MILLISECONDS = 100

const store = await sqliteStore(file)
let client: Client | undefined
let group: Group | undefined

function started(): Client {
  if (client === undefined) throw new Error("not started")
  return client
}

function joined(): Group {
  group ??= started().groups()[0]
  if (group === undefined) throw new Error("not in a group")
  return group
}

const commands: Readonly<Record<CommandName, (argument: string) => Promise<string>>> = {
  async start() {
    client = await Client.create({
      url,
      store,
      crypto: nativeCrypto,
      displayName: name,
      requestPollMilliseconds: POLL_MILLISECONDS,
      spreadMilliseconds: SPREAD_MILLISECONDS,
    })
    client.onEvent(onEvent)
    return client.userId
  },
  async connect(user) {
    await started().connect(user)
    return ""
  },
  async contacts() {
    return (await started().contacts()).join(" ")
  },
  async "create-group"() {
    group = await started().createGroup()
    return group.id
  },
  async add(user) {
    await joined().add(user)
    return ""
  },
  async members() {
    return joined()
      .members()
      .map(({ user }) => user)
      .join(" ")
  },
  async send(text) {
    await joined().send(utf8(text))
    return ""
  },
  async update() {
    await joined().update()
    return `${joined().epoch}`
  },
  async remove(user) {
    await joined().remove(user)
    return ""
  },
  async close() {
    await client?.close()
    await store.close()
    return ""
  },
}

async function onEvent(event: ClientEvent): Promise<void> {
  if (event.type === "connection-request") return await event.accept()
  if (event.type === "message") {
    const message = JSON.parse(fromUtf8(event.bytes)) as ChatMessage
    return tell({ seen: "message", from: event.sender, text: JSON.stringify(message) })
  }
  if (event.type === "joined" || event.type === "left") {
    return tell({ seen: event.type, from: event.by ?? "", text: "" })
  }
  if (event.type === "removed") return tell({ seen: "removed", from: event.by ?? "", text: event.user })
  if (event.type === "connected") return tell({ seen: "connected", from: event.user, text: "" })
  if (event.type === "failed") tell({ seen: "failed", from: "", text: event.group })
}

function tell(message: Answer | Seen): void {
  process.send?.(message)
}

process.on("message", (command: Command) => void obey(command))
process.on("disconnect", () => process.exit(0))

async function obey({ id, name: command, argument }: Command): Promise<void> {
  try {
    tell({ id, value: await commands[command](argument), error: undefined })
  } catch (error) {
    tell({ id, value: "", error: error instanceof Error ? error.message : "failed" })
  }
  if (command === "close") process.exit(0)
}

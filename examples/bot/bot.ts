import { Client, type ClientEvent } from "cinder/client"
import { nativeCrypto, sqliteStore } from "cinder/client/bun"

/**
 * A bot that repeats what is said in every group that it is added to: `bun examples/bot/bot.ts URL [FILE]`. It accepts whoever
 * asks it for a connection. Its state is in FILE, which nobody else may have open.
 */

const [url, file = "bot.sqlite"] = process.argv.slice(2)
if (url === undefined) throw new Error("usage: bun examples/bot/bot.ts URL [FILE]")

/** Whatever comes from others may be anything. */
const TEXT_BYTES_MAX = 10_000

const store = await sqliteStore(file)
const bot = await Client.create({
  url,
  store,
  crypto: nativeCrypto,
  displayName: "Echo",
  requestPollMilliseconds: 2_000,
})

bot.onEvent(async (event) => {
  if (event.type === "connection-request") await event.accept()
  if (event.type === "message") await echo(event)
})

/** A crash between the answer and the handler's end makes the event come again: then this answers twice. */
async function echo({ group, bytes }: ClientEvent<"message">): Promise<void> {
  if (bytes.length > TEXT_BYTES_MAX) return
  const words = new TextDecoder().decode(bytes)
  await bot.group(group).send(new TextEncoder().encode(`You said: ${words}`))
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    await bot.close()
    await store.close()
    process.exit(0)
  })
}

console.log(`connect to ${bot.userId}`)

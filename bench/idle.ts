import { join } from "node:path"
import { median, type Options, type Result } from "./harness.ts"
import { startGenerator } from "./load/generator-process.ts"
import { type Cast, Stage } from "./load/stage.ts"
import { socketsAllowed } from "./open-files.ts"
import { type ServerProcess, startListening } from "./server-process.ts"

/** Clients whose streams are open while nothing happens: memory of the server for each, and of a WebSocket of Bun alone. */

const CLIENTS = 10_000
const RAW = [process.execPath, join(import.meta.dir, "raw-sockets.ts")]
/** Until memory has been washed and garbage collected. */
const SETTLE_MILLISECONDS = 3000

export async function benchIdle({ runs }: Options): Promise<readonly Result[]> {
  const clients = socketsAllowed(CLIENTS)
  const ours: number[] = []
  const raw: number[] = []
  const opening: number[] = []
  for (let run = 0; run < runs; run++) {
    const stage = await Stage.set([[clients]])
    try {
      const { listeners } = stage.casts[0] as Cast
      ours.push(
        (await growth(stage.server, async () => {
          const began = performance.now()
          await stage.listen({ talkers: [], listeners })
          opening.push(((performance.now() - began) * 1000) / clients)
        })) / clients,
      )
    } finally {
      await stage.clear()
    }
    raw.push((await rawGrowth(clients)) / clients)
  }
  return [
    {
      name: "opening a stream, 50 at once, each",
      size: clients,
      microseconds: median(opening),
      more: {
        bytes_per_client: median(ours),
        bytes_per_raw_socket: median(raw),
        over_raw: median(ours) / median(raw),
      },
    },
  ]
}

async function rawGrowth(clients: number): Promise<number> {
  const server = await startListening(RAW)
  const generator = startGenerator()
  try {
    const url = `ws://127.0.0.1:${server.port}/`
    return await growth(server, () => generator.ask({ kind: "sockets", url, count: clients }))
  } finally {
    await generator.stop()
    await server.stop()
  }
}

/** By how many bytes a server grows while something is done. */
async function growth(server: ServerProcess, act: () => Promise<unknown>): Promise<number> {
  const before = server.residentBytes()
  await act()
  await Bun.sleep(SETTLE_MILLISECONDS)
  return server.residentBytes() - before
}

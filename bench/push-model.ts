import { ENTRY_BYTES } from "../src/crypto/chain.ts"
import { nativeCrypto as crypto } from "../src/crypto/native.ts"
import { encodeBody } from "../src/wire/cbor.ts"
import { median, type Options } from "./harness.ts"
import { startGenerator } from "./load/generator-process.ts"

/** What a push cannot do without: a frame as long as an entry's, to each of a hundred WebSockets of Bun alone. */

const SOCKETS = 100
const ROUNDS = 100

/** Microseconds of this process for one frame. The other ends are in the load generator's process. */
export async function measurePush({ runs }: Options): Promise<number> {
  const [chain, entry] = [crypto.random(16), crypto.random(ENTRY_BYTES)]
  const frame = encodeBody({ type: "entry", chain, index: 1000, entry })
  const sockets = new Set<Bun.ServerWebSocket<undefined>>()
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response(null, { status: 400 })),
    websocket: { open: (socket) => void sockets.add(socket), message: () => undefined },
  })
  const generator = startGenerator()
  try {
    await generator.ask({ kind: "sockets", url: `ws://127.0.0.1:${server.port}/`, count: SOCKETS })
    const costs: number[] = []
    for (let run = 0; run <= runs; run++) {
      const before = process.cpuUsage()
      for (let round = 0; round < ROUNDS; round++) {
        for (const socket of sockets) socket.sendBinary(frame)
        await Bun.sleep(2)
      }
      const { user, system } = process.cpuUsage(before)
      if (run > 0) costs.push((user + system) / (ROUNDS * SOCKETS))
    }
    return median(costs)
  } finally {
    await generator.stop()
    await server.stop(true)
  }
}

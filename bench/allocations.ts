import { heapStats } from "bun:jsc"
import { sendBody } from "./fan-out.ts"
import { Homeserver } from "./homeserver.ts"
import { makeClients, makeGroup } from "./population.ts"

/**
 * What the services allocate for one message, from the body to the durable answer, in this process: objects on the heap by their
 * kind, between two looks without a collection in between. HTTP and streams are not part of it.
 */

const RECIPIENTS = [1, 100]
/** Until the code is compiled and every queue has a chain. */
const SENDS_BEFORE = 30
/** Few enough that nothing is collected meanwhile. */
const SENDS = 4
const KINDS = 18

export async function allocationTable(): Promise<string> {
  const tables: string[] = []
  for (const recipients of RECIPIENTS) tables.push(await allocations(recipients))
  return tables.join("\n")
}

async function allocations(recipients: number): Promise<string> {
  const server = await Homeserver.open()
  try {
    const group = await makeGroup(server, await makeClients(server, recipients + 1), [])
    const bodies = Array.from({ length: SENDS_BEFORE + SENDS }, () => sendBody(group))
    for (const body of bodies.splice(0, SENDS_BEFORE)) await server.call("sendMessage", body)
    Bun.gc(true)
    const before = heapStats()
    for (const body of bodies) await server.call("sendMessage", body)
    const after = heapStats()
    const counts = Object.entries(after.objectTypeCounts)
      .map(([kind, count]) => ({ kind, each: (count - (before.objectTypeCounts[kind] ?? 0)) / SENDS }))
      .filter(({ each }) => each >= 1)
      .sort((a, b) => b.each - a.each)
    const bytes = (after.heapSize - before.heapSize) / SENDS
    return [
      `One message to ${recipients}: ${Math.round(bytes)} bytes on the heap; objects, and objects for each recipient:`,
      ...counts
        .slice(0, KINDS)
        .map(
          ({ kind, each }) =>
            `${each.toFixed(0).padStart(8)} ${(each / recipients).toFixed(1).padStart(8)}  ${kind}`,
        ),
      "",
    ].join("\n")
  } finally {
    await server.close()
  }
}

import { median, type Options, type Result, summarized, timeSteps } from "./harness.ts"
import { Homeserver } from "./homeserver.ts"
import { MESSAGE_BYTES } from "./hot-path-cases.ts"
import { deliveryModel, entriesFor, type Model } from "./model.ts"
import { type Group, makeClients, makeGroup, memberOf } from "./population.ts"
import { operationBody } from "./signed-body.ts"

/**
 * One message to 1, 10, 100 and 1 000 queues, to durable rows: the first after a start, when every queue needs a new
 * chain; one at a time; and several at once, which share transactions.
 */

export const QUEUE_COUNTS = [1, 10, 100, 1000]
/** Messages that are under way together. */
export const AT_ONCE = 8

export async function benchFanOut(options: Options, model: Model): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const queues of QUEUE_COUNTS) results.push(...(await benchQueues(queues, options, model)))
  return results
}

async function benchQueues(queues: number, { runs, short }: Options, model: Model): Promise<Result[]> {
  const rounds = queues >= 1000 ? (short ? 1 : 4) : short ? 4 : 20
  const firsts: number[] = []
  const singles: number[] = []
  const together: number[] = []
  let server = await Homeserver.open()
  try {
    const group = await makeGroup(server, await makeClients(server, queues + 1))
    const send = async (bodies: readonly Uint8Array[]) => {
      await Promise.all(bodies.map((body) => server.call("sendMessage", body)))
    }
    for (let run = 0; run < runs; run++) {
      server = server.restarted()
      firsts.push(...(await timeSends(1, 1, group, send)))
      singles.push(median(await timeSends(rounds * 2, 1, group, send)))
      together.push(median(await timeSends(rounds, AT_ONCE, group, send)) / AT_ONCE)
    }
  } finally {
    await server.close()
  }
  const entries = entriesFor(MESSAGE_BYTES)
  const perRequest = model.ear(4096).open + model.verify
  const alone = perRequest + deliveryModel(model, queues, entries)
  const shared =
    perRequest +
    queues * (model.ticketOpen + entries * model.chainSeal) +
    model.rows(AT_ONCE * queues * entries) / AT_ONCE
  const chains = queues * model.hpkeSeal
  return [
    result("first after a start", queues, firsts, alone + chains),
    result("one at a time", queues, singles, alone),
    result(`${AT_ONCE} at once, each`, queues, together, shared),
  ]
}

function result(name: string, queues: number, runs: readonly number[], model: number): Result {
  const deliveries_per_second = (queues * 1e6) / median(runs)
  return summarized(name, queues, runs, { model, more: { deliveries_per_second } })
}

async function timeSends(
  count: number,
  atOnce: number,
  group: Group,
  send: (bodies: readonly Uint8Array[]) => Promise<void>,
): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const bodies = Array.from({ length: atOnce }, () => sendBody(group))
    times.push(...(await timeSteps(1, () => send(bodies))))
  }
  return times
}

/** A signed request of the group's first member with a message of {@link MESSAGE_BYTES}. */
export function sendBody(group: Group): Uint8Array {
  const { author, earKey } = group
  const message = author.applicationMessage(MESSAGE_BYTES)
  return operationBody("sendMessage", memberOf(group, 0), { groupId: author.groupId, earKey, message })
}

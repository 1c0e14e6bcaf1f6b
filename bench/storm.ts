import { median, type Options, type Result } from "./harness.ts"
import type { ArrivalsAnswer, ReadAnswer, Reader } from "./load/commands.ts"
import { startGenerator } from "./load/generator-process.ts"
import { type Cast, Stage } from "./load/stage.ts"
import { socketsAllowed } from "./open-files.ts"

/**
 * All clients of a server come back at once, each with messages in its queue, while others keep sending: how long until the
 * last has everything, and what the senders notice.
 */

const CLIENTS = 10_000
const BACKLOG = 10
/** Who sends meanwhile, at a rate far below what the server can do. */
const GROUPS = 16
const RECIPIENTS = 20
const PER_SECOND = 40
const SECONDS = 8

export async function benchStorm({ runs }: Options): Promise<readonly Result[]> {
  const clients = socketsAllowed(CLIENTS + GROUPS * RECIPIENTS) - GROUPS * RECIPIENTS
  const stage = await Stage.set([[clients], Array.from({ length: GROUPS }, () => RECIPIENTS)])
  // A crowd would keep the senders' own process too busy to tell when their frames come.
  const crowd = startGenerator()
  try {
    const { port } = stage.server
    const [absent, present] = stage.casts as [Cast, Cast]
    const readers = await leaveBacklog(stage, absent)
    await stage.listen(present)
    const calm: ArrivalsAnswer[] = []
    const meanwhile: ArrivalsAnswer[] = []
    const storms: ReadAnswer[] = []
    for (let run = 0; run < runs; run++) {
      calm.push(await stage.arrivals(PER_SECOND, SECONDS))
      const sending = stage.arrivals(PER_SECOND, SECONDS)
      // It makes tokens first.
      await Bun.sleep(SECONDS * 100)
      storms.push(await crowd.ask({ kind: "read", port, readers }))
      meanwhile.push(await sending)
    }
    return describe(clients, storms, calm, meanwhile)
  } finally {
    await crowd.stop()
    await stage.clear()
  }
}

/** Messages for queues that nobody reads, and how they are read. Nothing is acknowledged, so it stays. */
async function leaveBacklog(stage: Stage, { talkers, listeners }: Cast): Promise<Reader[]> {
  await stage.listen({ talkers: talkers.map((talker) => ({ ...talker, recipients: 0 })), listeners: [] })
  await stage.rounds(BACKLOG, 1)
  const { chains } = await stage.ask({ kind: "chains", port: stage.server.port, owners: listeners })
  return listeners.map(({ id, seed }, i) => ({ id, seed, chains: chains[i] ?? [] }))
}

function describe(
  clients: number,
  storms: readonly ReadAnswer[],
  calm: readonly ArrivalsAnswer[],
  meanwhile: readonly ArrivalsAnswer[],
): Result[] {
  const of = <T>(answers: readonly T[], pick: (answer: T) => number) => median(answers.map(pick))
  const sending = (name: string, answers: readonly ArrivalsAnswer[]): Result => ({
    name,
    size: RECIPIENTS,
    microseconds: of(answers, ({ frame }) => frame.p50),
    more: {
      p99_µs: of(answers, ({ frame }) => frame.p99),
      accepted_share: of(answers, ({ accepted, sent }) => accepted / sent),
    },
  })
  return [
    {
      name: "a client's stream with its backlog, all at once",
      size: clients,
      microseconds: of(storms, ({ opening }) => opening.p50),
      more: {
        p99_µs: of(storms, ({ opening }) => opening.p99),
        last_µs: of(storms, ({ opening }) => opening.highest),
        entries_for_each: of(storms, ({ read, opening }) => read / opening.count),
        came_again: of(storms, ({ again }) => again),
      },
    },
    sending("a message to its frame, before", calm),
    sending("a message to its frame, meanwhile", meanwhile),
  ]
}

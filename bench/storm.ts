import { median, type Options, type Result } from "./harness.ts"
import type { ArrivalsAnswer, Reader } from "./load/commands.ts"
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
const SECONDS = 10

export async function benchStorm({ runs }: Options): Promise<readonly Result[]> {
  const clients = socketsAllowed(CLIENTS + GROUPS * RECIPIENTS) - GROUPS * RECIPIENTS
  const stage = await Stage.set([[clients], Array.from({ length: GROUPS }, () => RECIPIENTS)])
  try {
    const [absent, present] = stage.casts as [Cast, Cast]
    const readers = await leaveBacklog(stage, absent)
    await stage.listen(present)
    const calm: ArrivalsAnswer[] = []
    const storms: ArrivalsAnswer[] = []
    for (let run = 0; run < runs; run++) {
      calm.push(await stage.arrivals(PER_SECOND, SECONDS / 2))
      storms.push(await stage.arrivals(PER_SECOND, SECONDS, readers, true))
    }
    return describe(clients, calm, storms)
  } finally {
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
  calm: readonly ArrivalsAnswer[],
  storms: readonly ArrivalsAnswer[],
): Result[] {
  const of = (answers: readonly ArrivalsAnswer[], pick: (answer: ArrivalsAnswer) => number) =>
    median(answers.map(pick))
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
        entries_for_each: of(storms, ({ read, opening }) => read / opening.count),
        not_opened: of(storms, ({ unopened }) => unopened),
      },
    },
    sending("a message to its frame, before", calm),
    sending("a message to its frame, meanwhile", storms),
  ]
}

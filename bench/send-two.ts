import { rmSync } from "node:fs"
import { join } from "node:path"
import { bareBody, HEAD_BYTES } from "./bare-body.ts"
import { median, type Options, type Result, summarized } from "./harness.ts"
import { temporaryDirectory } from "./homeserver.ts"
import { Stage } from "./load/stage.ts"
import type { Model } from "./model.ts"
import { startListening } from "./server-process.ts"

/**
 * Sends in a group of two whose other member is away: processor time of the whole server for each, with token and signature,
 * and how much of it is of the thread that serves.
 */

const AT_ONCE = 16
/** The runtime compiles for the first ten thousand sends or so. */
const WARM_UP_ROUNDS = 800
const WARM_UP_MILLISECONDS = 20_000
const BARE = [process.execPath, join(import.meta.dir, "bare-send.ts")]
const BARE_ROUNDS = 300
/** The entry, and the token that is spent. */
const ROWS_PER_SEND = 2

export async function benchSendTwo({ runs, short }: Options, model: Model): Promise<readonly Result[]> {
  const milliseconds = short ? 800 : 4000
  const stage = await Stage.set([[1]])
  try {
    const [cast] = stage.casts
    // The recipient's stream is not opened: nobody waits for its frames.
    await stage.listen({
      talkers: cast!.talkers.map((talker) => ({ ...talker, recipients: 0 })),
      listeners: [],
    })
    await stage.rounds(short ? 50 : WARM_UP_ROUNDS, AT_ONCE, short ? milliseconds : WARM_UP_MILLISECONDS)
    const [cpu, mainThread, wall, alone]: [number[], number[], number[], number[]] = [[], [], [], []]
    for (let run = 0; run < runs; run++) {
      alone.push(median(await stage.rounds(short ? 50 : 300, 1, milliseconds / 4)))
      const before = [stage.server.cpuTime(), stage.server.mainThreadTime()] as const
      const times = await stage.rounds(short ? 40 : 150, AT_ONCE, milliseconds)
      const sends = times.length * AT_ONCE
      cpu.push((stage.server.cpuTime() - before[0]) / sends)
      mainThread.push((stage.server.mainThreadTime() - before[1]) / sends)
      wall.push(times.reduce((sum, time) => sum + time, 0) / sends)
    }
    const share = model.rowsCpu(ROWS_PER_SEND * AT_ONCE) / AT_ONCE
    const open = model.verify + model.ear(HEAD_BYTES).open + share
    return [
      summarized("one at a time", 2, alone),
      summarized(`${AT_ONCE} at once, each`, 2, wall, { more: { sends_per_second: 1e6 / median(wall) } }),
      summarized("server CPU of a send", 2, cpu, {
        model: model.redeem + open,
        more: { commit_share: share },
        figure: { send_2_over_model: median(cpu) / (model.redeem + open) },
      }),
      summarized("of it, the thread that serves", 2, mainThread, { model: open }),
      ...(short ? [] : [bareResult(await bareSends(runs), model.redeem + open)]),
    ]
  } finally {
    await stage.clear()
  }
}

function bareResult(cpu: readonly number[], model: number): Result {
  return summarized("server CPU of the same work in a bare program", 2, cpu, { model })
}

/** Processor time of bare-send.ts for each of such requests, in microseconds. */
async function bareSends(runs: number): Promise<number[]> {
  const directory = temporaryDirectory()
  const server = await startListening([...BARE, directory])
  const body = bareBody()
  const round = async () => {
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, () => fetch(server.url, { method: "POST", body })),
    )
    if (answers.some(({ ok }) => !ok)) throw new Error("a bare send was refused")
  }
  const rounds = async (count: number) => {
    for (let i = 0; i < count; i++) await round()
  }
  try {
    await rounds(WARM_UP_ROUNDS)
    const cpu: number[] = []
    for (let run = 0; run < runs; run++) {
      const before = server.cpuTime()
      await rounds(BARE_ROUNDS)
      cpu.push((server.cpuTime() - before) / (BARE_ROUNDS * AT_ONCE))
    }
    return cpu
  } finally {
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

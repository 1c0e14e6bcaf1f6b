import { Arrivals } from "./arrivals.ts"
import { Audience } from "./audience.ts"
import { findChains } from "./chains.ts"
import type { Answers, Command } from "./commands.ts"
import { readAll } from "./reading.ts"
import { Sender } from "./sender.ts"
import { openSockets } from "./sockets.ts"

/** The load generator's process: does one command after the other. See commands.ts. */

const sender = new Sender()
const audience = new Audience()
const idle: WebSocket[] = []

async function perform(command: Command): Promise<Answers[Command["kind"]]> {
  switch (command.kind) {
    case "listen":
      sender.talkers = command.talkers
      return await audience.open(command)
    case "tokens":
      sender.tokens = [...command.tokens]
      return {}
    case "chains":
      return await findChains(command)
    case "read":
      return await readAll(command)
    case "rounds":
      return await rounds(command)
    case "arrivals":
      return await new Arrivals(sender, audience, command).run()
    case "sockets":
      return await openSockets(command, idle)
    case "hang-up":
      audience.close()
      for (const socket of idle.splice(0)) socket.close()
      return {}
  }
}

async function rounds({ url, rounds, atOnce, milliseconds }: Extract<Command, { kind: "rounds" }>) {
  const times: number[] = []
  const end = performance.now() + milliseconds
  while (times.length < rounds && performance.now() < end) {
    const requests = Array.from({ length: atOnce }, () => sender.next())
    const frames = requests.reduce((sum, { talker }) => sum + talker.recipients, 0)
    const began = performance.now()
    const arrived = audience.frames(frames)
    const answers = await Promise.all(requests.map((request) => sender.post(url, request)))
    const bad = answers.find(({ status }) => status !== 200)
    if (bad !== undefined) throw new Error(`the server refused the message (${bad.status})`)
    await arrived
    times.push((performance.now() - began) * 1000)
    audience.acknowledge()
  }
  return { times }
}

process.on("message", (command: Command) => {
  perform(command).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})

import type { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { befriend } from "../client/people.ts"
import type { Player } from "./player.ts"
import {
  firstStartPoints,
  joiningPoints,
  monthlyPoints,
  settlingPoints,
  startPoints,
  talkingPoints,
  upkeepPoints,
} from "./points.ts"
import type { Network, Schedule } from "./schedule.ts"
import { MortalServer } from "./server.ts"
import { Simulation } from "./simulation.ts"
import type { CrashPoint } from "./steps.ts"

type Point = Omit<CrashPoint, "skip">

const everything = [
  ...[
    talkingPoints,
    joiningPoints,
    monthlyPoints,
    startPoints,
    settlingPoints,
    firstStartPoints,
    upkeepPoints,
  ],
].flat()
/** Only a run in which somebody waits for ever takes this long. */
const LONGEST_MILLISECONDS = 240_000
/** Longer than any machine takes to start a server: nobody gives up because of that. */
const PATIENCE_MILLISECONDS = 60_000
/** How often something is done until a server that is to die there has died. */
const TRIES = 60
/**
 * Whether a page needs clearing depends on where SQLite has put what: now and then none does for long. And what comes for somebody
 * who is reading, and is acknowledged soon, never gets into the pool.
 */
const RARE = /: delivery (clear|sync) page$|run: delivery (insert into|delete from) qs_pool$/
const RARE_TRIES = 15

/** More than go in one step. */
const AGED_ENTRIES = 300

const calm: Network = { seed: 1, loss: 0, frames: Number.POSITIVE_INFINITY }

/** The first of `people` hosts a group of all but the last, who can be added. */
function company(people: number): Schedule {
  const guests = Array.from({ length: people - 2 }, (_, index) => index + 1)
  return { networks: Array(people).fill(calm), hosts: people < 2 ? [] : [{ guests }], rounds: [] }
}

function gather(people: number): Simulation {
  return new Simulation(company(people), { patienceMilliseconds: PATIENCE_MILLISECONDS })
}

/** Does something again and again until the server has died and is there again. */
async function untilReborn(server: MortalServer, what: string, stir: () => Promise<unknown>): Promise<void> {
  const isRare = RARE.test(what)
  const deaths = server.deaths.length
  const reborn = server.reborn()
  for (let tries = 0; server.deaths.length === deaths; tries++) {
    if (isRare && tries === RARE_TRIES) return server.arm({ step: "none", when: "before", skip: 0 })
    if (tries === TRIES) throw new Error(`${what} was never reached`)
    await stir()
  }
  await reborn
}

function text({ step, when }: Point): string {
  return `${when} ${step}`
}

const seen = new Set<string>()
const died = new Set<string>()

/** Remembers what a server went through, and ends it and those who used it. */
async function close({
  server,
  end,
}: {
  readonly server: MortalServer
  end(): Promise<void>
}): Promise<void> {
  for (const step of server.seen) seen.add(step)
  for (const death of server.deaths) died.add(death)
  await end()
}

/** All kinds of things at once. */
async function talk(simulation: Simulation): Promise<void> {
  const { players } = simulation
  const [host, first, second] = players as [Player, Player, Player]
  const isFull = (host.person.client.groups()[0]?.members().length ?? 0) === players.length
  await Promise.all([
    simulation.act(host, { deed: isFull ? "remove" : "add", group: 0, whom: 0.999 }),
    simulation.act(host, { deed: "say", group: 0, whom: 0 }),
    simulation.act(first, { deed: "update", group: 0, whom: 0 }),
    simulation.act(second, { deed: "say", group: 0, whom: 0 }),
  ])
  if (host.person.client.groups().length < 2)
    await simulation.act(host, { deed: "create", group: 0, whom: 0 })
  else await simulation.act(host, { deed: "delete", group: 0.999, whom: 0 })
}

async function meet(simulation: Simulation): Promise<void> {
  const newcomer = await simulation.recruit(calm)
  await befriend(simulation.player(0).person, newcomer.person)
  await newcomer.person.stop()
}

async function liveThrough(points: readonly Point[], stir: (simulation: Simulation) => Promise<void>) {
  const simulation = gather(4)
  try {
    await simulation.begin()
    for (const point of points) {
      simulation.server.arm({ ...point, skip: 0 })
      await untilReborn(simulation.server, text(point), () => stir(simulation))
    }
    await simulation.settle()
    simulation.check()
  } finally {
    await close({ server: simulation.server, end: () => simulation.end() })
  }
}

/** As if messages had come in each of the last months, the oldest of which are past their time. */
function age(database: Database): void {
  const [current] = database
    .query<{ name: string }, []>(
      "SELECT name FROM sqlite_schema WHERE name LIKE 'qs_pool_%' ORDER BY name DESC",
    )
    .all()
  const month = Number(current?.name.slice(-6))
  for (let back = 1; back <= 5; back++) {
    const index = Math.floor(month / 100) * 12 + (month % 100) - 1 - back
    const name = `qs_pool_${Math.floor(index / 12)}${`${(index % 12) + 1}`.padStart(2, "0")}`
    database.run(
      `CREATE TABLE IF NOT EXISTS ${name} (tag BLOB NOT NULL PRIMARY KEY, entry BLOB NOT NULL) WITHOUT ROWID, STRICT`,
    )
    database.run(
      `WITH RECURSIVE entry(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM entry WHERE n < ${AGED_ENTRIES})
       INSERT INTO ${name} SELECT randomblob(16), randomblob(100) FROM entry`,
    )
  }
}

describe("a server that dies at each step of its pipeline keeps every promise:", () => {
  const half = Math.ceil(talkingPoints.length / 2)
  test.concurrent(
    "while people talk and change groups",
    () => liveThrough(talkingPoints.slice(0, half), talk),
    LONGEST_MILLISECONDS,
  )
  test.concurrent(
    "while it forgets what they wrote",
    () => liveThrough(talkingPoints.slice(half), talk),
    LONGEST_MILLISECONDS,
  )
  test.concurrent(
    "while people register and make contacts",
    () => liveThrough(joiningPoints, meet),
    LONGEST_MILLISECONDS,
  )

  test.concurrent(
    "with the first token and the first message of a month",
    async () => {
      for (const point of monthlyPoints) {
        const simulation = gather(2)
        try {
          await simulation.begin({ ...point, skip: 0 })
          expect(simulation.server.deaths).toEqual([text(point)])
          await simulation.settle()
          simulation.check()
        } finally {
          await close({ server: simulation.server, end: () => simulation.end() })
        }
      }
    },
    LONGEST_MILLISECONDS,
  )

  test.concurrent(
    "while it starts again",
    async () => {
      const simulation = gather(4)
      const { server } = simulation
      try {
        await simulation.begin()
        for (const point of [...startPoints, ...settlingPoints]) {
          const store = point.step.includes(" as ") ? "as" : "delivery"
          const dying: Point = startPoints.includes(point)
            ? { step: `run: ${store} commit`, when: "after" }
            : { step: "run: delivery empty fresh_qs_pool", when: "before" }
          server.arm({ ...dying, skip: 0 })
          server.armNextStart({ ...point, skip: 0 })
          await untilReborn(server, text(point), () => (store === "as" ? meet(simulation) : talk(simulation)))
        }
        await simulation.settle()
        simulation.check()
      } finally {
        await close({ server, end: () => simulation.end() })
      }
    },
    LONGEST_MILLISECONDS,
  )

  test.concurrent(
    "while it starts for the first time",
    async () => {
      for (const point of firstStartPoints) {
        const server = new MortalServer()
        await server.start({ ...point, skip: 0 })
        expect(server.deaths).toEqual([text(point)])
        await close({ server, end: () => server.end() })
      }
    },
    LONGEST_MILLISECONDS,
  )

  test.concurrent(
    "while it drops what is past its time",
    async () => {
      const simulation = gather(3)
      const { server } = simulation
      try {
        await simulation.begin()
        for (const point of upkeepPoints) {
          const reborn = server.reborn()
          server.armNextStart({ ...point, skip: 0 })
          server.kill(age)
          await reborn
        }
        await simulation.settle()
        simulation.check()
      } finally {
        await close({ server, end: () => simulation.end() })
      }
    },
    LONGEST_MILLISECONDS,
  )

  test("it died at each of them, and took no step that is not among them", () => {
    const steps = new Set(everything.map(({ step }) => step))
    expect([...seen].filter((step) => !steps.has(step))).toEqual([])
    const certain = everything.map(text).filter((death) => !RARE.test(death))
    expect(certain.filter((death) => !died.has(death))).toEqual([])
  })
})

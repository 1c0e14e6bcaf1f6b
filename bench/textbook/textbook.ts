import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { seal } from "../../src/crypto/hpke.ts"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { AT_ONCE } from "../fan-out.ts"
import { median, type Options, type Result, summarized } from "../harness.ts"
import { temporaryDirectory } from "../homeserver.ts"
import type { Listener, Talker } from "../load/commands.ts"
import { type Generator, startGenerator } from "../load/generator-process.ts"
import { Stage } from "../load/stage.ts"
import { startListening } from "../server-process.ts"
import { findPostgres, type Postgres, startPostgres } from "./postgres.ts"
import type { Roles, Wakeup } from "./roles.ts"

/**
 * Deliveries per second of Cinder and of the textbook design (server.ts), with the same messages to the same number of
 * streams, by the same load generator, in turns.
 */

const RECIPIENTS = 100
const WAKEUPS = ["notify", "in-process"] as const
const PLACES = WAKEUPS.flatMap((wakeup) => [8, 16, 32].map((connections) => ({ wakeup, connections })))
/** Of these the quickest, with PostgreSQL's own notifications. */
const PLACES_SHORT = [{ wakeup: "notify", connections: 32 }] as const
const ROUNDS_MAX = 60
const SERVER = join(import.meta.dir, "server.ts")
const ID_BYTES = 16

export async function benchTextbook(options: Options): Promise<readonly Result[]> {
  const bin = findPostgres()
  if (bin === undefined)
    return [missing("PostgreSQL 15 or later is not installed (Debian: apt install postgresql)")]
  const postgres = await startPostgres(bin)
  try {
    return await compare(postgres, options)
  } finally {
    await postgres.stop()
  }
}

async function compare(postgres: Postgres, { runs, short }: Options): Promise<Result[]> {
  const milliseconds = short ? 800 : 3000
  const stage = await Stage.set([[RECIPIENTS]])
  try {
    await stage.listen(stage.casts[0]!)
    await stage.rounds(ROUNDS_MAX, AT_ONCE, milliseconds / 2)
    const ours: number[] = []
    const theirs = new Map<string, number[]>()
    for (let run = 0; run < runs; run++) {
      ours.push(rate(await stage.rounds(ROUNDS_MAX, AT_ONCE, milliseconds)))
      for (const { wakeup, connections } of short ? PLACES_SHORT : PLACES) {
        const name = `${wakeup} wake-ups, ${connections} connections`
        const measured = await measure(postgres, wakeup, connections, milliseconds)
        theirs.set(name, [...(theirs.get(name) ?? []), measured])
      }
    }
    return describe(postgres, ours, theirs)
  } finally {
    await stage.clear()
  }
}

function missing(note: string): Result {
  return { name: "textbook design on PostgreSQL", size: RECIPIENTS, microseconds: Number.NaN, note }
}

/** Deliveries per second over some rounds. */
function rate(times: readonly number[]): number {
  return (times.length * AT_ONCE * RECIPIENTS * 1e6) / times.reduce((sum, time) => sum + time, 0)
}

async function measure(
  { socketDirectory }: Postgres,
  wakeup: Wakeup,
  connections: number,
  milliseconds: number,
): Promise<number> {
  const directory = temporaryDirectory()
  const { cast, roles } = makeRoles({ socketDirectory, wakeup, connections })
  const file = join(directory, "roles.json")
  writeFileSync(file, JSON.stringify(roles))
  const server = await startListening([process.execPath, SERVER, file])
  const generator = startGenerator()
  try {
    await generator.ask({ kind: "listen", port: server.port, ...cast })
    await run(generator, server.url, milliseconds / 2)
    return rate(await run(generator, server.url, milliseconds))
  } finally {
    await generator.stop()
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function run(generator: Generator, url: string, milliseconds: number): Promise<readonly number[]> {
  return (await generator.ask({ kind: "rounds", url, rounds: ROUNDS_MAX, atOnce: AT_ONCE, milliseconds }))
    .times
}

/** A group whose members have queues there. */
function makeRoles(options: Pick<Roles, "socketDirectory" | "wakeup" | "connections">): {
  cast: { readonly talkers: readonly Talker[]; readonly listeners: readonly Listener[] }
  roles: Roles
} {
  const [configSecret, seed, groupId] = [crypto.random(32), crypto.random(32), crypto.random(ID_BYTES)]
  const configKey = crypto.x25519Public(configSecret)
  const listeners: Listener[] = Array.from({ length: RECIPIENTS }, () => {
    return { id: crypto.random(ID_BYTES), seed: crypto.random(32), talker: 0 }
  })
  const sealed = ({ id }: Listener) => seal(crypto, configKey, labels.queueConfig, new Uint8Array(0), id)
  const configs = listeners.map((listener) => toHex(sealed(listener)))
  const talker: Talker = {
    groupId,
    seed,
    earKey: crypto.random(32),
    epoch: 0n,
    leaf: 0,
    messageBytes: 512,
    recipients: RECIPIENTS,
  }
  const clients = listeners.map((each) => ({
    id: toHex(each.id),
    authKey: toHex(crypto.ed25519Public(each.seed)),
  }))
  const group = { groupId: toHex(groupId), signatureKey: toHex(crypto.ed25519Public(seed)), configs }
  return {
    cast: { talkers: [talker], listeners },
    roles: { ...options, configKey: toHex(configSecret), groups: [group], clients },
  }
}

/** The figure with a target is against the best number of connections with PostgreSQL's own notifications. */
function describe(
  { version }: Postgres,
  ours: readonly number[],
  theirs: ReadonlyMap<string, readonly number[]>,
): Result[] {
  const perDelivery = (rates: readonly number[]) => rates.map((rate) => 1e6 / rate)
  const result = (name: string, runs: readonly number[]): Result =>
    summarized(name, RECIPIENTS, perDelivery(runs), { more: { deliveries_per_second: median(runs) } })
  const best = (wakeup: Wakeup) =>
    Math.max(...[...theirs].filter(([name]) => name.startsWith(wakeup)).map(([, runs]) => median(runs)))
  const over = (wakeup: Wakeup) => median(ours) / best(wakeup)
  const measuredInProcess = [...theirs.keys()].some((name) => name.startsWith("in-process"))
  return [
    result("Cinder", ours),
    ...[...theirs].map(([name, runs]) => result(`${version}, ${name}`, runs)),
    {
      name: "Cinder over the textbook design",
      size: RECIPIENTS,
      microseconds: Number.NaN,
      more: {
        over_notify: over("notify"),
        ...(measuredInProcess ? { over_in_process: over("in-process") } : {}),
      },
      figure: { over_textbook_postgres: over("notify") },
    },
  ]
}

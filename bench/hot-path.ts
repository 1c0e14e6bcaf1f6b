import { readGroup, readTree } from "../src/ds/store.ts"
import { type AuthoredCommit, makeCandidate } from "./author.ts"
import { median, type Options, type Result, summarized, timeSteps } from "./harness.ts"
import { Homeserver, operationBody, type TimedOperation } from "./homeserver.ts"
import { deliveryModel, entriesFor, type Model } from "./model.ts"
import {
  addUsersData,
  type Client,
  type Group,
  makeClients,
  makeGroup,
  memberOf,
  updateClientData,
} from "./population.ts"

/**
 * Send, Add and path commit in groups of 10, 100 and 1 000: from the body of the request to the moment when the answer
 * would be sent, everything durable. One request at a time; scrubbing of the log falls where the server lets it fall.
 */

export const GROUP_SIZES = [10, 100, 1000]
export const MESSAGE_BYTES = 512

/** Signatures that a commit makes the DS check: request, commit, GroupInfo, and the leaf or the KeyPackage with its leaf. */
const UPDATE_SIGNATURES = 4
const ADD_SIGNATURES = 5
const WELCOME_ATTRIBUTION_BYTES = 800
/** What the joiner's queue gets: Welcome, attribution and sealed key. */
const WELCOME_BUNDLE_BYTES = 1700
/** A group that grew by more than this, by being added to, is replaced by one of the size that is asked for. */
const GROWTH_MAX = 1.1

interface Case {
  readonly name: string
  readonly operation: TimedOperation
  /** The request's body, and what is to be done when it was accepted. */
  prepare(group: Group, newcomer: Client): { body: Uint8Array; accepted(): void; messageBytes: number }
  model(model: Model, sizes: RecordSizes, recipients: number, messageBytes: number): number
}

interface RecordSizes {
  readonly head: number
  readonly tree: number
}

const pathCommit: Case = {
  name: "path commit",
  operation: "updateClient",
  prepare(group) {
    const committed = group.author.commit(1, [], updateClientData)
    const body = operationBody("updateClient", memberOf(group, 1), handshake(group, committed))
    return { body, accepted: committed.accept, messageBytes: committed.commit.length }
  },
  model: (model, sizes, recipients, messageBytes) =>
    recordsModel(model, sizes) +
    UPDATE_SIGNATURES * model.verify +
    deliveryModel(model, recipients, entriesFor(messageBytes)),
}

const cases: readonly Case[] = [
  {
    name: "send",
    operation: "sendMessage",
    prepare(group) {
      const message = group.author.applicationMessage(MESSAGE_BYTES)
      const body = operationBody("sendMessage", memberOf(group, 0), { ...keyOf(group), message })
      return { body, accepted: () => undefined, messageBytes: message.length }
    },
    model: (model, { head }, recipients, messageBytes) =>
      model.ear(head).open + model.verify + deliveryModel(model, recipients, entriesFor(messageBytes)),
  },
  pathCommit,
  {
    name: "Add of one",
    operation: "addUsers",
    prepare(group, { queueConfig }) {
      const committed = group.author.commit(0, [makeCandidate(queueConfig)], addUsersData(1))
      const attributions = [new Uint8Array(WELCOME_ATTRIBUTION_BYTES)]
      const params = { ...handshake(group, committed), welcome: committed.welcome, attributions }
      const body = operationBody("addUsers", memberOf(group, 0), params)
      return { body, accepted: committed.accept, messageBytes: committed.commit.length }
    },
    model: (model, sizes, recipients, messageBytes) =>
      recordsModel(model, sizes) +
      ADD_SIGNATURES * model.verify +
      // The newcomer's config is opened and verified, and the EAR key sealed to it.
      model.hpkeOpen +
      model.verify +
      model.hpkeSeal +
      deliveryModel(model, recipients, entriesFor(messageBytes)) +
      model.chainSeal * entriesFor(WELCOME_BUNDLE_BYTES),
  },
]

export async function benchHotPath(options: Options, model: Model): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const size of GROUP_SIZES) results.push(...(await benchGroup(size, options, model)))
  results.push(...growth(results))
  // Each of a thousand writes 83 000 entries.
  for (const size of options.short ? [10, 100] : GROUP_SIZES)
    results.push(await benchFirstPath(size, options, model))
  return results
}

/** The first path in a group: the tree is blank, and so the path has a ciphertext for every member. */
async function benchFirstPath(size: number, { runs }: Options, model: Model): Promise<Result> {
  const server = await Homeserver.open()
  try {
    const clients = await makeClients(server, size)
    const timed = []
    let sizes: RecordSizes = { head: 0, tree: 0 }
    for (let run = 0; run < runs; run++) {
      const group = await makeGroup(server, clients, true)
      timed.push(await timeOne(server, pathCommit, group, clients[0] as Client))
      sizes = recordSizes(server, group)
    }
    const message_bytes = timed[0]?.messageBytes ?? 0
    return summarized(
      "first path commit",
      size,
      timed.map(({ time }) => time),
      {
        model: pathCommit.model(model, sizes, size - 1, message_bytes),
        more: { cpu_µs: median(timed.map(({ cpu }) => cpu)), message_bytes },
      },
    )
  } finally {
    await server.close()
  }
}

async function benchGroup(size: number, options: Options, model: Model): Promise<Result[]> {
  const server = await Homeserver.open()
  try {
    const clients = await makeClients(server, size + 1)
    const steady = await makeGroup(server, clients.slice(0, size))
    const makeGrowing = () => makeGroup(server, clients.slice(0, size))
    const series = await Promise.all(
      cases.map(async (one) => {
        const group = one.operation === "addUsers" ? await makeGrowing() : steady
        return { one, group, times: [] as number[], cpu: [] as number[], messageBytes: 0 }
      }),
    )
    // In turn, because the pool grows with every request, and with it what a request costs.
    for (let run = 0; run <= options.runs; run++) {
      for (const each of series) {
        const times: number[] = []
        const cpu: number[] = []
        for (let i = 0; i < repetitionsFor(size, options); i++) {
          if (each.group.author.tree.memberCount > size * GROWTH_MAX) each.group = await makeGrowing()
          const timed = await timeOne(server, each.one, each.group, clients[size] as Client)
          times.push(timed.time)
          cpu.push(timed.cpu)
          each.messageBytes = timed.messageBytes
        }
        // The first run warms up.
        if (run === 0) continue
        each.times.push(median(times))
        each.cpu.push(median(cpu))
      }
    }
    return series.map(({ one, group, times, cpu, messageBytes }) => {
      const sizes = recordSizes(server, group)
      const recipients = size - 1
      return summarized(one.name, size, times, {
        model: one.model(model, sizes, recipients, messageBytes),
        more: {
          cpu_µs: median(cpu),
          µs_per_recipient: median(times) / recipients,
          message_bytes: messageBytes,
          head_bytes: sizes.head,
          ...(one.operation === "sendMessage" ? {} : { tree_bytes: sizes.tree }),
        },
      })
    })
  } finally {
    await server.close()
  }
}

function repetitionsFor(size: number, { short }: Options): number {
  if (size >= 1000) return short ? 2 : 8
  return short ? 5 : 20
}

async function timeOne(
  server: Homeserver,
  { operation, prepare }: Case,
  group: Group,
  newcomer: Client,
): Promise<{ time: number; cpu: number; messageBytes: number }> {
  const prepared = prepare(group, newcomer)
  const before = process.cpuUsage()
  const [time = 0] = await timeSteps(1, () => server.call(operation, prepared.body))
  const { user, system } = process.cpuUsage(before)
  prepared.accepted()
  return { time, cpu: user + system, messageBytes: prepared.messageBytes }
}

function keyOf({ author: { groupId }, earKey }: Group) {
  return { groupId, earKey }
}

function handshake(group: Group, { commit, groupInfo }: AuthoredCommit) {
  return { ...keyOf(group), commit, groupInfo }
}

function recordsModel(model: Model, { head, tree }: RecordSizes): number {
  const [one, other] = [model.ear(head), model.ear(tree)]
  return one.open + one.seal + other.open + other.seal
}

function recordSizes({ store }: Homeserver, { author }: Group): RecordSizes {
  const stored = readGroup(store, author.groupId)
  const tree = stored && readTree(store, stored)
  return { head: stored?.head.ciphertext.length ?? 0, tree: tree?.ciphertext.length ?? 0 }
}

/** How the cost grows from each group size to the next: 1 is in proportion to the members. */
function growth(results: readonly Result[]): Result[] {
  return cases.flatMap(({ name }) => {
    const ofCase = results.filter((result) => result.name === name)
    return ofCase.slice(1).map((result, i): Result => {
      const before = ofCase[i] as Result
      const factor = result.microseconds / before.microseconds
      const exponent = Math.log(factor) / Math.log(result.size / before.size)
      const perMember = (result.microseconds - before.microseconds) / (result.size - before.size)
      return {
        name: `${name}: each further member`,
        size: result.size,
        microseconds: perMember,
        more: { times_the_size_before: factor, exponent },
      }
    })
  })
}

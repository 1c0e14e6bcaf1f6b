import { expect, test } from "bun:test"
import fc from "fast-check"
import { decodeMlsMessage } from "../../src/mls/index.ts"
import type { Pending } from "../mls/participant.ts"
import { refusesTree, type TsCandidate, type TsMember } from "../mls/ts-member.ts"
import {
  adding,
  byKeyPackage,
  byLeaf,
  createGroup,
  type Group,
  newClient,
  removing,
  sealedName,
  updating,
} from "./group.ts"
import { contents } from "./rows.ts"
import { refusalOf, World } from "./world.ts"

/** Somebody in the group, or on the way into it, or who has left. */
interface Client {
  readonly who: TsCandidate | undefined
  /** Undefined until the Welcome was read. */
  member: TsMember | undefined
  /** ts-mls did not take the tree, although it is valid. */
  lost: boolean
  /** What was sent while it was a member by others, and what it has read. */
  readonly expected: string[]
  readonly read: string[]
}

function newcomer(who: TsCandidate | undefined, member: TsMember | undefined): Client {
  return { who, member, lost: false, expected: [], read: [] }
}

type CommitName = "addUsers" | "removeUsers" | "updateClient"

/** Nobody in the group can act. */
class NobodyLeft extends Error {}

/** The server, and a model of who is in the group that knows nothing of MLS. */
class Simulation {
  readonly clients = new Map<string, Client>()
  /** Names of the members by leaf. */
  readonly members = new Map<number, string>()
  epoch = 0
  readonly #world: World
  readonly #group: Group
  #created = 1

  constructor(world: World, group: Group, creator: TsMember) {
    this.#world = world
    this.#group = group
    this.clients.set(creator.name, newcomer(undefined, creator))
    this.members.set(0, creator.name)
  }

  /** The member that a random number stands for, up to date. */
  async actor(n: number): Promise<TsMember> {
    const names = [...this.members.values()]
    for (let i = 0; i < names.length; i++) {
      const name = names[(n + i) % names.length] as string
      await this.sync(name)
      const { member, lost } = this.clients.get(name) as Client
      if (member !== undefined && !lost) return member
    }
    throw new NobodyLeft()
  }

  /** Reads everything in a client's queue. */
  async sync(name: string): Promise<void> {
    const client = this.clients.get(name) as Client
    for (const message of this.#world.take(name)) {
      if (message.type === "welcome") {
        const { epoch, welcome } = message.bundle
        const who = client.who as TsCandidate
        const asked = { ...this.#group, epoch: Number(epoch) }
        const { ratchetTree } = await this.#world.call("welcomeInfo", byKeyPackage(who), asked)
        client.member = await who.join(welcome, ratchetTree).catch((error: unknown) => {
          if (!refusesTree(error)) throw error
          return undefined
        })
        client.lost = client.member === undefined
      } else if (client.lost) continue
      else if (message.type === "proposals") throw new Error("nobody is to be removed")
      else if (decodeMlsMessage(message.message).kind === "privateMessage") {
        client.read.push(await (client.member as TsMember).decrypt(message.message))
      } else await client.member?.process(message.message)
    }
  }

  /** The creator, who is the only admin and stays. */
  admin(): Promise<TsMember> {
    return this.actor(0)
  }

  async add(count: number): Promise<void> {
    const by = await this.admin()
    const who: TsCandidate[] = []
    for (let i = 0; i < count; i++) who.push(await newClient(this.#world, `client ${this.#created++}`))
    const { pending, params } = await adding(this.#group, by, who)
    await this.#accepted("addUsers", by, pending, params)
    for (const joiner of who) {
      let leaf = 0
      while (this.members.has(leaf)) leaf++
      this.members.set(leaf, joiner.name)
      this.clients.set(joiner.name, newcomer(joiner, undefined))
    }
  }

  async remove(m: number): Promise<void> {
    const by = await this.admin()
    const others = [...this.members.keys()].filter((leaf) => leaf !== by.leaf)
    const leaf = others[m % Math.max(1, others.length)]
    if (leaf === undefined) return
    // A member that is removed before it read its Welcome cannot join any more.
    await this.sync(this.members.get(leaf) as string)
    const { pending, params } = await removing(this.#group, by, [leaf])
    await this.#accepted("removeUsers", by, pending, params)
    const name = this.members.get(leaf) as string
    this.members.delete(leaf)
    expect(this.#world.take(name).map(({ type }) => type)).toEqual(["mls"])
  }

  async update(n: number): Promise<void> {
    const by = await this.actor(n)
    const { pending, params } = await updating(this.#group, by)
    await this.#accepted("updateClient", by, pending, params)
  }

  async send(n: number, text: string): Promise<void> {
    const by = await this.actor(n)
    const message = await by.encrypt(text)
    await this.#world.call("sendMessage", byLeaf(by), { ...this.#group, message })
    for (const name of this.members.values()) {
      if (name !== by.name) this.clients.get(name)?.expected.push(text)
    }
  }

  /** Two commits at once, of the same member or of two: one is accepted. */
  async race(n: number, m: number): Promise<void> {
    const [first, second] = [await this.actor(n), await this.actor(m)]
    const one = await updating(this.#group, first)
    const two = await updating(this.#group, second)
    const outcomes = await Promise.allSettled([
      this.#world.call("updateClient", byLeaf(first), one.params),
      this.#world.call("updateClient", byLeaf(second), two.params),
    ])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
    const winner = outcomes[0]?.status === "fulfilled" ? one : two
    winner.pending.accept()
    this.epoch++
  }

  /** Somebody acts who has missed a commit, or is no member. */
  async illegal(n: number, m: number): Promise<void> {
    const late = await this.actor(n)
    const { params } = await updating(this.#group, late)
    const message = await late.encrypt("too late")
    await this.update(m)
    const before = contents(this.#world.store)
    const refused = [
      await refusalOf(this.#world.call("updateClient", byLeaf(late), params)),
      await refusalOf(this.#world.call("sendMessage", byLeaf(late), { ...this.#group, message })),
    ]
    expect(refused.map(({ code }) => code)).toEqual(["ds.wrong-epoch", "ds.wrong-epoch"])
    const current = new Set(this.members.values())
    for (const [name, { member }] of this.clients) {
      if (current.has(name) || member === undefined) continue
      const outside = { ...this.#group, message: await late.encrypt("from outside") }
      const refusal = await refusalOf(this.#world.call("sendMessage", byLeaf(member), outside))
      expect(refusal.code).toBe("auth.refused")
    }
    expect(contents(this.#world.store)).toBe(before)
  }

  /** The server's tree and credentials are those of the members. */
  async check(): Promise<void> {
    const info = await this.#world.ask("externalCommitInfo", this.#group)
    const expected = [...this.members].sort(([a], [b]) => a - b)
    expect(info.encryptedCredentials).toEqual(
      expected.map(([leaf, name]) => ({ leaf, credential: sealedName(name) })),
    )
    const anyone = await this.actor(0)
    expect(anyone.epoch).toBe(BigInt(this.epoch))
    expect(info.ratchetTree).toEqual(await anyone.ratchetTree())
  }

  /** Everybody read exactly what was sent while it was a member, in order, and agrees on the group. */
  async finish(): Promise<void> {
    for (const name of this.members.values()) await this.sync(name)
    for (const { lost, read, expected } of this.clients.values()) if (!lost) expect(read).toEqual(expected)
    for (const [leaf, name] of this.members) {
      const { member, lost } = this.clients.get(name) as Client
      if (lost) continue
      expect([member?.leaf, member?.epoch]).toEqual([leaf, BigInt(this.epoch)])
    }
  }

  async #accepted(name: CommitName, by: TsMember, pending: Pending, params: object): Promise<void> {
    await this.#world.call(name, byLeaf(by), params as never)
    const before = contents(this.#world.store)
    await this.#world.call(name, byLeaf(by), params as never)
    expect(contents(this.#world.store)).toBe(before)
    pending.accept()
    this.epoch++
  }

  async restart(): Promise<void> {
    await this.#world.restart()
  }
}

const n = fc.nat({ max: 50 })
const command: fc.Arbitrary<(simulation: Simulation) => Promise<void>> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1, max: 3 }).map((k) => (s: Simulation) => s.add(k)),
  },
  {
    weight: 3,
    arbitrary: n.map((b) => (s: Simulation) => s.remove(b)),
  },
  { weight: 2, arbitrary: n.map((a) => (s: Simulation) => s.update(a)) },
  {
    weight: 5,
    arbitrary: fc.tuple(n, fc.string()).map(
      ([a, text]) =>
        (s: Simulation) =>
          s.send(a, text),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(n, n).map(
      ([a, b]) =>
        (s: Simulation) =>
          s.race(a, b),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(n, n).map(
      ([a, b]) =>
        (s: Simulation) =>
          s.illegal(a, b),
    ),
  },
  { weight: 1, arbitrary: fc.constant((s: Simulation) => s.restart()) },
)

test("whatever members do, the server follows, and everybody reads everything of its time once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 4, maxLength: 14 }), async (commands) => {
      await using world = await World.start()
      const { member, group } = await createGroup(world, "client 0")
      const simulation = new Simulation(world, group, member)
      try {
        for (const run of commands) {
          await run(simulation)
          await simulation.check()
        }
      } catch (error) {
        if (!(error instanceof NobodyLeft)) throw error
      }
      await simulation.finish()
    }),
    { numRuns: 10 },
  )
}, 120_000)

import { expect, test } from "bun:test"
import fc from "fast-check"
import { operationRules as rules } from "../../src/ds/operation-rules.ts"
import { readContextExtensions } from "../../src/group/context-extensions.ts"
import { toHex } from "../../src/wire/bytes.ts"
import { Circle, type Person, type Request } from "./circle.ts"
import { sealedName } from "./group.ts"
import { contents } from "./rows.ts"
import { brokenRule, World } from "./world.ts"

/**
 * Everything that a group can do, in random order, against a model that knows who is in the group, who is an admin and who
 * read what. Who is proposed to be removed it takes from the members, who have to be right about it: only an update that
 * covers all of them is accepted. Every accepted request is sent a second time, as by a client that lost the answer.
 */
class Life {
  readonly #world: World
  readonly #circle: Circle
  /** Who is at which leaf, those whose queue is gone included. */
  #roster = new Map<number, string>()
  #admins: string[]
  readonly #lost = new Set<string>()
  readonly #texts = new Map<string, string[]>()
  #created = 1

  constructor(world: World, circle: Circle, creator: string) {
    this.#world = world
    this.#circle = circle
    this.#admins = [creator]
    this.#roster.set(0, creator)
  }

  /** Those who still follow, from a random one on. */
  #living(n: number): [Person, ...Person[]] {
    const names = [...this.#roster.values()].filter((name) => !this.#lost.has(name))
    const people = names.map((_, i) => this.#circle.person(names[(i + n) % names.length] as string))
    if (people.length === 0) throw new NobodyLeft()
    return people as [Person, ...Person[]]
  }

  #admin(n: number): Person | undefined {
    return this.#living(n).find(({ name }) => this.#admins.includes(name))
  }

  /** Leaves that are proposed to go, and whether by their members themselves. */
  get #going(): Map<number, "self" | "server"> {
    const [{ member }] = this.#living(0)
    return new Map(
      member.proposals.map(({ proposal, sender }) =>
        proposal.kind === "remove"
          ? [proposal.removed, "server"]
          : [sender.kind === "member" ? sender.leafIndex : -1, "self"],
      ),
    )
  }

  async #accepted(request: Request): Promise<void> {
    await this.#circle.submit(request)
    const after = contents(this.#world.store)
    if (request.operation !== "sendMessage") {
      await this.#circle.submit({ ...request, accepted: () => undefined } as Request)
      expect(contents(this.#world.store)).toBe(after)
    }
    await this.#circle.settle()
  }

  /** A commit that is not an update: accepted if nobody is proposed to go. */
  async #commit(request: Request): Promise<boolean> {
    if (this.#going.size === 0) {
      await this.#accepted(request)
      return true
    }
    const before = contents(this.#world.store)
    expect(await brokenRule(this.#circle.submit(request))).toBe("ds.proposals-pending")
    expect(contents(this.#world.store)).toBe(before)
    return false
  }

  #removed(leaves: readonly number[]): void {
    for (const leaf of leaves) this.#roster.delete(leaf)
    const names = [...this.#roster.values()]
    this.#admins = this.#admins.filter((name) => names.includes(name))
    if (this.#admins.length > 0) return
    const lowest = Math.min(...this.#roster.keys())
    this.#admins = [this.#roster.get(lowest) as string]
  }

  async add(n: number, count: number): Promise<void> {
    const by = this.#admin(n)
    if (by === undefined) return
    const names = Array.from({ length: count }, () => `client ${this.#created++}`)
    if (!(await this.#commit(this.#circle.adding(by.name, names)))) return
    for (const name of names) this.#roster.set(this.#circle.person(name).leaf, name)
  }

  async remove(n: number, m: number): Promise<void> {
    const by = this.#admin(n)
    const others = by && this.#living(m).filter(({ name }) => name !== by.name)
    const [target] = others ?? []
    if (by === undefined || target === undefined) return
    const { leaf } = target
    if (await this.#commit(this.#circle.removing(by.name, [target.name]))) this.#removed([leaf])
  }

  async update(n: number): Promise<void> {
    const [by] = this.#living(n)
    const going = this.#going
    if (going.get(by.leaf) === "self") {
      expect(await brokenRule(this.#circle.submit(this.#circle.updating(by.name)))).toBe(
        "ds.proposals-pending",
      )
      return
    }
    const { leaf } = by
    await this.#accepted(this.#circle.updating(by.name))
    this.#removed([...going.keys()].filter((gone) => gone !== leaf))
  }

  async changeRoles(n: number, m: number): Promise<void> {
    const by = this.#admin(n)
    if (by === undefined) return
    const chosen = this.#living(m).filter((_, i) => i % 2 === 0)
    const names = chosen.map(({ name }) => name)
    if (await this.#commit(this.#circle.changingRoles(by.name, names))) this.#admins = names
  }

  async leave(n: number): Promise<void> {
    const [by] = this.#living(n)
    const going = this.#going
    if (going.get(by.leaf) === "self") return
    const leaving = [...going.values()].filter((origin) => origin === "self").length
    const request = this.#circle.leaving(by.name)
    if (going.has(by.leaf)) await this.#accepted({ ...request, accepted: () => undefined })
    else if (leaving + 1 < this.#roster.size) await this.#accepted(request)
    else expect(await brokenRule(this.#circle.submit(request))).toBe(rules.somebodyStays.id)
  }

  async resync(n: number): Promise<void> {
    const [by] = this.#living(n)
    const { leaf } = by
    if (!(await this.#commit(await this.#circle.resyncing(by.name)))) return
    this.#roster.delete(leaf)
    this.#roster.set(by.leaf, by.name)
  }

  async moveQueue(n: number): Promise<void> {
    const [by] = this.#living(n)
    // Another config of the same queue: its signature's last byte counts for nothing here.
    const config = this.#world.queueConfig(by.name)
    await this.#accepted(this.#circle.changingQueue(by.name, config.with(-1, n + 1)))
  }

  async send(n: number, text: string): Promise<void> {
    const people = this.#living(n)
    await this.#accepted(this.#circle.sending(people[0].name, text))
    for (const { name } of people.slice(1)) this.#texts.set(name, [...this.#textsOf(name), text])
  }

  lose(n: number): void {
    const [first, second] = this.#living(n)
    if (second === undefined) return
    this.#lost.add(first.name)
    this.#circle.lose(first.name)
  }

  async restart(): Promise<void> {
    await this.#world.restart()
  }

  wait(months: number): void {
    this.#world.wait(months)
  }

  /** Nobody but an admin changes who is in the group, and nobody else's leaf is anybody's. */
  async trespass(n: number): Promise<void> {
    const people = this.#living(n)
    const stranger = people.find(({ name }) => !this.#admins.includes(name))
    if (stranger === undefined) return
    const { name } = stranger
    const before = contents(this.#world.store)
    const requests = [
      this.#circle.adding(name, ["mallory"]),
      this.#circle.changingRoles(name, [name]),
      this.#circle.deleting(name),
    ]
    for (const request of requests) {
      expect(await brokenRule(this.#circle.submit(request as Request))).toBe(rules.admin.id)
    }
    expect(contents(this.#world.store)).toBe(before)
  }

  #textsOf(name: string): readonly string[] {
    return this.#texts.get(name) ?? []
  }

  async check(): Promise<void> {
    const people = this.#living(0)
    const { member } = people[0]
    const { ratchetTree, encryptedCredentials } = await this.#world.ask(
      "externalCommitInfo",
      this.#circle.group,
    )
    expect(ratchetTree).toEqual(member.tree.encode())
    const roster = [...this.#roster].sort(([a], [b]) => a - b)
    expect(encryptedCredentials).toEqual(
      roster.map(([leaf, name]) => ({ leaf, credential: sealedName(name) })),
    )
    const admins = readContextExtensions(member.context.extensions).admins.map(toHex)
    const byKey = new Map(roster.map(([leaf, name]) => [toHex(member.tree.signatureKey(leaf)), name]))
    expect(admins.map((key) => byKey.get(key)).sort()).toEqual([...this.#admins].sort())
    for (const { name, read } of people) expect(read).toEqual([...this.#textsOf(name)])
  }
}

/** All who could act have lost their queues, or left. */
class NobodyLeft extends Error {}

const n = fc.nat({ max: 30 })
type Step = (life: Life) => Promise<void> | void
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(n, fc.integer({ min: 1, max: 3 })).map(
      ([a, k]): Step =>
        (life) =>
          life.add(a, k),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(n, n).map(
      ([a, b]): Step =>
        (life) =>
          life.remove(a, b),
    ),
  },
  {
    weight: 6,
    arbitrary: n.map(
      (a): Step =>
        (life) =>
          life.update(a),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(n, n).map(
      ([a, b]): Step =>
        (life) =>
          life.changeRoles(a, b),
    ),
  },
  {
    weight: 3,
    arbitrary: n.map(
      (a): Step =>
        (life) =>
          life.leave(a),
    ),
  },
  {
    weight: 3,
    arbitrary: n.map(
      (a): Step =>
        (life) =>
          life.resync(a),
    ),
  },
  {
    weight: 1,
    arbitrary: n.map(
      (a): Step =>
        (life) =>
          life.moveQueue(a),
    ),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(n, fc.string()).map(
      ([a, text]): Step =>
        (life) =>
          life.send(a, text),
    ),
  },
  {
    weight: 1,
    arbitrary: n.map(
      (a): Step =>
        (life) =>
          life.lose(a),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 3 }).map(
      (months): Step =>
        (life) =>
          life.wait(months),
    ),
  },
  {
    weight: 1,
    arbitrary: n.map(
      (a): Step =>
        (life) =>
          life.trespass(a),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>((life) => life.restart()) },
)

test("whatever happens in a group, members and server agree on it, and every request can be repeated", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 30 }), async (steps) => {
      await using world = await World.start()
      const life = new Life(world, await Circle.of(world, "client 0"), "client 0")
      try {
        for (const run of steps) {
          await run(life)
          await life.check()
        }
      } catch (error) {
        if (!(error instanceof NobodyLeft)) throw error
      }
    }),
    { numRuns: 30 },
  )
}, 120_000)

import type { Group } from "../../src/client/group.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { befriend } from "../client/people.ts"
import { Answers } from "./answers.ts"
import { type Entry, outcomeOf, tries } from "./book.ts"
import { type History, violations } from "./oracles.ts"
import { codeOf, Player, type PlayerOptions } from "./player.ts"
import type { Action, Deed, Network, Round, Schedule } from "./schedule.ts"
import { MortalServer } from "./server.ts"
import type { CrashPoint } from "./steps.ts"

/** People, their groups and their server, as a schedule says. */
export class Simulation {
  readonly server = new MortalServer()
  readonly answers = new Answers()
  readonly book: Entry[] = []
  /** Names of groups, in the order in which they came. */
  readonly groups: string[] = []
  readonly players: Player[] = []
  readonly #schedule: Schedule
  readonly #options: Partial<PlayerOptions>
  #said = 0
  #recruits = 0
  #turns = 0

  constructor(schedule: Schedule, options: Partial<PlayerOptions> = {}) {
    this.#schedule = schedule
    this.#options = options
  }

  /** Everything, from registration to the end. Throws an Error that names what is wrong. */
  async run(): Promise<void> {
    await this.begin()
    for (const round of this.#schedule.rounds) {
      await this.play(round)
      await this.settle()
      this.check()
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.players.map(({ person }) => person.stop()))
    await this.server.end()
  }

  /** In calm weather: everybody registers, the hosts make contacts and groups. */
  async begin(crash?: CrashPoint): Promise<void> {
    await this.server.start(crash)
    const { networks, hosts } = this.#schedule
    await Promise.all(networks.map((network) => this.recruit(network)))
    this.players.sort((a, b) => a.index - b.index)
    for (const host of this.players.slice(0, hosts.length)) {
      for (const guest of this.players.slice(host.index + 1)) await befriend(host.person, guest.person)
    }
    for (const [index, { guests }] of hosts.entries()) await this.#host(this.player(index), guests)
    for (const player of this.players) player.calm(false)
  }

  /** One more person, still in calm weather. */
  async recruit(network: Network): Promise<Player> {
    const onGroup = (id: string) => {
      if (!this.groups.includes(id)) this.groups.push(id)
    }
    const { answers } = this
    const options = { ...this.#options, network, answers, onGroup }
    const player = await Player.join(this.server, this.#recruits++, options)
    this.players.push(player)
    return player
  }

  player(index: number): Player {
    const player = this.players[index]
    if (player === undefined) throw new Error("nobody")
    return player
  }

  async #host(host: Player, guests: readonly number[]): Promise<void> {
    const group = await host.person.client.createGroup()
    const admins = [host.user]
    for (const guest of guests.map((index) => this.player(index))) {
      await this.attempt(host, { deed: "add", group: group.id, whom: guest.user }, () =>
        group.add(guest.user),
      )
      if (admins.length < 1 + guests.length / 2) admins.push(guest.user)
    }
    await group.changeRoles(admins)
  }

  /** Everybody takes turns at once, and the server dies where it shall. */
  async play(round: Round): Promise<void> {
    this.#turns = 0
    await Promise.all(
      this.players.map(async (player) => {
        for (const turn of round.turns[player.index] ?? []) {
          for (const { turn: at, point } of round.deaths) if (at === this.#turns) this.server.arm(point)
          this.#turns += 1
          if (turn.kind === "crash") player.crashIn(turn.writes, turn.afterwards)
          else if (turn.kind === "restart") await player.restart()
          else await player.live(() => Promise.all(turn.actions.map((action) => this.act(player, action))))
        }
      }),
    )
  }

  /** One action; what became of it is in the book. */
  async act(player: Player, { deed, group: place, whom }: Action): Promise<void> {
    const { client } = player.person
    const own = client.groups()
    const groups = this.groups
      .filter((id) => !this.#isLeaving(player, id))
      .flatMap((id) => own.filter((group) => group.id === id))
    const group = at(groups, place)
    if (deed === "create") {
      await this.attempt(player, { deed, group: "" }, async () => {
        await client.createGroup()
      })
    } else if (group !== undefined) await this.#actIn(player, group, deed, whom)
  }

  async #actIn(player: Player, group: Group, deed: Deed, place: number): Promise<void> {
    const members = membersOf(group).filter((user) => user !== player.user)
    const entry = { deed, group: group.id }
    switch (deed) {
      case "say":
        return await this.say(player, group)
      case "add": {
        const contacts = await player.person.client.contacts()
        const whom = at(
          this.players
            .map(({ user }) => user)
            .filter((user) => contacts.includes(user) && !members.includes(user)),
          place,
        )
        if (whom === undefined) return
        return await this.attempt(player, { ...entry, whom }, () => group.add(whom))
      }
      case "remove": {
        const whom = at(members, place)
        if (whom === undefined) return
        return await this.attempt(player, { ...entry, whom }, () => group.remove(whom))
      }
      case "roles": {
        const other = at(members, place)
        const admins = other === undefined ? [player.user] : [player.user, other]
        return await this.attempt(player, entry, () => group.changeRoles(admins))
      }
      default:
        return await this.attempt(player, entry, async () => {
          if (deed !== "create") await group[deed]()
        })
    }
  }

  async say(player: Player, group: Group): Promise<void> {
    const text = `${player.index} ${this.#said++}`
    await this.attempt(player, { deed: "say", group: group.id, text }, () => group.send(utf8(text)))
  }

  /** Does something and writes down what became of it. */
  async attempt(
    player: Player,
    entry: Omit<Entry, "by" | "began" | "outcome">,
    work: () => Promise<unknown>,
  ): Promise<void> {
    const began = player.witness.pastOf(entry.group).length
    const written: Entry = { ...entry, by: player.user, began, outcome: "unknown" }
    this.book.push(written)
    try {
      await work()
      written.outcome = "done"
    } catch (error) {
      const outcome = outcomeOf(error)
      if (outcome !== undefined) written.outcome = outcome
      else if (!player.dead) throw new Error(`${entry.deed} failed unexpectedly`, { cause: error })
    }
  }

  /** It asked to leave, and was not told since that it is gone. */
  #isLeaving({ user, witness }: Player, group: string): boolean {
    const last = tries(this.book, "leave", group, user).findLast(({ outcome }) => outcome !== "refused")
    return last !== undefined && !witness.pastOf(group).slice(last.began).includes(undefined)
  }

  /** The weather calms down; what was begun is finished, and everybody receives everything. */
  async settle(): Promise<void> {
    for (const player of this.players) player.calm(true)
    this.server.arm({ step: "none", when: "before", skip: 0 })
    await Promise.all(this.players.map((player) => player.restart()))
    for (const id of this.groups) await this.#finish(id)
    await Promise.all(this.players.map((player) => player.catchUp()))
  }

  async #finish(id: string): Promise<void> {
    const staying: [Player, Group][] = []
    let leaving = false
    for (const player of this.players) {
      const group = player.person.client.groups().find((one) => one.id === id)
      if (group === undefined) continue
      if (this.#isLeaving(player, id)) leaving = true
      else staying.push([player, group])
    }
    for (const [player, group] of staying) await this.#finishLast(player, group)
    if (leaving) for (const [player, group] of staying) await this.#actIn(player, group, "update", 0)
    for (const [player, group] of staying) await this.say(player, group)
  }

  /** What is not finished by the client itself, the person tries again; nobody ends a group that they are not back in. */
  async #finishLast(player: Player, group: Group): Promise<void> {
    for (const again of ["resync", "delete"] as const) {
      const last = tries(this.book, again, group.id, player.user).at(-1)
      if (last?.outcome === "unknown") await this.#actIn(player, group, again, 0)
    }
  }

  /** Throws an Error that names what is wrong. */
  check(): void {
    const found = this.violations()
    if (found.length > 0) throw new Error(found.join("\n"))
  }

  violations(): string[] {
    return violations(this.history())
  }

  history(): History {
    const { book, groups, answers } = this
    const people = this.players.map(({ user, person, witness }) => ({ user, events: person.events, witness }))
    return { people, groups, book, accepted: answers.accepted }
  }
}

function membersOf(group: Group): string[] {
  try {
    return group.members().map(({ user }) => user)
  } catch (error) {
    if (codeOf(error) !== "client.removed") throw error
    return []
  }
}

function at<T>(list: readonly T[], place: number): T | undefined {
  return list[Math.floor(place * list.length)]
}

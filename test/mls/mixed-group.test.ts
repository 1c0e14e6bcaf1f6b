import { describe, expect, test } from "bun:test"
import { Member } from "../../src/mls/member/group.ts"
import { newLeaf, suite } from "./member-fixtures.ts"
import { type Change, type Joiner, Ours, type Participant, Theirs } from "./mixed-group.ts"
import { NOW } from "./ts-group.ts"

/** Our members and those of an independent implementation in one group. */

async function everybodyAgrees(people: readonly Participant[]): Promise<void> {
  const views = new Set(await Promise.all(people.map((person) => person.view())))
  expect(views.size).toBe(1)
}

async function everybodyTalks(people: readonly Participant[]): Promise<void> {
  for (const sender of people) {
    for (const text of ["first", "second"]) {
      const message = await sender.send(`${text} from ${sender.leaf}`)
      for (const reader of people) {
        if (reader !== sender) expect(await reader.read(message)).toBe(`${text} from ${sender.leaf}`)
      }
    }
  }
}

/** Commits a change, lets everybody process it, and takes in who joins. */
async function change(
  people: Participant[],
  committer: Participant,
  what: Change & { readonly joiner?: Joiner; readonly goneByReference?: number },
): Promise<void> {
  const { joiner, goneByReference, ...rest } = what
  const added = joiner === undefined ? {} : { add: joiner.keyPackage }
  const { message, welcome } = await committer.commit({ ...rest, ...added })
  for (const person of people) if (person !== committer) await person.process(message)
  const gone = what.remove ?? goneByReference
  const at = people.findIndex(({ leaf }) => leaf === gone)
  if (at >= 0) people.splice(at, 1)
  if (joiner !== undefined && welcome !== undefined) {
    people.push(await joiner.join(welcome, committer.tree()))
  }
  await everybodyAgrees(people)
}

describe("a group of two implementations", () => {
  for (const [name, create] of Object.entries({ ours: Ours.create, theirs: Theirs.create })) {
    test(`created by ${name}: add, talk, path commits, remove by reference and by value`, async () => {
      const people: Participant[] = [await create()]
      const joiners = [
        await Theirs.joiner("b"),
        Ours.joiner("c"),
        await Theirs.joiner("d"),
        Ours.joiner("e"),
        await Theirs.joiner("f"),
        Ours.joiner("g"),
      ]
      for (const [i, joiner] of joiners.entries()) {
        await change(people, people[i % people.length] as Participant, { joiner })
        await everybodyTalks(people)
      }
      for (const committer of [...people]) await change(people, committer, {})
      await everybodyTalks(people)

      await change(people, people[1] as Participant, { remove: 3 })
      await change(people, people[2] as Participant, { remove: 4 })
      const [proposer, committer] = [people[0] as Participant, people[1] as Participant]
      const proposal = await proposer.proposeRemove(5)
      for (const person of people) if (person !== proposer) await person.process(proposal)
      await change(people, committer, { goneByReference: 5 })
      for (const committing of [...people]) await change(people, committing, {})
      await everybodyTalks(people)
    }, 30_000)
  }

  test("ours joins theirs from outside, and replaces itself", async () => {
    const creator = Ours.create()
    const people: Participant[] = [creator]
    await change(people, creator, { joiner: await Theirs.joiner("b") })
    const options = { now: NOW, ratchetTree: creator.tree() }
    const first = Member.joinExternal(suite, creator.member.encodedGroupInfo(), {
      ...options,
      leaf: newLeaf("outsider"),
    })
    for (const person of people) await person.process(first.message)
    const outsider = new Ours(first.next)
    people.push(outsider)
    await everybodyAgrees(people)
    await everybodyTalks(people)

    const again = Member.joinExternal(suite, creator.member.encodedGroupInfo(), {
      now: NOW,
      ratchetTree: creator.tree(),
      leaf: newLeaf("outsider again"),
      replaces: outsider.leaf,
    })
    people.pop()
    for (const person of people) await person.process(again.message)
    people.push(new Ours(again.next))
    await everybodyAgrees(people)
    await everybodyTalks(people)
  })
})

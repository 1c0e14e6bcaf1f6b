import { describe, expect, test } from "bun:test"
import { utf8 } from "../../src/wire/bytes.ts"
import { OurCandidate } from "./our-member.ts"
import type { Candidate, CommitContents, MakeCandidate, Participant } from "./participant.ts"
import { TsCandidate } from "./ts-member.ts"

/** Our members and those of an independent implementation in one group. */

const GROUP_ID = utf8("a group")
const NO_DATA = new Uint8Array(0)
const now = BigInt(Math.floor(Date.now() / 1000))
const lifetime = { notBefore: now - 3600n, notAfter: now + 86_400n }
const makers: Readonly<Record<"ours" | "theirs", MakeCandidate>> = {
  ours: OurCandidate.make,
  theirs: TsCandidate.make,
}

async function everybodyAgrees(people: readonly Participant[]): Promise<void> {
  const agreements = new Set(await Promise.all(people.map((person) => person.agreement())))
  expect(agreements.size).toBe(1)
}

async function everybodyTalks(people: readonly Participant[]): Promise<void> {
  for (const sender of people) {
    for (const text of ["first", "second"]) {
      const message = await sender.encrypt(`${text} from ${sender.leaf}`)
      for (const reader of people) {
        if (reader !== sender) expect(await reader.decrypt(message)).toBe(`${text} from ${sender.leaf}`)
      }
    }
  }
}

/** Commits a change, lets everybody process it, and takes in who joins. */
async function change(
  people: Participant[],
  committer: Participant,
  contents: CommitContents = {},
  joiner?: Candidate,
): Promise<void> {
  const add = joiner === undefined ? [] : [joiner.keyPackage]
  const pending = await committer.commit({ ...contents, add })
  for (const person of people) if (person !== committer) await person.process(pending.commit)
  pending.accept()
  const remaining = people.filter(({ isMember }) => isMember)
  people.splice(0, people.length, ...remaining)
  if (joiner !== undefined && pending.welcome !== undefined) {
    people.push(await joiner.join(pending.welcome, await committer.ratchetTree()))
  }
  await everybodyAgrees(people)
}

describe("a group of two implementations", () => {
  for (const [name, make] of Object.entries(makers)) {
    test(`created by ${name}: add, talk, path commits, remove by reference and by value`, async () => {
      const creator = await make("creator", lifetime)
      const people: Participant[] = [await creator.create(GROUP_ID)]
      for (let i = 0; i < 6; i++) {
        const joiner = await (i % 2 === 0 ? makers.theirs : makers.ours)(`joiner ${i}`, lifetime)
        await change(people, people[i % people.length] as Participant, {}, joiner)
        await change(people, people.at(-1) as Participant)
        await everybodyTalks(people)
      }
      for (const committer of [...people]) await change(people, committer)
      await everybodyTalks(people)

      await change(people, people[1] as Participant, { remove: [3] })
      await change(people, people[2] as Participant, { remove: [4] })
      expect(people).toHaveLength(5)
      const [proposer, committer] = [people[0] as Participant, people[1] as Participant]
      const proposal = await proposer.proposeRemove(5)
      for (const person of people) if (person !== proposer) await person.process(proposal)
      await change(people, committer)
      expect(people).toHaveLength(4)
      for (const committing of [...people]) await change(people, committing)
      await everybodyTalks(people)
    }, 30_000)
  }

  test("ours joins theirs from outside, and replaces itself", async () => {
    const creator = await OurCandidate.make("creator", lifetime)
    const first = await creator.create(GROUP_ID)
    const people: Participant[] = [first]
    await change(people, first, {}, await TsCandidate.make("b", lifetime))
    const outsider = await OurCandidate.make("outsider", lifetime)
    const joined = await outsider.joinExternally(await first.groupInfo(), await first.ratchetTree(), NO_DATA)
    for (const person of people) await person.process(joined.commit)
    people.push(joined.member)
    await everybodyAgrees(people)
    await everybodyTalks(people)

    const again = await OurCandidate.make("outsider again", lifetime)
    const { leaf } = joined.member
    const back = await again.joinExternally(await first.groupInfo(), await first.ratchetTree(), NO_DATA, leaf)
    for (const person of people) await person.process(back.commit)
    expect(joined.member.isMember).toBe(false)
    people.splice(2, 1, back.member)
    await everybodyAgrees(people)
    await everybodyTalks(people)
  })
})

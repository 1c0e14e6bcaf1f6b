import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { MemberError } from "../../src/client/mls/member.ts"
import { decodeMlsMessage } from "../../src/mls/codec/message.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { epochSecret, membership, NO_DATA, newKeyPackage, Room } from "./members.ts"

type Step =
  | { readonly kind: "add" | "update" | "restart" | "external" | "send"; readonly by: number }
  | { readonly kind: "remove"; readonly by: number; readonly whom: number }

const index = fc.nat({ max: 15 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant("add" as const), by: index }), weight: 4 },
  { arbitrary: fc.record({ kind: fc.constant("update" as const), by: index }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant("send" as const), by: index }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant("restart" as const), by: index }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant("external" as const), by: index }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant("remove" as const), by: index, whom: index }), weight: 2 },
)

async function take(room: Room, action: Step, number: number): Promise<void> {
  if (action.kind === "add") await room.add(action.by, `m${number}`)
  else if (action.kind === "update") await room.update(action.by)
  else if (action.kind === "restart") room.restart(action.by)
  else if (action.kind === "external") await room.joinExternally(action.by, `x${number}`)
  else if (action.kind === "remove") await room.remove(action.by, action.whom)
  else {
    const { plaintexts } = await room.send(action.by, `text ${number}`)
    expect(plaintexts).toEqual(Array(room.members.length - 1).fill(`text ${number}`))
  }
}

describe("members of one group", () => {
  test("agree on every epoch's secrets through any history, restarts included", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40, size: "max" }), async (history) => {
        const room = await Room.create("creator")
        for (const [number, action] of history.entries()) {
          await take(room, action, number)
          const secrets = new Set(await Promise.all(room.members.map(epochSecret)))
          expect(secrets.size).toBe(1)
          const trees = new Set(
            room.members.map((member) => Buffer.from(member.ratchetTree()).toString("hex")),
          )
          expect(trees.size).toBe(1)
        }
      }),
      { numRuns: 25 },
    )
  }, 60_000)

  test("read an application message once", async () => {
    const room = await Room.create("a")
    await room.add(0, "b")
    const { message } = await room.member(0).encrypt(utf8("once"))
    const opened = await room.member(1).decrypt(message)
    expect(opened.plaintext).toEqual(utf8("once"))
    await expect(opened.next.decrypt(message)).rejects.toBeInstanceOf(MemberError)
    const restored = membership.restore(opened.next.serialize())
    await expect(restored.decrypt(message)).rejects.toBeInstanceOf(MemberError)
  })

  test("read what was on its way when they committed", async () => {
    const room = await Room.create("a")
    await room.add(0, "b")
    const { message } = await room.member(0).encrypt(utf8("late"))
    const staged = await room.member(1).commit({ authenticatedData: NO_DATA })
    const opened = await staged.next.decrypt(message)
    expect(opened.plaintext).toEqual(utf8("late"))
    expect(opened.epoch).toBe(staged.next.epoch - 1n)
  })

  test("keep their state when a commit of theirs loses its epoch", async () => {
    const room = await Room.create("a")
    await room.add(0, "b")
    await room.member(1).commit({ authenticatedData: NO_DATA })
    await room.update(0)
    expect(await epochSecret(room.member(0))).toBe(await epochSecret(room.member(1)))
  })

  test("see who was added, by whom, and what the commit authenticates", async () => {
    const room = await Room.create("a")
    await room.add(0, "b")
    const own = await newKeyPackage("c")
    const staged = await room.member(0).commit({ adds: [own.keyPackage], authenticatedData: utf8("data") })
    const seen = await room.member(1).process(staged.commit)
    expect(seen.sender).toBe(0)
    expect(seen.authenticatedData).toEqual(utf8("data"))
    expect(seen.added.map(({ leaf, identity }) => [leaf, identity])).toEqual([[2, utf8("c")]])
    expect(seen.removed).toEqual([])
  })
})

describe("padding", () => {
  test("hides the length of a message within its step", async () => {
    const room = await Room.create("a")
    const lengths = await Promise.all(
      [0, 1, 40, 150].map(
        async (length) => (await room.member(0).encrypt(new Uint8Array(length))).message.length,
      ),
    )
    expect(new Set(lengths).size).toBe(1)
    const steps = await Promise.all(
      [200, 400].map(async (length) => (await room.member(0).encrypt(new Uint8Array(length))).message.length),
    )
    expect(new Set(steps).size).toBe(1)
    expect(steps[0]).toBeGreaterThan(lengths[0] ?? 0)
  })
})

describe("hostile input", () => {
  test("is refused with one error, and leaves the member as it was", async () => {
    const room = await Room.create("a")
    await room.add(0, "b")
    const before = room.member(1).serialize()
    const { commit } = await room.member(0).commit({ authenticatedData: NO_DATA })
    const { message } = await room.member(0).encrypt(utf8("text"))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(commit, message),
        fc.nat(),
        fc.nat({ max: 254 }),
        async (good, at, change) => {
          const bad = good.slice()
          const position = at % bad.length
          bad[position] = ((bad[position] ?? 0) + change + 1) % 256
          for (const input of [bad, good.subarray(0, position), new Uint8Array([...good, 0])]) {
            await expect(room.member(1).process(input)).rejects.toBeInstanceOf(MemberError)
            await expect(room.member(1).decrypt(input)).rejects.toBeInstanceOf(MemberError)
          }
        },
      ),
      { numRuns: 100 },
    )
    expect(room.member(1).serialize()).toEqual(before)
    expect(() => membership.restore(before.subarray(1))).toThrow(MemberError)
    expect(() => membership.restore(before.subarray(0, 40))).toThrow(MemberError)
  })

  test("a Welcome with another tree is refused", async () => {
    const room = await Room.create("a")
    const own = await newKeyPackage("b")
    const staged = await room.member(0).commit({ adds: [own.keyPackage], authenticatedData: NO_DATA })
    const join = membership.joinFromWelcome(staged.welcome ?? NO_DATA, own, room.member(0).ratchetTree())
    await expect(join).rejects.toBeInstanceOf(MemberError)
  })
})

test("everything members make is strictly canonical, external_pub in RFC form included", async () => {
  const room = await Room.create("a")
  const own = await newKeyPackage("b")
  const staged = await room.member(0).commit({ adds: [own.keyPackage], authenticatedData: NO_DATA })
  const { message } = await room.member(0).encrypt(utf8("x"))
  expect(decodeMlsMessage(staged.commit).kind).toBe("publicMessage")
  expect(decodeMlsMessage(staged.welcome ?? NO_DATA).kind).toBe("welcome")
  expect(decodeMlsMessage(message).kind).toBe("privateMessage")
  const { extensions } = room.member(0).groupInfo()
  expect([...extensions.subarray(0, 5)]).toEqual([36, 0, 4, 33, 32])
})

import { describe, expect, test } from "bun:test"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { operationRules as rules } from "../../src/ds/operation-rules.ts"
import { makeContextExtensions } from "../../src/group/context-extensions.ts"
import { ADMINS_MAX } from "../../src/limits.ts"
import type { Extension, Proposal } from "../../src/mls/index.ts"
import { QUEUE_CONFIG_EXTENSION_TYPE } from "../../src/wire/queue-config.ts"
import { encodeRoles, ROLES_EXTENSION_TYPE } from "../../src/wire/roles.ts"
import { Circle, type Request } from "./circle.ts"
import { contents } from "./rows.ts"
import { brokenRule, World } from "./world.ts"

test("the creator is the admin, makes others admins, and is no longer one when told so", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  expect(circle.admins).toEqual(["alice"])
  await circle.submit(circle.changingRoles("alice", ["alice", "bob"]))
  await circle.settle()
  expect(circle.admins).toEqual(["alice", "bob"])
  await circle.submit(circle.changingRoles("bob", ["bob", "carol"]))
  await circle.settle()
  expect(circle.admins).toEqual(["bob", "carol"])
  await circle.submit(circle.adding("carol", ["dave"]))
  await circle.settle()
  await circle.submit(circle.removing("bob", ["dave"]))
  await circle.settle()
  expect(circle.members.map(({ name }) => name)).toEqual(["alice", "bob", "carol"])
  expect(await brokenRule(circle.submit(circle.removing("alice", ["bob"])))).toBe(rules.admin.id)
})

test("who is no admin can neither add nor remove nor change roles, whatever it sends", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  const before = contents(world.store)
  const own: Request[] = [
    circle.adding("bob", ["dave"]),
    circle.removing("bob", ["carol"]),
    circle.removing("bob", ["alice"]),
    circle.changingRoles("bob", ["bob"]),
    circle.changingRoles("bob", ["alice", "bob"]),
  ]
  for (const request of own) expect(await brokenRule(circle.submit(request))).toBe(rules.admin.id)
  const stolen = circle.removing("alice", ["carol"])
  const signer = circle.person("bob").byLeaf
  expect(await brokenRule(circle.submit({ ...stolen, signer }))).toBe(rules.admin.id)
  const asAlice = { ...signer, sender: circle.person("alice").byLeaf.sender }
  expect(await brokenRule(circle.submit({ ...stolen, signer: asAlice }))).toBe("auth.refused")
  const { params } = circle.removing("bob", ["carol"])
  const byAdmin = { ...stolen, params }
  expect(await brokenRule(circle.submit(byAdmin))).toBe(rules.ownCommit.id)
  const inUpdate = circle.updating("bob", { proposals: circle.rolesOf(["bob"]), roles: "stay" })
  expect(await brokenRule(circle.submit(inUpdate))).toBe(rules.rolesFollow.id)
  expect(contents(world.store)).toBe(before)
})

function keysOf(circle: Circle, names: readonly string[]): Uint8Array[] {
  return names.map((name) => circle.person(name).key)
}

function extensionsWith(circle: Circle, admins: readonly Uint8Array[]): Extension[] {
  const [, senders] = circle.person("alice").member.context.extensions as [Extension, Extension]
  return [...makeContextExtensions({ admins, removalKey: new Uint8Array(32) })].map((extension) =>
    extension.type === senders.type ? senders : extension,
  )
}

describe("new roles are refused", () => {
  const changeTo = (circle: Circle, extensions: readonly Extension[]) => {
    const {
      accepted,
      welcome: _,
      ...params
    } = circle.commit("alice", {
      proposals: [{ kind: "groupContextExtensions", extensions }],
    })
    const signer = circle.person("alice").byLeaf
    return brokenRule(circle.submit({ operation: "changeRoles", signer, params, accepted }))
  }

  test("if they are malformed, empty or too many", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob")
    const keys = keysOf(circle, ["alice", "bob"])
    const valid = encodeRoles({ admins: keys })
    const before = contents(world.store)
    const data: Record<string, Uint8Array> = {
      nothing: new Uint8Array(0),
      "no admins": encodeRoles({ admins: [] }),
      "an admin twice": encodeRoles({ admins: [keys[0]!, keys[0]!] }),
      "in descending order": Uint8Array.of(
        ...valid.subarray(0, 3),
        ...valid.subarray(35),
        ...valid.subarray(3, 35),
      ),
      "another version": valid.with(0, 2),
      truncated: valid.subarray(0, -1),
      "with trailing bytes": Uint8Array.of(...valid, 0),
      "too many": encodeRoles({
        admins: Array.from({ length: ADMINS_MAX + 1 }, () => nativeCrypto.random(32)),
      }),
    }
    const base = extensionsWith(circle, keys)
    for (const [name, bytes] of Object.entries(data)) {
      const extensions = base.map((one) =>
        one.type === ROLES_EXTENSION_TYPE ? { ...one, data: bytes } : one,
      )
      expect([name, await changeTo(circle, extensions)]).toEqual([name, rules.contextExtensions.id])
    }
    expect(contents(world.store)).toBe(before)
    await circle.submit(circle.changingRoles("alice", ["bob"]))
  })

  test("if an admin is nobody or was removed", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob", "carol")
    const carol = circle.person("carol").key
    await circle.submit(circle.removing("alice", ["carol"]))
    await circle.settle()
    const before = contents(world.store)
    for (const admins of [[carol], [...keysOf(circle, ["alice"]), carol], [nativeCrypto.random(32)]]) {
      expect(await changeTo(circle, extensionsWith(circle, admins))).toBe(rules.adminsAreMembers.id)
    }
    expect(contents(world.store)).toBe(before)
  })

  test("if anything else of the GroupContext changes with them, or anything else is committed", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob", "carol")
    const keys = keysOf(circle, ["alice", "bob"])
    const [required, senders, roles] = extensionsWith(circle, keys) as [Extension, Extension, Extension]
    const otherKey = makeContextExtensions({ admins: keys, removalKey: nativeCrypto.random(32) })
    const more = { type: QUEUE_CONFIG_EXTENSION_TYPE, data: new Uint8Array(1) }
    const before = contents(world.store)
    const changed: [string, Extension[], string][] = [
      ["another external sender", otherKey, rules.removalKey.id],
      ["no external sender", [required, roles], rules.contextExtensions.id],
      ["no required capabilities", [senders, roles], rules.contextExtensions.id],
      ["no roles", [required, senders], rules.contextExtensions.id],
      ["another order", [senders, required, roles], rules.contextExtensions.id],
      ["an extension more", [required, senders, roles, more], rules.contextExtensions.id],
    ]
    for (const [name, extensions, rule] of changed) {
      expect([name, await changeTo(circle, extensions)]).toEqual([name, rule])
    }
    const carol: Proposal = { kind: "remove", removed: circle.person("carol").leaf }
    for (const proposals of [[carol], [], [...circle.rolesOf(["bob"]), carol]]) {
      const { accepted, welcome: _, ...params } = circle.commit("alice", { proposals, roles: "stay" })
      const signer = circle.person("alice").byLeaf
      const call = circle.submit({ operation: "changeRoles", signer, params, accepted })
      expect(await brokenRule(call)).toBe(rules.onlyRoles.id)
    }
    expect(contents(world.store)).toBe(before)
  })
})

describe("roles follow who stays", () => {
  test("a removed admin is none any more, and comes back as a member", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob", "carol")
    await circle.submit(circle.changingRoles("alice", ["alice", "bob"]))
    await circle.settle()
    const before = contents(world.store)
    const forgetful = circle.removing("alice", ["bob"], { roles: "stay" })
    expect(await brokenRule(circle.submit(forgetful))).toBe(rules.rolesFollow.id)
    const zealous = circle.removing("alice", ["carol"], { roles: "stay", also: circle.rolesOf(["alice"]) })
    expect(await brokenRule(circle.submit(zealous))).toBe(rules.rolesFollow.id)
    expect(contents(world.store)).toBe(before)

    const { leaf } = circle.person("bob")
    await circle.submit(circle.removing("alice", ["bob"]))
    await circle.settle()
    expect(circle.admins).toEqual(["alice"])
    await circle.submit(circle.adding("alice", ["dave"]))
    await circle.settle()
    expect(circle.person("dave").leaf).toBe(leaf)
    expect(circle.admins).toEqual(["alice"])
  })

  test("an admin that renews its signature key stays one under the new key, and only so", async () => {
    await using world = await World.start()
    const circle = await Circle.of(world, "alice", "bob")
    const renewed = { ...circle.person("alice").leafContent, signatureSecret: nativeCrypto.random(32) }
    const forgetful = circle.updating("alice", { leaf: renewed, roles: "stay" })
    expect(await brokenRule(circle.submit(forgetful))).toBe(rules.rolesFollow.id)
    await circle.submit(circle.updating("alice", { leaf: renewed }))
    await circle.settle()
    expect(circle.admins).toEqual(["alice"])
    const other = { ...circle.person("bob").leafContent, signatureSecret: nativeCrypto.random(32) }
    await circle.submit(circle.updating("bob", { leaf: other }))
    await circle.settle()
    await circle.submit(circle.adding("alice", ["carol"]))
    await circle.settle()
    expect(circle.members).toHaveLength(3)
  })
})

test("a new group has this server's extensions and its creator as the only admin", async () => {
  await using world = await World.start()
  const keys = (count: number) => Array.from({ length: count }, () => nativeCrypto.random(32))
  const changes: [string, (creator: Uint8Array, removalKey: Uint8Array) => Extension[], string][] = [
    ["no extensions", () => [], rules.contextExtensions.id],
    [
      "no admin but others",
      (_, removalKey) => makeContextExtensions({ admins: keys(1), removalKey }),
      rules.creatorIsAdmin.id,
    ],
    [
      "another admin",
      (creator, removalKey) => makeContextExtensions({ admins: [creator, ...keys(1)], removalKey }),
      rules.creatorIsAdmin.id,
    ],
    [
      "another external sender",
      (creator) => makeContextExtensions({ admins: [creator], removalKey: keys(1)[0]! }),
      rules.removalKey.id,
    ],
  ]
  for (const [name, extensions, rule] of changes) {
    expect([name, await brokenRule(Circle.create(world, "alice", extensions))]).toEqual([name, rule])
  }
  expect(contents(world.store)).toBe("")
})

test("a change of roles that was accepted can be repeated, by its sender alone and also as a member", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  const request = circle.changingRoles("alice", ["bob"])
  await circle.submit(request)
  const after = contents(world.store)
  await world.restart()
  await circle.submit(request)
  expect(contents(world.store)).toBe(after)
  expect(["alice", "bob", "carol"].map((name) => world.take(name).length)).toEqual([0, 1, 1])
  const other = { ...request, signer: circle.person("carol").byLeaf }
  expect(await brokenRule(circle.submit(other))).toBe("ds.wrong-epoch")
})

test("an admin who repeats what was accepted and is none any more learns that the group has gone on", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice", "bob", "carol")
  await circle.submit(circle.changingRoles("alice", ["alice", "bob"]))
  await circle.settle()
  const removal = circle.removing("alice", ["carol"])
  await circle.submit(removal)
  await circle.settle()
  await circle.submit(circle.changingRoles("bob", ["bob"]))
  expect(await brokenRule(circle.submit(removal))).toBe("ds.wrong-epoch")
})

test("whoever joins a group of one from outside is a member there, and its admin when the creator has left", async () => {
  await using world = await World.start()
  const circle = await Circle.of(world, "alice")
  await circle.joining("bob")
  await circle.settle()
  expect(circle.admins).toEqual(["alice"])
  expect(await brokenRule(circle.submit(circle.adding("bob", ["carol"])))).toBe(rules.admin.id)
  await circle.submit(circle.leaving("alice"))
  await circle.settle()
  await circle.submit(circle.updating("bob"))
  await circle.settle()
  expect(circle.admins).toEqual(["bob"])
})

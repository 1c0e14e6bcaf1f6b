import { expect, test } from "bun:test"
import fc from "fast-check"
import type * as mls from "ts-mls"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { type OperationRule, operationRules } from "../../src/ds/operation-rules.ts"
import { decodeExtensions, encodeExtensions, encodeExternalPub, rules } from "../../src/mls/index.ts"
import { concat, equal } from "../../src/wire/bytes.ts"
import type { TsMember } from "../mls/ts-member.ts"
import {
  add,
  adding,
  byLeaf,
  createGroup,
  creation,
  handshake,
  longLivedClient,
  newClient,
  removing,
  updating,
} from "./group.ts"
import { contents } from "./rows.ts"
import { brokenRule, refusalOf, World } from "./world.ts"

async function two(world: World) {
  const { member: alice, group } = await createGroup(world, "alice")
  const [bob] = (await add(world, group, alice, [await newClient(world, "bob")])) as [TsMember]
  return { alice, bob, group }
}

test("a commit that is not one valid commit of this epoch is refused with the rule it breaks", async () => {
  await using world = await World.start()
  const { alice, group } = await two(world)
  const other = await two(world)
  const update = await updating(group, alice)
  const { commit } = update.params
  const privately = await alice.commit({ asPrivateMessage: true })
  const cases: [string, Uint8Array][] = [
    ["of another group", (await updating(other.group, other.alice)).params.commit],
    ["as PrivateMessage", privately.commit],
    ["an application message", await alice.encrypt("hello")],
    ["a proposal", await alice.propose({ proposalType: "remove", remove: { removed: 1 } })],
    ["a KeyPackage", concat(Uint8Array.of(0, 1, 0, 5), (await newClient(world, "carol")).keyPackage)],
    ["truncated", commit.subarray(0, -1)],
    ["with trailing bytes", concat(commit, Uint8Array.of(0))],
    ["of another version", concat(Uint8Array.of(0, 2), commit.subarray(2))],
    ["empty", new Uint8Array(1)],
  ]
  const before = contents(world.store)
  for (const [name, bytes] of cases) {
    const call = world.call("updateClient", byLeaf(alice), { ...update.params, commit: bytes })
    const { code, rule } = await refusalOf(call)
    expect([name, code]).toEqual([name, "ds.invalid-message"])
    expect([name, rule]).toEqual([name, expect.stringMatching(/^DS-VAL-[0-9]{3}$/)])
  }
  expect(contents(world.store)).toBe(before)
  await world.call("updateClient", byLeaf(alice), update.params)
})

test("a KeyPackage that lives too long, and a ReInit to a suite that the server does not have, are refused", async () => {
  await using world = await World.start()
  const { alice, group } = await two(world)
  const before = contents(world.store)
  const carol = await longLivedClient(world, "carol")
  const added = await adding(group, alice, [carol])
  const groupId = nativeCrypto.random(16)
  const reinitialized = async (cipherSuite: mls.CiphersuiteName) => {
    const reinit: mls.Reinit = { groupId, version: "mls10", cipherSuite, extensions: [] }
    return handshake(group, await alice.commit({ proposals: [{ proposalType: "reinit", reinit }] }))
  }
  const unknown = await reinitialized("MLS_256_XWING_AES256GCM_SHA512_Ed25519")
  const known = await reinitialized("MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519")
  const created = await creation(world, "carol", carol)
  const refusals = [
    await refusalOf(world.call("addUsers", byLeaf(alice), added.params)),
    await refusalOf(world.call("createGroup", byLeaf(created.member), created.params)),
    await refusalOf(world.call("updateClient", byLeaf(alice), unknown)),
    await refusalOf(world.call("updateClient", byLeaf(alice), known)),
  ]
  expect(refusals.map(({ code, rule }) => [code, rule])).toEqual([
    ["ds.invalid-message", rules.leafLifetimeTooLong.id],
    ["ds.invalid-message", rules.leafLifetimeTooLong.id],
    ["ds.invalid-message", rules.reInitSuite.id],
    ["ds.not-allowed", operationRules.onlyUpdate.id],
  ])
  expect(contents(world.store)).toBe(before)
})

test("a commit without a GroupInfo that others could join by is refused", async () => {
  await using world = await World.start()
  const { alice, bob, group } = await two(world)
  const { pending, params } = await updating(group, alice)
  const { extensions, signature } = pending.groupInfo
  const [externalPub] = decodeExtensions(extensions)
  if (externalPub === undefined) throw new Error("no external_pub")
  const raw = { type: externalPub.type, data: externalPub.data.subarray(1) }
  const withTree = [externalPub, { type: 2, data: await alice.ratchetTree() }]
  const cases: [string, object][] = [
    ["another's signature", { signature: (await bob.groupInfoUpdate()).signature }],
    ["the last epoch's", await alice.groupInfoUpdate()],
    ["a broken signature", { signature: signature.map((byte, i) => (i === 5 ? byte ^ 1 : byte)) }],
    ["another external key", { extensions: encodeExtensions([encodeExternalPub(nativeCrypto.random(32))]) }],
    ["no external key", { extensions: encodeExtensions([]) }],
    ["a raw external key", { extensions: encodeExtensions([raw]) }],
    ["a tree", { extensions: encodeExtensions(withTree) }],
    ["two external keys", { extensions: encodeExtensions([externalPub, externalPub]) }],
    ["no extensions at all", { extensions: Uint8Array.of(1) }],
  ]
  const before = contents(world.store)
  for (const [name, change] of cases) {
    const groupInfo = { ...pending.groupInfo, ...change }
    const refusal = await refusalOf(world.call("updateClient", byLeaf(alice), { ...params, groupInfo }))
    expect([name, refusal.code]).toEqual([name, "ds.invalid-message"])
  }
  expect(contents(world.store)).toBe(before)
})

test("a message that is not application data of this group and epoch is refused", async () => {
  await using world = await World.start()
  const { alice, bob, group } = await two(world)
  const other = await two(world)
  const stale = await alice.encrypt("from the last epoch")
  const update = await updating(group, alice)
  await world.call("updateClient", byLeaf(alice), update.params)
  update.pending.accept()
  await bob.process(update.pending.commit)
  world.take("bob")
  const message = await alice.encrypt("hello")
  const cases: [string, Uint8Array, string][] = [
    ["of another group", await other.alice.encrypt("hello"), "ds.invalid-message"],
    ["of another epoch", stale, "ds.wrong-epoch"],
    ["a public commit", (await updating(group, alice)).params.commit, "ds.invalid-message"],
    ["a private commit", (await alice.commit({ asPrivateMessage: true })).commit, "ds.invalid-message"],
    ["truncated", message.subarray(0, -1), "ds.invalid-message"],
    ["with trailing bytes", concat(message, Uint8Array.of(7)), "ds.invalid-message"],
  ]
  const before = contents(world.store)
  for (const [name, bytes, code] of cases) {
    const refusal = await refusalOf(world.call("sendMessage", byLeaf(alice), { ...group, message: bytes }))
    expect([name, refusal.code]).toEqual([name, code])
  }
  expect(contents(world.store)).toBe(before)
  expect(world.take("bob")).toEqual([])
})

test("a group that is not a valid group of one is not created", async () => {
  await using world = await World.start()
  const { member: alice, params, group } = await creation(world, "alice")
  const other = await creation(world, "other")
  const invalid = {
    "another's tree": { ratchetTree: other.params.ratchetTree },
    "a truncated tree": { ratchetTree: params.ratchetTree.subarray(0, -1) },
    "a truncated GroupInfo": { groupInfo: params.groupInfo.subarray(0, -1) },
    "a GroupInfo with trailing bytes": { groupInfo: concat(params.groupInfo, Uint8Array.of(0)) },
    "a signature that does not verify": {
      groupInfo: params.groupInfo.map((byte, i, all) => (i === all.length - 9 ? byte ^ 1 : byte)),
    },
  }
  for (const [name, change] of Object.entries(invalid)) {
    const refusal = await refusalOf(world.call("createGroup", byLeaf(alice), { ...params, ...change }))
    expect([name, refusal.code]).toEqual([name, "ds.invalid-message"])
  }
  const update = await alice.commit()
  update.accept()
  const older = { groupInfo: await alice.groupInfo(), ratchetTree: await alice.ratchetTree() }
  const { pending } = await adding(group, alice, [await newClient(world, "bob")])
  pending.accept()
  const grown = { groupInfo: await alice.groupInfo(), ratchetTree: await alice.ratchetTree() }
  const elsewhere = { ...other.params, groupId: params.groupId }
  const queueConfig = world.queueConfig("alice", "other.org")
  const create = (by: TsMember, change: object) => () =>
    world.call("createGroup", byLeaf(by), { ...params, ...change })
  const notAllowed: [string, () => Promise<unknown>, OperationRule][] = [
    ["a foreign queue", create(alice, { queueConfig }), operationRules.ownQueue],
    ["a group of a later epoch", create(alice, older), operationRules.firstEpoch],
    ["a group of two", create(alice, grown), operationRules.firstEpoch],
    ["another id", create(other.member, elsewhere), operationRules.firstEpoch],
  ]
  for (const [name, call, rule] of notAllowed) {
    expect([name, await brokenRule(call())]).toEqual([name, rule.id])
  }
  expect(contents(world.store)).toBe("")
})

/** Version, wire format, group id, epoch and content type: what of a PrivateMessage is there for everybody to read. */
const PRIVATE_HEADER_BYTES = 30
/** A membership tag with its length, which only members can check. */
const MEMBERSHIP_TAG_BYTES = 33

test("whatever is damaged of what can be checked, the refusal is typed and nothing changes", async () => {
  await using world = await World.start()
  const { alice, group } = await two(world)
  const carol = await newClient(world, "carol")
  const originals = {
    addUsers: (await adding(group, alice, [carol])).params,
    removeUsers: (await removing(group, alice, [1])).params,
    updateClient: (await updating(group, alice)).params,
    sendMessage: { ...group, message: await alice.encrypt("hello") },
  }
  const before = contents(world.store)
  const damage = fc.record({
    name: fc.constantFrom(...(Object.keys(originals) as (keyof typeof originals)[])),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
    how: fc.constantFrom("replace", "insert", "cut"),
  })
  await fc.assert(
    fc.asyncProperty(damage, async ({ name, at, bytes, how }) => {
      const params = originals[name]
      const isCommit = "commit" in params
      const original = isCommit ? params.commit : params.message
      const checked = isCommit ? original.length - MEMBERSHIP_TAG_BYTES : PRIVATE_HEADER_BYTES
      const from = Math.floor(at * checked)
      const rest = original.subarray(how === "insert" ? from : from + bytes.length)
      const damaged = concat(original.subarray(0, from), how === "cut" ? new Uint8Array(0) : bytes, rest)
      fc.pre(!equal(damaged.subarray(0, checked), original.subarray(0, checked)))
      const change = isCommit ? { commit: damaged } : { message: damaged }
      const call = world.call(name, byLeaf(alice), { ...params, ...change } as never)
      expect(["ds.invalid-message", "ds.wrong-epoch"]).toContain((await refusalOf(call)).code)
    }),
    { numRuns: 200 },
  )
  expect(contents(world.store)).toBe(before)
  expect(world.take("bob")).toEqual([])
})

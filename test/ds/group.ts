import { nativeCrypto } from "../../src/crypto/native.ts"
import { KEY_PACKAGE_SECONDS_MAX } from "../../src/limits.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { encodeWith } from "../../src/wire/tls.ts"
import { type Candidate, candidate, Member, type Pending } from "./member.ts"
import type { Signer, World } from "./world.ts"

/** A group as its members see it, with the requests they make. */
export interface Group {
  readonly groupId: Uint8Array
  readonly earKey: Uint8Array
}

/** What the tests use for an encrypted credential. */
export function sealedName(name: string): Uint8Array {
  return utf8(`encrypted credential of ${name}`)
}

export function addUsersData(names: readonly string[]): Uint8Array {
  return encodeWith(names, (writer, list) => writer.vector(list, (w, name) => w.opaque(sealedName(name))))
}

export function updateClientData(name: string | undefined): Uint8Array {
  return encodeWith(name, (writer, value) => writer.optional(value, (w, text) => w.opaque(sealedName(text))))
}

export function joinData(name: string): Uint8Array {
  return encodeWith(name, (writer, value) => writer.opaque(sealedName(value)))
}

export function byLeaf(member: Member): Signer {
  return { sender: { kind: "leaf", leaf: member.leaf }, seed: member.seed }
}

export function byKeyPackage(who: Candidate): Signer {
  return { sender: { kind: "kpref", id: who.ref }, seed: who.seed }
}

export async function newClient(
  world: World,
  name: string,
  queueConfig: Uint8Array | undefined = world.queueConfig(name),
): Promise<Candidate> {
  return candidate(name, queueConfig, world.lifetime)
}

/** A client whose KeyPackage does not say where its messages go. */
export async function unreachableClient(world: World, name: string): Promise<Candidate> {
  return candidate(name, world.queueConfig(name), world.lifetime, [])
}

/** A client whose KeyPackage lives one second longer than the server accepts. */
export async function longLivedClient(world: World, name: string): Promise<Candidate> {
  const { notBefore } = world.lifetime
  const notAfter = notBefore + BigInt(KEY_PACKAGE_SECONDS_MAX + 1)
  return candidate(name, world.queueConfig(name), { notBefore, notAfter })
}

export async function creation(world: World, name: string, by?: Candidate) {
  const who = by ?? (await newClient(world, name))
  const { groupId } = await world.ask("requestGroupId", {})
  const member = await Member.create(groupId.slice(), who)
  const group: Group = { groupId: groupId.slice(), earKey: nativeCrypto.random(32) }
  const params = {
    ...group,
    groupInfo: await member.groupInfo(),
    ratchetTree: await member.ratchetTree(),
    encryptedCredential: sealedName(name),
    queueConfig: who.queueConfig,
  }
  return { member, group, params, who }
}

export async function createGroup(world: World, name: string): Promise<{ member: Member; group: Group }> {
  const { member, group, params } = await creation(world, name)
  await world.call("createGroup", byLeaf(member), params)
  return { member, group }
}

export function handshake(group: Group, pending: Pick<Pending, "commit" | "groupInfo">) {
  return { ...group, commit: pending.commit, groupInfo: pending.groupInfo }
}

/** The request that adds clients, not sent. */
export async function adding(group: Group, by: Member, who: readonly Candidate[]) {
  const authenticatedData = addUsersData(who.map(({ name }) => name))
  const pending = await by.commit({ add: who, authenticatedData })
  const attributions = who.map(({ name }) => utf8(`attribution for ${name}`))
  return { pending, params: { ...handshake(group, pending), welcome: pending.welcome, attributions } }
}

/** Adds clients and lets them join; `others` are the members who process the commit. */
export async function add(
  world: World,
  group: Group,
  by: Member,
  who: readonly Candidate[],
  others: readonly Member[] = [],
): Promise<Member[]> {
  const { pending, params } = await adding(group, by, who)
  await world.call("addUsers", byLeaf(by), params)
  pending.accept()
  for (const other of others) await other.process(pending.commit)
  return Promise.all(who.map((joiner) => join(world, group, joiner, Number(by.epoch))))
}

/** Joins by the Welcome in the client's queue. */
export async function join(world: World, group: Group, who: Candidate, epoch: number): Promise<Member> {
  const welcome = world.take(who.name).find(({ type }) => type === "welcome")
  if (welcome?.type !== "welcome") throw new Error("no Welcome arrived")
  const { ratchetTree } = await world.call("welcomeInfo", byKeyPackage(who), { ...group, epoch })
  return Member.joinByWelcome(who, welcome.bundle.welcome, ratchetTree)
}

export async function removing(group: Group, by: Member, leaves: readonly number[]) {
  const pending = await by.commit({ remove: leaves })
  return { pending, params: handshake(group, pending) }
}

export async function updating(group: Group, by: Member, credentialOf?: string) {
  const pending = await by.commit({ authenticatedData: updateClientData(credentialOf) })
  return { pending, params: handshake(group, pending) }
}

import { nativeCrypto } from "../../src/crypto/native.ts"
import { makeContextExtensions } from "../../src/group/context-extensions.ts"
import { KEY_PACKAGE_SECONDS_MAX } from "../../src/limits.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { QUEUE_CONFIG_EXTENSION_TYPE } from "../../src/wire/queue-config.ts"
import { encodeWith } from "../../src/wire/tls.ts"
import type { Candidate, Participant, Pending } from "../mls/participant.ts"
import { TsCandidate, type TsMember } from "../mls/ts-member.ts"
import type { Signer, World } from "./world.ts"

/** A client with a queue. */
export type Client = TsCandidate & { readonly queueConfig: Uint8Array }

/** A group as its members see it, with the requests they make. */
export interface Group {
  readonly groupId: Uint8Array
  readonly earKey: Uint8Array
}

/** The GroupContext's extensions of a new group, whose creator is the admin. */
export function firstExtensions({ seed }: { readonly seed: Uint8Array }, removalKey: Uint8Array) {
  return makeContextExtensions({ admins: [nativeCrypto.ed25519Public(seed)], removalKey })
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

export function byLeaf(member: Participant): Signer {
  return { sender: { kind: "leaf", leaf: member.leaf }, seed: member.seed }
}

export function byKeyPackage(who: Candidate): Signer {
  return { sender: { kind: "kpref", id: who.ref }, seed: who.seed }
}

export async function newClient(
  world: World,
  name: string,
  queueConfig: Uint8Array | undefined = world.queueConfig(name),
  lifetime = world.lifetime,
): Promise<Client> {
  const extensions = [{ type: QUEUE_CONFIG_EXTENSION_TYPE, data: queueConfig }]
  return Object.assign(await TsCandidate.make(name, lifetime, extensions), { queueConfig })
}

/** A client whose KeyPackage does not say where its messages go. */
export async function unreachableClient(world: World, name: string): Promise<TsCandidate> {
  return TsCandidate.make(name, world.lifetime)
}

/** A client whose KeyPackage lives one second longer than the server accepts. */
export async function longLivedClient(world: World, name: string): Promise<Client> {
  const { notBefore } = world.lifetime
  const notAfter = notBefore + BigInt(KEY_PACKAGE_SECONDS_MAX + 1)
  return newClient(world, name, undefined, { notBefore, notAfter })
}

export async function creation(world: World, name: string, by?: Client) {
  const who = by ?? (await newClient(world, name))
  const { groupId, removalKey } = await world.ask("requestGroupId", {})
  const member = await who.create(groupId.slice(), firstExtensions(who, removalKey))
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

export async function createGroup(world: World, name: string): Promise<{ member: TsMember; group: Group }> {
  const { member, group, params } = await creation(world, name)
  await world.call("createGroup", byLeaf(member), params)
  return { member, group }
}

export function handshake(group: Group, pending: Pick<Pending, "commit" | "groupInfo">) {
  return { ...group, commit: pending.commit, groupInfo: pending.groupInfo }
}

/** The request that adds clients, not sent. */
export async function adding(group: Group, by: Participant, who: readonly Candidate[]) {
  const authenticatedData = addUsersData(who.map(({ name }) => name))
  const pending = await by.commit({ add: who.map(({ keyPackage }) => keyPackage), authenticatedData })
  if (pending.welcome === undefined) throw new Error("no Welcome")
  const attributions = who.map(({ name }) => utf8(`attribution for ${name}`))
  return { pending, params: { ...handshake(group, pending), welcome: pending.welcome, attributions } }
}

/** Adds clients and lets them join; `others` are the members who process the commit. */
export async function add(
  world: World,
  group: Group,
  by: TsMember,
  who: readonly Client[],
  others: readonly TsMember[] = [],
): Promise<TsMember[]> {
  const { pending, params } = await adding(group, by, who)
  await world.call("addUsers", byLeaf(by), params)
  pending.accept()
  for (const other of others) await other.process(pending.commit)
  return Promise.all(who.map((joiner) => join(world, group, joiner, Number(by.epoch))))
}

/** Joins by the Welcome in the client's queue. */
export async function join(world: World, group: Group, who: Client, epoch: number): Promise<TsMember> {
  const welcome = world.take(who.name).find(({ type }) => type === "welcome")
  if (welcome?.type !== "welcome") throw new Error("no Welcome arrived")
  const { ratchetTree } = await world.call("welcomeInfo", byKeyPackage(who), { ...group, epoch })
  return who.join(welcome.bundle.welcome, ratchetTree)
}

export async function removing(group: Group, by: Participant, leaves: readonly number[]) {
  const pending = await by.commit({ remove: leaves })
  return { pending, params: handshake(group, pending) }
}

export async function updating(group: Group, by: Participant, credentialOf?: string) {
  const pending = await by.commit({ authenticatedData: updateClientData(credentialOf) })
  return { pending, params: handshake(group, pending) }
}

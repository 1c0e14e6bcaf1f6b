import { afterEach, expect, test } from "bun:test"
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { seal } from "../../src/crypto/hpke.ts"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { signLabeled } from "../../src/crypto/signature.ts"
import { PUSH_DELAY_MILLISECONDS_MAX } from "../../src/limits.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { encodeBody } from "../../src/wire/cbor.ts"
import { ds } from "../../src/wire/ds.ts"
import type { Endpoint, Params, Result } from "../../src/wire/endpoint.ts"
import { sealPushToken } from "../../src/wire/push-token.ts"
import { qs } from "../../src/wire/qs.ts"
import {
  encodeClientQueueConfig,
  encodeQueueConfig,
  QUEUE_CONFIG_EXTENSION_TYPE,
  queueConfigTbs,
} from "../../src/wire/queue-config.ts"
import { type ServerProcess, serveIn, temporaryDirectory } from "../cli/process.ts"
import { adding, byLeaf, type Client, firstExtensions, sealedName } from "../ds/group.ts"
import type { Signer } from "../ds/world.ts"
import { post, resultOf, signedBody } from "../http/fixture.ts"
import { TsCandidate } from "../mls/ts-member.ts"
import { testCertificate } from "../outgoing/certificate.ts"
import { Receiver } from "../outgoing/receiver.ts"

const DOMAIN = "example.org"
const directory = temporaryDirectory()
const data = join(directory, "data")

afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** A server process that trusts the receiver's certificate. */
async function start(...flags: readonly string[]): Promise<ServerProcess> {
  const certificates = join(directory, "certificates.pem")
  writeFileSync(certificates, testCertificate)
  return await serveIn({ NODE_EXTRA_CA_CERTS: certificates }, data, ...flags)
}

async function ask<E extends Endpoint>(
  url: string,
  endpoint: E,
  params: Params<E>,
  signer?: Signer,
): Promise<Result<E>> {
  const { path } = endpoint
  const body = () => (signer === undefined ? encodeBody(params) : signedBody(params, { path, ...signer }))
  let answer = await post(url, path, body())
  // The server refuses what was signed in the second in which it started.
  for (let i = 0; i < 3 && answer.code === "auth.stale"; i++) answer = await post(url, path, body())
  expect(answer.code).toBe("ok")
  return resultOf(answer) as Result<E>
}

interface Device {
  readonly asClient: Signer
  readonly queueConfig: Uint8Array
  readonly keys: { readonly clientAuthKey: Uint8Array; readonly queueKey: Uint8Array }
  readonly pushTokenKey: Uint8Array
}

async function makeDevice(url: string): Promise<Device> {
  const seed = crypto.random(32)
  const keys = {
    clientAuthKey: crypto.ed25519Public(seed),
    queueKey: crypto.x25519Public(crypto.random(32)),
  }
  const user = {
    userAuthKey: crypto.ed25519Public(crypto.random(32)),
    friendshipTokenHash: crypto.random(32),
  }
  const { configKey } = await ask(url, qs.publicKeys, {})
  const { client } = await ask(url, qs.createUser, { ...user, ...keys })
  const pushTokenKey = crypto.random(32)
  const plaintext = encodeQueueConfig({ client, pushTokenKey })
  const sealed = seal(crypto, configKey, labels.queueConfig, utf8(DOMAIN), plaintext)
  const tbs = queueConfigTbs({ domain: DOMAIN, sealed })
  const signature = signLabeled(crypto, seed, labels.queueConfigSignature, tbs)
  const queueConfig = encodeClientQueueConfig({ domain: DOMAIN, sealed, signature })
  return { asClient: { sender: { kind: "qs-client", id: client }, seed }, queueConfig, keys, pushTokenKey }
}

async function subscribe(url: string, { asClient, keys, pushTokenKey }: Device, to: string): Promise<void> {
  const pushToken = sealPushToken(crypto, pushTokenKey, utf8(to))
  await ask(url, qs.updateClient, { ...keys, pushToken }, asClient)
}

async function candidateOf(name: string, { queueConfig }: Device): Promise<Client> {
  const now = BigInt(Math.floor(Date.now() / 1000))
  const lifetime = { notBefore: now - 3600n, notAfter: now + 86_400n }
  const extensions = [{ type: QUEUE_CONFIG_EXTENSION_TYPE, data: queueConfig }]
  return Object.assign(await TsCandidate.make(name, lifetime, extensions), { queueConfig })
}

/** A group of two, of which the second learns of it from its queue alone. */
async function makeGroup(url: string, devices: readonly [Device, Device]) {
  const [first, second] = [await candidateOf("first", devices[0]), await candidateOf("second", devices[1])]
  const { groupId, removalKey } = await ask(url, ds.requestGroupId, {})
  const member = await first.create(groupId, firstExtensions(first, removalKey))
  const group = { groupId, earKey: crypto.random(32) }
  const creation = {
    ...group,
    groupInfo: await member.groupInfo(),
    ratchetTree: await member.ratchetTree(),
    encryptedCredential: sealedName("first"),
    queueConfig: first.queueConfig,
  }
  await ask(url, ds.createGroup, creation, byLeaf(member))
  const { params, pending } = await adding(group, member, [second])
  await ask(url, ds.addUsers, params, byLeaf(member))
  pending.accept()
  return async (at: string, text: string) => {
    const message = await member.encrypt(text)
    await ask(at, ds.sendMessage, { ...group, message }, byLeaf(member))
  }
}

test("a message in a group wakes the member who is away, by a push service that the files do not name; nothing is logged", async () => {
  await using receiver = await Receiver.start()
  const path = "/send/the-name-of-the-device-0123456789"
  let server = await start("--rate-limit", "off", "--push-private-addresses", "on")
  const devices = [await makeDevice(server.url), await makeDevice(server.url)] as const
  await subscribe(server.url, devices[1], receiver.url(path))
  const say = await makeGroup(server.url, devices)
  await receiver.until(1)
  expect(receiver.received[0]?.path).toBe(path)

  const ended = [await server.end("SIGKILL")]
  for (const name of readdirSync(data)) {
    const bytes = readFileSync(join(data, name))
    for (const secret of [utf8(path), utf8("localhost"), devices[1].pushTokenKey])
      expect(bytes.includes(secret)).toBe(false)
  }

  server = await start("--rate-limit", "off")
  await say(server.url, "nobody is woken on this machine without the operator's leave")
  await Bun.sleep(PUSH_DELAY_MILLISECONDS_MAX + 500)
  expect(receiver.received).toHaveLength(1)
  ended.push(await server.end("SIGTERM"))
  for (const { stdout, stderr } of ended) {
    expect(stderr).toBe("cinder: rate-limit is off: strangers can use up what this server offers\n")
    expect(stdout).not.toContain("localhost")
    expect(stdout.trim().split("\n").at(-1)).toStartWith("listening on ")
  }
}, 60_000)

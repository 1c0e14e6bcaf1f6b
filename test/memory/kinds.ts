import { expect } from "bun:test"
import { join } from "node:path"
import type { Static } from "@sinclair/typebox"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { CLIENT_ID_BYTES, INVITATION_BYTES } from "../../src/limits.ts"
import { as } from "../../src/wire/as.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { sealPushToken } from "../../src/wire/push-token.ts"
import { qs } from "../../src/wire/qs.ts"
import type { ChainCursor } from "../../src/wire/queue.ts"
import { Circle, type Request } from "../ds/circle.ts"
import { DOMAIN, type RemoteWorld } from "./remote-world.ts"
import { type Secret, secretsOfGroup } from "./secrets.ts"
import type { WatchedServer } from "./server.ts"

/** A request that is ready to be sent, and what the server must not keep of it. */
export interface Ready {
  send(): Promise<void>
  /** To be asked after the request. */
  secrets(): Secret[]
}

export interface Scene {
  readonly server: WatchedServer
  readonly world: RemoteWorld
  /** Names for clients that nobody else has. */
  name(): string
}

type Prepare = (scene: Scene) => Promise<Ready>

/** A group with two guests, and the request that one makes of it. */
function inGroup(
  make: (circle: Circle, names: readonly string[], scene: Scene) => Promise<Request> | Request,
): Prepare {
  return async (scene) => {
    const names = await people(scene, 3)
    const [host = "", ...guests] = names
    const circle = await Circle.of(scene.world, host, ...guests)
    const request = await make(circle, names, scene)
    return ofGroup(scene, circle, () => circle.submit(request))
  }
}

async function people(scene: Scene, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, scene.name)
  for (const name of names) await scene.world.register(name)
  return names
}

function ofGroup({ server }: Scene, { group }: Pick<Circle, "group">, send: () => Promise<unknown>): Ready {
  const data = join(server.directory, "data")
  const before = secretsOfGroup(data, group)
  return {
    async send() {
      await send()
    },
    secrets: () => [{ name: "EAR key", bytes: group.earKey }, ...before, ...secretsOfGroup(data, group)],
  }
}

/** By operation, the stream among them: each that carries a key, and how one such request is made. */
export const kinds: Readonly<Record<string, Prepare>> = {
  "ds.create-group": async (scene) => {
    const [name = ""] = await people(scene, 1)
    let circle: Circle | undefined
    const send = async () => {
      circle = await Circle.of(scene.world, name)
    }
    const made = () => {
      if (circle === undefined) throw new Error("not sent")
      return circle
    }
    return { send, secrets: () => ofGroup(scene, made(), send).secrets() }
  },
  "ds.update-queue-config": async (scene) => {
    const [name = ""] = await people(scene, 1)
    const circle = await Circle.of(scene.world, name)
    const pushTokenKey = crypto.random(32)
    const request = circle.changingQueue(name, scene.world.queueConfig(name, DOMAIN, pushTokenKey))
    const ready = ofGroup(scene, circle, () => circle.submit(request))
    return { ...ready, secrets: () => [{ name: "push token key", bytes: pushTokenKey }, ...ready.secrets()] }
  },
  "ds.external-commit-info": async (scene) => {
    const circle = await Circle.of(scene.world, ...((await people(scene, 1)) as [string]))
    return ofGroup(scene, circle, () => scene.world.ask("externalCommitInfo", circle.group))
  },
  "ds.join-connection-group": async (scene) => {
    const [host = "", guest = ""] = await people(scene, 2)
    const circle = await Circle.of(scene.world, host)
    return ofGroup(scene, circle, () => circle.joining(guest))
  },
  "ds.welcome-info": async (scene) => {
    const [host = "", guest = ""] = await people(scene, 2)
    const circle = await Circle.of(scene.world, host)
    await circle.submit(circle.adding(host, [guest]))
    return ofGroup(scene, circle, () => circle.settle())
  },
  "ds.add-users": async (scene) => {
    const [host = "", ...guests] = await people(scene, 3)
    const circle = await Circle.of(scene.world, host)
    const request = circle.adding(host, guests)
    return ofGroup(scene, circle, () => circle.submit(request))
  },
  "ds.remove-users": inGroup((circle, [host = "", guest = ""]) => circle.removing(host, [guest])),
  "ds.update-client": inGroup((circle, [, guest = ""]) => circle.updating(guest)),
  "ds.change-roles": inGroup((circle, [host = "", guest = ""]) => circle.changingRoles(host, [host, guest])),
  "ds.resync": inGroup((circle, [, guest = ""]) => circle.resyncing(guest)),
  "ds.self-remove": inGroup((circle, [, guest = ""]) => circle.leaving(guest)),
  "ds.delete-group": inGroup((circle, [host = ""]) => circle.deleting(host)),
  "ds.send-message": inGroup((circle, [host = ""]) => circle.sending(host, "hello")),
  "qs.claim-add-packages": async ({ world }) => {
    const friendshipToken = crypto.random(32)
    const send = () => refused(world.unsigned(qs.claimAddPackages, { friendshipToken }))
    return { send, secrets: () => [{ name: "friendship token", bytes: friendshipToken }] }
  },
  "qs.create-client": async ({ world, name }) => {
    const user = await world.register(name())
    return pushToken((pushToken) => world.addClient(user, pushToken))
  },
  "qs.update-client": async ({ world, name }) => {
    const owner = await world.register(name())
    return pushToken((pushToken) => world.updateClient(owner, pushToken))
  },
  "qs.dequeue": async ({ world, name }) => {
    const owner = await world.register(name())
    return addressKey(async (read) => {
      await world.byOwner(qs.dequeue, owner, { ...nothing, read })
    })
  },
  "qs.stream": async ({ world, name }) => {
    const owner = await world.register(name())
    return addressKey((chains) => world.stream(owner, chains))
  },
  "as.dequeue": async ({ world }) => {
    const sender = { kind: "client", id: crypto.random(CLIENT_ID_BYTES) } as const
    const signer = { sender, seed: crypto.random(32) }
    return addressKey((read) => refused(world.signed(as.dequeue, signer, { ...nothing, read })))
  },
  "as.dequeue-alias": async ({ world }) => {
    const signer = { sender: { kind: "alias", id: crypto.random(32) }, seed: crypto.random(32) } as const
    return addressKey((read) => refused(world.signed(as.dequeueAlias, signer, { ...nothing, read })))
  },
  "as.init-registration": async ({ world }) => {
    const invitation = crypto.random(INVITATION_BYTES)
    const params = { csr: crypto.random(200), opaqueRequest: crypto.random(32), invitation }
    const send = () => refused(world.unsigned(as.initRegistration, params))
    return { send, secrets: () => [{ name: "invitation", bytes: invitation }] }
  },
}

const nothing = { acknowledge: [], usedUp: [], read: [], max: 1 }

/** A chain that the server does not have: what it is asked for with is of this request alone. */
function addressKey(send: (chains: Static<typeof ChainCursor>[]) => Promise<void>): Ready {
  const address = crypto.random(32)
  const cursor = { chain: crypto.random(16), address, month: 80, next: 0 }
  return { send: () => send([cursor]), secrets: () => [{ name: "address key", bytes: address }] }
}

/** What the server refuses brought it a key all the same. */
async function refused(request: Promise<unknown>): Promise<void> {
  await expect(request).rejects.toThrow(/^(as|qs|auth|request)/)
}

function pushToken(send: (sealed: Uint8Array) => Promise<void>): Ready {
  const key = crypto.random(32)
  const sealed = sealPushToken(crypto, key, utf8("https://push.example.org/somewhere"))
  return { send: () => send(sealed), secrets: () => [{ name: "push token", bytes: sealed }] }
}

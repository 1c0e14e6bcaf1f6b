import { createPublicKey, verify } from "node:crypto"
import { utf8 } from "../../src/wire/bytes.ts"
import { sealPushToken } from "../../src/wire/push-token.ts"
import { testCertificate } from "../outgoing/certificate.ts"
import { type Received, Receiver } from "../outgoing/receiver.ts"
import { deliverTo, messageOf, registered } from "./delivery.ts"
import { crypto, type Member, World } from "./world.ts"

/** A QS whose pushes may go to a receiver on this machine. */
export async function pushWorld(): Promise<World> {
  const world = await World.open()
  world.outgoing = { allowPrivate: true, certificates: testCertificate }
  world.restart()
  return world
}

/** A client that has subscribed to a URL. */
export async function subscribed(world: World, url: string): Promise<Member> {
  const member = await registered(world)
  member.pushTokenKey = crypto.random(32)
  await subscribe(world, member, url)
  return member
}

export async function subscribe(world: World, member: Member, url: string): Promise<void> {
  const pushToken = sealPushToken(crypto, member.pushTokenKey!, utf8(url))
  await world.qs.handlers.updateClient(member.signed({ ...member.clientParams(), pushToken }))
}

export async function say(world: World, member: Member): Promise<void> {
  await deliverTo(world, member, messageOf(crypto.random(16)))
}

export async function hasPushToken(world: World, member: Member): Promise<boolean> {
  return (await world.qs.handlers.getClient(member.signed({}))).hasPushToken
}

/** Longer than any push of a test's world takes to be sent, or to be sent again. */
export async function pause(): Promise<void> {
  await Bun.sleep(150)
}

/** What a push service checks (RFC 8292 section 4.2), with Node's cryptography and not with ours. */
export function verifyStatement({ headers }: Received, publicKey: Uint8Array) {
  const match = /^vapid t=([\w-]+\.[\w-]+)\.([\w-]+), k=([\w-]+)$/.exec(`${headers["authorization"]}`)
  const [, signed = "", signature = "", key = ""] = match ?? []
  const point = Buffer.from(key, "base64url")
  if (!point.equals(publicKey)) throw new Error("another key than the published one")
  const jwk = {
    kty: "EC",
    crv: "P-256",
    x: point.subarray(1, 33).toString("base64url"),
    y: point.subarray(33).toString("base64url"),
  }
  const verifier = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" } as const
  if (!verify("sha256", Buffer.from(signed), verifier, Buffer.from(signature, "base64url")))
    throw new Error("the signature does not verify")
  const [header, claims] = signed.split(".").map((part) => JSON.parse(`${Buffer.from(part, "base64url")}`))
  return { header, claims }
}

export { Receiver }

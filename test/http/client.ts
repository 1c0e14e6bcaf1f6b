import { nativeCrypto } from "../../src/crypto/native.ts"
import { decodeBody, encodeBody } from "../../src/wire/cbor.ts"
import { qs } from "../../src/wire/qs.ts"
import { type Answer, post, signedBody } from "./fixture.ts"

/** A QS client as the server knows it, with its key. */
export interface QueueOwner {
  readonly id: Uint8Array
  readonly seed: Uint8Array
}

/** Creates a QS user with its client; undefined when the server does not answer or not with yes. */
export async function createQueueOwner(url: string): Promise<QueueOwner | undefined> {
  const { random, ed25519Public, x25519Public } = nativeCrypto
  const seed = random(32)
  const body = encodeBody({
    userAuthKey: ed25519Public(random(32)),
    friendshipTokenHash: random(32),
    clientAuthKey: ed25519Public(seed),
    queueKey: x25519Public(random(32)),
  })
  try {
    const answer = await post(url, qs.createUser.path, body)
    if (answer.code !== "ok") return undefined
    return { id: (decodeBody(answer.body) as { client: Uint8Array }).client, seed }
  } catch {
    return undefined
  }
}

/** A signed request that reads an empty queue. */
export function dequeueBody({ id, seed }: QueueOwner, issuedAt?: number): Uint8Array {
  const params = { acknowledge: [], usedUp: [], read: [], max: 1 }
  const signing = { path: qs.dequeue.path, sender: { kind: "qs-client", id }, seed } as const
  return signedBody(params, issuedAt === undefined ? signing : { ...signing, issuedAt })
}

/** Reads the queue; signs again with the server's time as long as it asks for that. */
export async function dequeue(url: string, owner: QueueOwner): Promise<Answer> {
  let answer = await post(url, qs.dequeue.path, dequeueBody(owner))
  for (let again = 0; again < 3 && answer.code === "auth.stale"; again++) {
    const issuedAt = Date.parse(answer.headers.get("date") ?? "") / 1000
    answer = await post(url, qs.dequeue.path, dequeueBody(owner, issuedAt))
  }
  return answer
}

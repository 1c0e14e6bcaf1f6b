import { expect } from "bun:test"
import type { Transport } from "../../../src/client/transport.ts"
import { OpaqueClient } from "../../../src/crypto/opaque/client.ts"
import { CONNECTION_MESSAGE_BYTES_MAX, LOGINS_PER_CLIENT_MAX } from "../../../src/limits.ts"
import { as } from "../../../src/wire/as.ts"
import { DOMAIN } from "../homeserver.ts"
import type { Neighbour } from "./neighbour.ts"
import { filled } from "./parts.ts"

/** Fills the neighbour's queues, and uses up its logins: what is refused then needs no more than one request. */
export async function exhaust(hand: Transport, neighbour: Neighbour): Promise<void> {
  const { clientId, clientSeed } = neighbour.store.account()
  const { hash: alias } = neighbour.alias
  // Large ones first; where none of these has room any more, small ones still may.
  for (const message of [filled(CONNECTION_MESSAGE_BYTES_MAX, 1), filled(1, 1)]) {
    await untilFull(() => hand.call(as.enqueue, { client: clientId, message }))
    await untilFull(() => hand.call(as.enqueueAlias, { alias, message }))
  }
  const signer = { sender: { kind: "client", id: clientId }, seed: clientSeed } as const
  for (let i = 0; i < LOGINS_PER_CLIENT_MAX; i++)
    await hand.call(as.startLogin, { ke1: ke1Of(clientId) }, signer)
}

async function untilFull(enqueue: () => Promise<unknown>): Promise<void> {
  try {
    for (;;) await enqueue()
  } catch (error) {
    expect(error).toMatchObject({ code: "queue.full" })
  }
}

/** The first message of a login with some password. */
export function ke1Of(clientId: Uint8Array): Uint8Array {
  const user = clientId.subarray(0, 16)
  return new OpaqueClient({ user, domain: DOMAIN }, "a password", "minimal").startLogin().ke1
}

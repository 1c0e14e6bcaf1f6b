import { ChainReader } from "../../src/crypto/chain.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { decodeBody } from "../../src/wire/cbor.ts"
import { STREAM_PATH } from "../../src/wire/queue.ts"
import { signedBody } from "../signed-body.ts"
import type { ChainsAnswer, Command, Cursor, QueueOwner } from "./commands.ts"

const OPENED_AT_ONCE = 50

/** Opens streams for their first frame, which has all chain starts, and tries each of them. */
export async function findChains({
  port,
  owners,
}: Extract<Command, { kind: "chains" }>): Promise<ChainsAnswer> {
  const chains: (readonly Cursor[])[] = []
  for (let at = 0; at < owners.length; at += OPENED_AT_ONCE) {
    const batch = owners.slice(at, at + OPENED_AT_ONCE)
    chains.push(...(await Promise.all(batch.map((owner) => chainsOf(port, owner)))))
  }
  return { chains }
}

async function chainsOf(port: number, { id, seed, queueSecret }: QueueOwner): Promise<readonly Cursor[]> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${STREAM_PATH}`)
  socket.binaryType = "arraybuffer"
  const frame = await new Promise<Uint8Array>((resolve, reject) => {
    socket.onclose = ({ code }) => reject(new Error(`the stream was closed with ${code}`))
    socket.onmessage = ({ data }) => resolve(new Uint8Array(data as ArrayBuffer))
    socket.onopen = () => {
      const signer = { sender: { kind: "qs-client", id }, seed } as const
      socket.send(signedBody("GET", STREAM_PATH, signer, {}) as Uint8Array<ArrayBuffer>)
    }
  })
  socket.onclose = null
  socket.close()
  const { starts } = decodeBody(frame) as { readonly starts: readonly Uint8Array[] }
  return starts.flatMap((start) => {
    const opened = ChainReader.open(crypto, queueSecret, start)
    if (opened === undefined) return []
    const { reader, month } = opened
    return [{ chain: reader.id, address: reader.address, month, next: 0 }]
  })
}

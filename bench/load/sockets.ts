import type { Command, OpenedAnswer } from "./commands.ts"

const OPENED_AT_ONCE = 100

/** Opens WebSockets that only listen. */
export async function openSockets(
  { url, count }: Extract<Command, { kind: "sockets" }>,
  into: WebSocket[],
): Promise<OpenedAnswer> {
  const began = performance.now()
  for (let at = 0; at < count; at += OPENED_AT_ONCE) {
    const batch = Array.from({ length: Math.min(OPENED_AT_ONCE, count - at) }, () => openSocket(url))
    into.push(...(await Promise.all(batch)))
  }
  return { milliseconds: performance.now() - began }
}

async function openSocket(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url)
  socket.binaryType = "arraybuffer"
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve()
    socket.onclose = ({ code }) => reject(new Error(`the socket was closed with ${code}`))
  })
  socket.onclose = null
  socket.onmessage = () => undefined
  return socket
}

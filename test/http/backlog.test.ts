import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import { serve, temporaryDirectory } from "../cli/process.ts"

/** More than the runtime lets wait by itself. */
const CROWD = 1500

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port }, () => resolve(socket))
    socket.once("error", reject)
  })
}

/** The first line of the answer to a request. */
function ask(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once("data", (data) => resolve(data.toString().split("\r\n")[0] as string))
    socket.write("GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
  })
}

test("a crowd that comes while the server is busy waits to be accepted, and nobody has to come again", async () => {
  expect(Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8"))).toBeGreaterThan(CROWD)
  const server = await serve(join(temporaryDirectory(), "data"), "--rate-limit", "off")
  process.kill(server.pid, "SIGSTOP")
  // Of those beyond the number that may wait none would be connected until the server goes on.
  const sockets = await Promise.all(Array.from({ length: CROWD }, () => connected(server.port)))
  process.kill(server.pid, "SIGCONT")
  const answers = await Promise.all(sockets.map(ask))
  expect(new Set(answers)).toEqual(new Set(["HTTP/1.1 200 OK"]))
  for (const socket of sockets) socket.destroy()
  await server.end("SIGTERM")
}, 60_000)

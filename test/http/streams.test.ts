import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { STREAM_BUFFERED_BYTES_MAX, STREAM_FRAME_BYTES_MAX } from "../../src/limits.ts"
import { decodeBody, encodeBody } from "../../src/wire/cbor.ts"
import { STREAM_PATH, streamClose } from "../../src/wire/queue.ts"
import { SECRET_IN_ERROR, signedBody, startEdge, type TestEdge, type TestStream } from "./fixture.ts"

let server: TestEdge
beforeAll(() => {
  server = startEdge()
})
afterAll(async () => await server.edge.stop())

interface Client {
  readonly socket: WebSocket
  readonly frames: unknown[]
  readonly closed: Promise<number>
}

async function connect(target = server): Promise<Client> {
  const socket = new WebSocket(`ws://127.0.0.1:${target.port}${STREAM_PATH}`)
  socket.binaryType = "arraybuffer"
  const frames: unknown[] = []
  const closed = new Promise<number>((resolve) =>
    socket.addEventListener("close", ({ code }) => resolve(code)),
  )
  socket.addEventListener("message", ({ data }) =>
    frames.push(decodeBody(new Uint8Array(data as ArrayBuffer))),
  )
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }))
  return { socket, frames, closed }
}

const init = (options: Parameters<typeof signedBody>[1] = {}) =>
  signedBody({}, { path: STREAM_PATH, method: "GET", ...options }) as Uint8Array<ArrayBuffer>
const frame = (value: unknown) => encodeBody(value) as Uint8Array<ArrayBuffer>
const usedUp = { type: "used-up", chain: new Uint8Array(16) }

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(2)
}

async function openStream(): Promise<{ client: Client; stream: TestStream }> {
  const before = server.streams.length
  const client = await connect()
  client.socket.send(init())
  await until(() => server.streams.length > before)
  return { client, stream: server.streams[before] as TestStream }
}

describe("a stream", () => {
  test("carries checked frames both ways", async () => {
    const { client, stream } = await openStream()
    expect(stream.sink.send({ type: "empty" })).toBe(true)
    const read = { type: "read", chains: [] }
    client.socket.send(frame(read))
    await until(() => stream.frames.length > 0 && client.frames.length > 0)
    expect(stream.frames).toEqual([read])
    expect(client.frames).toEqual([{ type: "empty" }])
    client.socket.close()
    await until(() => stream.closed > 0)
    expect(stream.closed).toBe(1)
  })

  test("is to be opened again when a key in a frame was overwritten before the frame was whole", async () => {
    const { client, stream } = await openStream()
    const chain = { chain: new Uint8Array(16), address: new Uint8Array(32), month: 80, next: 0 }
    client.socket.send(frame({ type: "read", chains: [chain] }))
    expect(await client.closed).toBe(1013)
    expect(stream.frames).toEqual([])
  })

  test("tells of a reader that does not keep up, and when it does again", async () => {
    const { client, stream } = await openStream()
    const big = { type: "entry", chain: new Uint8Array(16), index: 0, entry: new Uint8Array(60_000) } as const
    let sent = 0
    while (stream.sink.send(big)) sent++
    expect((sent + 1) * 60_000).toBeLessThan(64 * STREAM_BUFFERED_BYTES_MAX)
    await until(() => stream.drains > 0)
    await until(() => client.frames.length === sent + 1)
    client.socket.close()
  })

  test("ends when the state machine says so, with its code", async () => {
    const { client, stream } = await openStream()
    stream.sink.close(streamClose.replaced)
    expect(await client.closed).toBe(streamClose.replaced)
    await until(() => stream.closed > 0)
    expect(stream.sink.send({ type: "empty" })).toBe(false)
  })

  test("whose state machine fails is closed, and nothing of the error is told", async () => {
    const { client } = await openStream()
    client.socket.send(frame(usedUp))
    expect(await client.closed).toBe(1011)
    expect(server.reports.join("\n")).not.toContain(SECRET_IN_ERROR)
  })
})

describe("a socket is closed as malformed", () => {
  const firsts: readonly (readonly [name: string, data: string | Uint8Array<ArrayBuffer>])[] = [
    ["that begins with text", "hello"],
    ["that begins with text that looks like JSON", '{"type":"read","chains":[]}'],
    ["that begins with nothing", new Uint8Array(0)],
    ["that begins with a frame that is not signed", frame({ type: "read", chains: [] })],
    [
      "whose first frame has other parameters",
      signedBody({ a: 1 }, { path: STREAM_PATH, method: "GET" }) as Uint8Array<ArrayBuffer>,
    ],
    ["whose first frame is by another kind of sender", init({ sender: { kind: "leaf", leaf: 0 } })],
    ["whose first frame has trailing bytes", Uint8Array.of(...init(), 0)],
  ]
  for (const [name, data] of firsts) {
    test(name, async () => {
      const client = await connect()
      client.socket.send(data)
      expect(await client.closed).toBe(streamClose.malformed)
    })
  }

  test("that sends something else than its frames later", async () => {
    for (const data of [
      frame({ type: "unknown" }),
      frame({ type: "read", chains: [{}] }),
      new Uint8Array(3),
      "text",
    ]) {
      const { client, stream } = await openStream()
      client.socket.send(data)
      expect(await client.closed).toBe(streamClose.malformed)
      await until(() => stream.closed > 0)
      expect(stream.frames).toEqual([])
    }
  })
})

describe("a socket is refused", () => {
  const cases: readonly (readonly [
    name: string,
    code: number,
    options: () => Parameters<typeof signedBody>[1],
  ])[] = [
    ["with another sender's signature", streamClose.refused, () => ({ seed: new Uint8Array(32) })],
    [
      "of an unknown sender",
      streamClose.refused,
      () => ({ sender: { kind: "qs-client", id: new Uint8Array(16) } }),
    ],
    ["with a signature for POST", streamClose.refused, () => ({ method: "POST" })],
    ["with a stale signature", streamClose.stale, () => ({ issuedAt: 1 })],
  ]
  for (const [name, code, options] of cases) {
    test(name, async () => {
      const client = await connect()
      client.socket.send(init(options()))
      expect(await client.closed).toBe(code)
    })
  }

  test("with a first frame that was seen before", async () => {
    const first = init()
    const one = await connect()
    const two = await connect()
    one.socket.send(first)
    await Bun.sleep(30)
    two.socket.send(first)
    expect(await two.closed).toBe(streamClose.refused)
    one.socket.close()
  })

  test("with a frame that is too large", async () => {
    const client = await connect()
    client.socket.send(new Uint8Array(STREAM_FRAME_BYTES_MAX + 1))
    expect(await client.closed).toBeGreaterThan(1000)
    expect(await (await fetch(`${server.url}/health`)).text()).toBe("ok")
  })
})

test("a plain request to the stream's path is refused", async () => {
  const response = await fetch(server.url + STREAM_PATH)
  expect(response.status).toBe(400)
  expect(((await response.json()) as { code: string }).code).toBe("request.malformed")
})

test("a stopping server closes its streams, opened or not", async () => {
  const own = startEdge()
  const opened = await connect(own)
  opened.socket.send(init())
  await until(() => own.streams.length > 0)
  const silent = await connect(own)
  await own.edge.stop()
  expect(await opened.closed).toBe(streamClose.stopping)
  expect(await silent.closed).toBe(streamClose.stopping)
  expect(own.streams[0]?.closed).toBe(1)
})

import { expect, test } from "bun:test"
import { createServer } from "node:net"
import fc from "fast-check"
import { isPublic } from "../../src/outgoing/addresses.ts"
import { Outgoing, OutgoingFailed, type OutgoingOptions } from "../../src/outgoing/post.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { testCertificate, testCertificateKey } from "./certificate.ts"
import { Receiver } from "./receiver.ts"

const trusting = { allowPrivate: true, certificates: testCertificate } satisfies OutgoingOptions
const here = [{ address: "127.0.0.1", family: 4 }]

function target(port: number, host = "localhost") {
  return { host, port, path: utf8("/send/0123456789") }
}

/** The message of the failure; none of them says where the request was to go. */
async function failure(outgoing: Outgoing, port: number, host?: string): Promise<string> {
  try {
    return `answered ${await outgoing.post(target(port, host), { Secret: "header-of-the-request" })}`
  } catch (error) {
    if (!(error instanceof OutgoingFailed)) throw error
    for (const part of ["0123456789", "localhost", "push", `${port}`, "127.0", "header-of"])
      expect(error.message).not.toContain(part)
    return error.message
  }
}

test("a request has no body and the headers given, goes to the name's address, and resolves with the status", async () => {
  await using receiver = await Receiver.start()
  for (const status of [200, 201, 301, 404, 410, 429, 503]) {
    receiver.answer = () => status
    const sent = target(receiver.port)
    expect(await new Outgoing(trusting).post(sent, { TTL: "60", Urgency: "normal" })).toBe(status)
  }
  expect(receiver.received).toHaveLength(7)
  for (const { method, path, headers, body } of receiver.received) {
    expect([method, path, body.length]).toEqual(["POST", "/send/0123456789", 0])
    expect(headers).toEqual({
      host: `localhost:${receiver.port}`,
      "content-length": "0",
      connection: "close",
      ttl: "60",
      urgency: "normal",
    })
  }
})

test("only public addresses are connected to, and a name with a private one beside them is not", async () => {
  await using receiver = await Receiver.start()
  const open = { address: "93.184.215.14", family: 4 }
  for (const addresses of [here, [open, ...here], [...here, open], [{ address: "::1", family: 6 }]]) {
    const outgoing = new Outgoing({ ...trusting, allowPrivate: false, resolve: async () => addresses })
    expect(await failure(outgoing, receiver.port)).toBe("the name resolves to an address that is not public")
  }
  const byName = new Outgoing({ ...trusting, allowPrivate: false })
  expect(await failure(byName, receiver.port)).toBe("the name resolves to an address that is not public")
  expect(receiver.received).toEqual([])
})

test("the connection goes to the address that was checked: the name is asked for once", async () => {
  await using receiver = await Receiver.start()
  const asked: string[] = []
  const resolve = async (host: string) => {
    asked.push(host)
    return asked.length === 1 ? here : [{ address: "192.0.2.1", family: 4 }]
  }
  const outgoing = new Outgoing({ ...trusting, resolve })
  expect(await outgoing.post(target(receiver.port, "push.test"), {})).toBe(201)
  expect(asked).toEqual(["push.test"])
  expect(receiver.received[0]?.headers["host"]).toBe(`push.test:${receiver.port}`)
})

test("another address of the name is tried when one does not answer", async () => {
  await using receiver = await Receiver.start()
  const resolve = async () => [{ address: "127.0.0.99", family: 4 }, ...here]
  expect(await new Outgoing({ ...trusting, resolve }).post(target(receiver.port), {})).toBe(201)
})

test("a server that cannot prove its name gets nothing", async () => {
  await using receiver = await Receiver.start()
  const wrongName = new Outgoing({ ...trusting, resolve: async () => here })
  expect(await failure(wrongName, receiver.port, "other.test")).toBe("the connection failed")
  const untrusted = new Outgoing({ allowPrivate: true })
  expect(await failure(untrusted, receiver.port)).toBe("the connection failed")
  expect(receiver.received).toEqual([])
})

test("a server that does not speak, speaks nonsense, or hangs up is given up, and so is a name that is not there", async () => {
  await using receiver = await Receiver.start()
  receiver.answer = () => undefined
  const hasty = new Outgoing({ ...trusting, secondsMax: 0.3 })
  expect(await failure(hasty, receiver.port)).toBe("it took too long")
  const never = new Outgoing({ ...trusting, secondsMax: 0.1, resolve: () => new Promise(() => undefined) })
  expect(await failure(never, receiver.port)).toBe("it took too long")
  const nowhere = new Outgoing({ ...trusting, resolve: () => Promise.reject(new Error("ENOTFOUND push")) })
  expect(await failure(nowhere, receiver.port)).toBe("the name does not resolve")
  const empty = new Outgoing({ ...trusting, resolve: async () => [] })
  expect(await failure(empty, receiver.port)).toBe("the name has no address")

  const plain = createServer((socket) => socket.end("HTTP/1.1 201 Created\r\n\r\n"))
  await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve))
  const { port } = plain.address() as { port: number }
  expect(await failure(new Outgoing(trusting), port)).toStartWith("the connection")
  plain.close()
  expect(await failure(new Outgoing(trusting), port)).toBe("the connection failed")
})

test("answers that are not one are refused, however they are cut", async () => {
  const answers = [
    "HTTP/1.1 20 OK\r\n",
    "HTTP/2 200\r\n",
    "SSH-2.0-x\r\n",
    "HTTP/1.1 100 \r\n",
    "x".repeat(5000),
  ]
  for (const answer of answers) {
    await using server = await RawServer.start(answer)
    expect(await failure(new Outgoing(trusting), server.port)).toBe("the answer is not one")
  }
  await using slow = await RawServer.start("HTTP/1.1 410 Gone\r\n\r\n", 1)
  expect(await failure(new Outgoing(trusting), slow.port)).toBe("answered 410")
})

/** A TLS server that answers with these characters, `step` at a time. */
class RawServer {
  readonly #listener: { readonly port: number; stop(force: boolean): void }

  private constructor(answer: string, step: number) {
    const tls = { cert: testCertificate, key: testCertificateKey }
    this.#listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      tls,
      socket: {
        async data(socket) {
          for (let at = 0; at < answer.length; at += step) {
            socket.write(answer.slice(at, at + step))
            socket.flush()
            if (step === 1) await Bun.sleep(1)
          }
        },
      },
    })
  }

  static async start(answer: string, step = answer.length): Promise<RawServer> {
    return new RawServer(answer, step)
  }

  get port(): number {
    return this.#listener.port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.stop(true)
  }
}

test("the request's bytes are overwritten afterwards, and what it was made from is left to the caller", async () => {
  await using receiver = await Receiver.start()
  const written: Uint8Array[] = []
  const concatenated = Uint8Array.prototype.set
  const sent = target(receiver.port)
  Uint8Array.prototype.set = function (source, offset) {
    if (source === sent.path) written.push(this)
    concatenated.call(this, source, offset)
  }
  try {
    await new Outgoing(trusting).post(sent, {})
  } finally {
    Uint8Array.prototype.set = concatenated
  }
  expect(written).toHaveLength(1)
  expect(written[0]!.every((byte) => byte === 0)).toBe(true)
  expect(sent.path).toEqual(utf8("/send/0123456789"))
})

test("addresses of special purposes are not public, whatever form they have", () => {
  const special = [
    ...["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.1.1", "169.254.169.254", "172.16.0.1"],
    ...["172.31.255.255", "192.0.0.8", "192.0.2.7", "192.168.1.1", "198.18.0.1", "198.51.100.9"],
    ...["203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"],
    ...["::", "::1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "fc00::1", "fd12::1", "fe80::1"],
    ...["fec0::1", "ff02::1", "2001:db8::1", "2001::1", "2001:10::1", "2002:7f00:1::", "3fff::1", "100::1"],
  ]
  for (const address of special) {
    const family = address.includes(":") ? 6 : 4
    expect([address, isPublic({ address, family })]).toEqual([address, false])
  }
  const open = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "172.15.0.1",
    "172.32.0.1",
    "192.167.0.1",
    "223.255.255.1",
  ]
  for (const address of [...open, "2606:4700::1111", "2a00:1450:4001::1", "2003::1"]) {
    const family = address.includes(":") ? 6 : 4
    expect([address, isPublic({ address, family })]).toEqual([address, true])
  }
  fc.assert(
    fc.property(
      fc.constantFrom(10, 127, 0, 224, 240, 255),
      fc.nat(255),
      fc.nat(255),
      fc.nat(255),
      (a, b, c, d) => {
        expect(isPublic({ address: [a, b, c, d].join("."), family: 4 })).toBe(false)
        const mapped = `::ffff:${[a, b, c, d].join(".")}`
        expect(isPublic({ address: mapped, family: 6 })).toBe(false)
      },
    ),
  )
  expect(isPublic({ address: "1.1.1.1", family: 0 })).toBe(false)
})

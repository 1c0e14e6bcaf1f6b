import { beforeAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { isTorn, secretFinder } from "../../src/http/secrets.ts"
import { SECRETS_REMEMBERED_MAX } from "../../src/limits.ts"
import { Sweep } from "../../src/memory/sweep.ts"
import { equal } from "../../src/wire/bytes.ts"
import { encodeBody } from "../../src/wire/cbor.ts"
import { ds } from "../../src/wire/ds.ts"
import { qs } from "../../src/wire/qs.ts"

/** Sweeps the memory of the tests' own process, in which copies are made by hand. */

const secretsIn = secretFinder(ds.externalCommitInfo.params)
const KEY_BYTES = 32

let sweep: Sweep
beforeAll(() => {
  const opened = Sweep.open()
  if (opened === undefined)
    throw new Error("this system does not let processes look for something in their memory")
  sweep = opened
})

const bodyWith = (earKey: Uint8Array) => encodeBody({ earKey, groupId: crypto.random(16) })
const keyAt = (body: Uint8Array) => body.length - "ggroupId".length - 17 - KEY_BYTES

const keyIn = (body: Uint8Array) => body.subarray(keyAt(body), keyAt(body) + KEY_BYTES)
const NOTHING = new Uint8Array(KEY_BYTES)

/** Bytes that are nobody's, with a copy of these at an address that is a multiple of 16 and `offset`. */
function copyOf(bytes: Uint8Array, offset = 0): Uint8Array {
  const memory = new Uint8Array(new ArrayBuffer(bytes.length + offset + 4096))
  memory.set(bytes, offset)
  return memory.subarray(offset, offset + bytes.length)
}

/** A request of this body, of which the handler leaves nothing. */
function begin(body: Uint8Array): { end(): void } {
  const request = sweep.request()
  request.known(secretsIn(body))
  body.fill(0)
  return { end: () => request.ended() }
}

describe("after a request", () => {
  test("its key is overwritten in copies of its body, wherever these are, and nothing else is", async () => {
    const body = encodeBody({ friendshipToken: crypto.random(KEY_BYTES) })
    const expected = body.slice().fill(0, body.length - KEY_BYTES)
    const everywhere = new Uint8Array(new ArrayBuffer(4 * 1024 * 1024))
    const places = Array.from({ length: Math.floor(everywhere.length / 61) }, (_, i) => 61 * i)
    for (const at of places) everywhere.set(body, at)
    const request = sweep.request()
    request.known(secretFinder(qs.claimAddPackages.params)(body))
    request.ended()
    await sweep.run()
    const left = places.filter((at) => !equal(everywhere.subarray(at, at + body.length), expected))
    expect(left).toEqual([])
  })

  test("a half of it is overwritten if what is beside it in the body is there", async () => {
    const body = bodyWith(crypto.random(KEY_BYTES))
    const [beginning, end] = [copyOf(body), copyOf(body, 7)]
    const at = keyAt(body)
    beginning.fill(255, at + 16)
    end.fill(255, 0, at + 16)
    begin(body).end()
    await sweep.run()
    expect(beginning.subarray(at, at + 16)).toEqual(new Uint8Array(16))
    expect(end.subarray(at + 16, at + 32)).toEqual(new Uint8Array(16))
  })

  test("what is the same and is no copy of a body stays: nobody has bytes overwritten by sending them", async () => {
    const key = crypto.random(KEY_BYTES)
    const needed = [copyOf(key), copyOf(key, 3), copyOf(Buffer.concat([Buffer.from("xxxxKeyY "), key]))]
    // What is compared to is no copy, or it would be overwritten too.
    const inverted = () => needed.map((bytes) => bytes.map((byte) => byte ^ 255))
    const before = inverted()
    begin(bodyWith(key)).end()
    await sweep.run()
    expect(inverted()).toEqual(before)
  })

  test("its key stays while another request has it, and is overwritten after that", async () => {
    const key = crypto.random(KEY_BYTES)
    const copy = copyOf(bodyWith(key))
    const other = begin(bodyWith(key))
    begin(bodyWith(key)).end()
    await sweep.run()
    expect(keyIn(copy)).toEqual(key)
    other.end()
    await sweep.run()
    expect(keyIn(copy)).toEqual(NOTHING)
  })

  test("a key that comes again at once is left for another time, so that bodies which are coming in keep theirs", async () => {
    const key = crypto.random(KEY_BYTES)
    const copy = copyOf(bodyWith(key))
    begin(bodyWith(key)).end()
    const searched = sweep.run()
    begin(bodyWith(key)).end()
    await searched
    expect(keyIn(copy)).toEqual(key)
    await sweep.run()
    expect(keyIn(copy)).toEqual(NOTHING)
  })

  test("it is overwritten in a body that is being read, too, wherever that ends by now, and this can be told", async () => {
    const body = bodyWith(crypto.random(KEY_BYTES))
    const end = keyAt(body) + KEY_BYTES
    const cuts = Array.from({ length: 16 }, (_, i) => end - i)
    const copies = cuts.map((cut) => copyOf(body).fill(0xff, cut))
    expect(secretsIn(body).some(isTorn)).toBe(false)
    begin(body.slice()).end()
    const reading = sweep.request()
    await sweep.run()
    for (const [i, copy] of copies.entries()) {
      const cut = cuts[i] as number
      expect(copy.subarray(keyAt(body), cut).every((byte) => byte === 0)).toBe(true)
      copy.set(body.subarray(cut), cut)
      expect(secretsIn(copy).some(isTorn)).toBe(true)
    }
    reading.ended()
  })

  test("keys are looked for as far as there is place, and others when these are forgotten", async () => {
    const keys = Array.from({ length: SECRETS_REMEMBERED_MAX + 10 }, () => crypto.random(KEY_BYTES))
    const copies = keys.map((key) => copyOf(bodyWith(key)))
    for (const key of keys) begin(bodyWith(key)).end()
    await sweep.run()
    expect(copies.filter((copy) => !keyIn(copy).some((byte) => byte !== 0))).toHaveLength(
      SECRETS_REMEMBERED_MAX,
    )
    for (const key of keys.slice(-10)) begin(bodyWith(key)).end()
    await sweep.run()
    for (const copy of copies) expect(keyIn(copy)).toEqual(NOTHING)
  })
})

test("keys that are derived for one use are overwritten in blocks of their own, halves of them too", async () => {
  const watching = sweep.watching(crypto)
  const key = watching.hkdfExtract(crypto.random(32), crypto.random(32)).slice()
  const aeadKey = crypto.random(32)
  const nonce = crypto.random(12)
  const sealed = watching.aesGcmSeal(aeadKey, nonce, new Uint8Array(0), key)
  expect(watching.aesGcmOpen(aeadKey, nonce, new Uint8Array(0), sealed)).toEqual(key)
  const copies = [copyOf(key), copyOf(aeadKey, 32), copyOf(aeadKey.slice(16), 64)]
  await sweep.run()
  expect(copies).toEqual([new Uint8Array(32), new Uint8Array(32), new Uint8Array(16)])
})

describe("a filter of system calls", () => {
  const sweptWithout = async (call: string) => {
    const words = [process.execPath, join(import.meta.dir, "filtered.ts"), call]
    return (await new Response(Bun.spawn(words, { stdout: "pipe" }).stdout).text()).trim()
  }

  test.each(["process_vm_readv", "process_vm_writev", "mincore"])(
    "that refuses %s is noticed",
    async (call) => {
      expect(await sweptWithout(call)).toBe("cannot be swept")
    },
  )

  test("that refuses something else is none of its business", async () => {
    expect(await sweptWithout("getppid")).toBe("can be swept")
  })
})

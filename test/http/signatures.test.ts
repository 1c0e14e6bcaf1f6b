import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import fc from "fast-check"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { FINGERPRINT_WORDS, FingerprintSet } from "../../src/http/fingerprints.ts"
import { Freshness } from "../../src/http/freshness.ts"
import { ReplayCache } from "../../src/http/replay.ts"
import { REQUEST_AGE_SECONDS_MAX } from "../../src/limits.ts"
import { utf8 } from "../../src/wire/bytes.ts"
import { post, resultOf, signedBody, startEdge, type TestEdge } from "./fixture.ts"

let server: TestEdge
beforeAll(() => {
  server = startEdge()
})
afterAll(async () => await server.edge.stop())

const params = { bytes: Uint8Array.of(1, 2, 3, 4) }
const now = () => Math.floor(Date.now() / 1000)
const call = async (body: Uint8Array, path = "/test/signed") => await post(server.url, path, body)

describe("a signed request", () => {
  test("is carried out once, and refused when it comes again", async () => {
    const body = signedBody(params)
    expect(resultOf(await call(body))).toEqual({ length: 4 })
    for (let i = 0; i < 3; i++) expect((await call(body)).code).toBe("auth.replayed")
  })

  test("that comes many times at once is carried out once", async () => {
    const body = signedBody(params)
    const codes = await Promise.all(Array.from({ length: 20 }, async () => (await call(body)).code))
    expect(codes.filter((code) => code === "ok")).toHaveLength(1)
    expect(codes.filter((code) => code === "auth.replayed")).toHaveLength(19)
  })

  test("with the nonce of another sender's request is carried out", async () => {
    const nonce = nativeCrypto.random(16)
    const other = { kind: "qs-client", id: new Uint8Array(16).fill(8) } as const
    expect((await call(signedBody(params, { nonce }))).code).toBe("ok")
    expect((await call(signedBody(params, { nonce, sender: other }))).code).toBe("ok")
  })

  test("whose signature does not verify does not use up its nonce", async () => {
    const nonce = nativeCrypto.random(16)
    const forged = signedBody(params, { nonce, seed: new Uint8Array(32).fill(1) })
    expect((await call(forged)).code).toBe("auth.refused")
    expect((await call(signedBody(params, { nonce }))).code).toBe("ok")
  })

  test("for another path or method is refused", async () => {
    expect((await call(signedBody(params), "/test/other")).code).toBe("auth.refused")
    expect((await call(signedBody(params, { method: "GET" }))).code).toBe("auth.refused")
    expect((await call(signedBody(params, { path: "/test/other" }), "/test/other")).code).toBe("ok")
  })

  test("of another kind of sender, or of none, is malformed", async () => {
    for (const kid of [
      `qs-user:${"07".repeat(16)}`,
      "leaf:0",
      `client:${"07".repeat(32)}`,
      "qs-client:07",
      "root",
      `qs-client:${"0A".repeat(16)}`,
    ]) {
      expect((await call(signedBody(params, { kid: utf8(kid) }))).code).toBe("request.malformed")
    }
  })

  test("that is stale or from the future is refused with the server's time", async () => {
    for (const issuedAt of [now() - REQUEST_AGE_SECONDS_MAX - 2, 0, now() + 60, Number.MAX_SAFE_INTEGER]) {
      const answer = await call(signedBody(params, { issuedAt }))
      expect(answer.code).toBe("auth.stale")
      const date = Date.parse(answer.headers.get("date") ?? "") / 1000
      expect(Math.abs(date - now())).toBeLessThanOrEqual(2)
      expect((await call(signedBody(params, { issuedAt: date }))).code).toBe("ok")
    }
    expect((await call(signedBody(params, { issuedAt: now() - REQUEST_AGE_SECONDS_MAX + 10 }))).code).toBe(
      "ok",
    )
  })

  test("is judged by the clock that every answer tells: problems, documents and what browsers ask first, too", async () => {
    const clock = () => Date.UTC(2031, 4, 7, 1, 2, 3, 999)
    const other = startEdge({ clock })
    const ask = (path: string, method = "GET") => fetch(other.url + path, { method })
    const callOther = (body: Uint8Array) => post(other.url, "/test/signed", body)
    const issuedAt = Math.floor(clock() / 1000)
    const answers = await Promise.all([
      ask("/document"),
      ask("/health"),
      ask("/none"),
      ask("/document?"),
      ask("/test/signed"),
      ask("/test/signed", "OPTIONS"),
      callOther(signedBody(params, { issuedAt })),
      callOther(signedBody(params)),
      callOther(Uint8Array.of(1, 2)),
    ])
    await other.edge.stop()
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 404, 405, 204, 200, 403, 400])
    expect(new Set(answers.map(({ headers }) => headers.get("date")))).toEqual(
      new Set(["Wed, 07 May 2031 01:02:03 GMT"]),
    )
  })

  test("that is changed anywhere is refused", async () => {
    const body = signedBody(params)
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = body.slice()
        changed[at] = (changed[at] as number) ^ flip
        expect(["request.malformed", "auth.refused", "auth.stale"]).toContain((await call(changed)).code)
      }),
      { numRuns: 200 },
    )
    expect((await call(body)).code).toBe("ok")
  })
})

describe("a restart", () => {
  test("in the same second refuses what the process before accepted, and tells a time that it accepts", async () => {
    const first = startEdge()
    const body = signedBody(params)
    expect((await post(first.url, "/test/signed", body)).code).toBe("ok")
    await first.edge.stop()

    const second = startEdge({ boundary: now() })
    const answer = await post(second.url, "/test/signed", body)
    expect(answer.code).toBe("auth.stale")
    const issuedAt = Date.parse(answer.headers.get("date") ?? "") / 1000
    expect((await post(second.url, "/test/signed", signedBody(params, { issuedAt }))).code).toBe("ok")
    await second.edge.stop()
  })

  test("refuses everything that can have been accepted before it", () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.nat(2000),
        fc.integer({ min: -2000, max: 2000 }),
        (end, pause, offset) => {
          const at = 1_000_000 + end
          const before = new Freshness(() => at * 1000, 0)
          const after = new Freshness(() => (at + pause) * 1000, at)
          const issuedAt = at + offset
          expect(before.isFresh(issuedAt) && after.isFresh(issuedAt)).toBe(false)
        },
      ),
    )
  })
})

describe("the replay cache", () => {
  const kid = utf8("leaf:1")
  const nonceOf = (n: number) => nativeCrypto.sha256(utf8(`${n}`)).slice(0, 16)

  test("remembers each request for as long as its signature is fresh, at any pace", () => {
    const step = fc.record({
      nonce: fc.nat(30),
      pause: fc.oneof(fc.nat(3), fc.nat(400), fc.integer({ min: -50, max: 0 })),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let time = 1_000_000
        const freshness = new Freshness(() => time * 1000, 0)
        const cache = new ReplayCache(nativeCrypto)
        const admittedAt = new Map<number, number>()
        for (const { nonce, pause } of steps) {
          time += pause
          const now = freshness.now()
          const outcome = cache.admit(kid, nonceOf(nonce), now)
          const last = admittedAt.get(nonce)
          if (last !== undefined && now - last <= REQUEST_AGE_SECONDS_MAX) expect(outcome).toBe("seen")
          if (outcome === "admitted") admittedAt.set(nonce, now)
        }
      }),
      { numRuns: 200 },
    )
  })

  test("refuses as overload when it is full, and has room again later", () => {
    const cache = new ReplayCache(nativeCrypto, 3)
    for (let n = 0; n < 3; n++) expect(cache.admit(kid, nonceOf(n), 1000)).toBe("admitted")
    expect(cache.admit(kid, nonceOf(3), 1000)).toBe("full")
    expect(cache.admit(kid, nonceOf(2), 1000)).toBe("seen")
    expect(cache.admit(kid, nonceOf(3), 1000 + 3 * REQUEST_AGE_SECONDS_MAX)).toBe("admitted")
  })

  test("keeps its fingerprints in a set like any other", () => {
    const word = fc.oneof(fc.nat(3), fc.constantFrom(0xffff_ffff, 0x8000_0000))
    const fingerprint = fc.array(word, { minLength: FINGERPRINT_WORDS, maxLength: FINGERPRINT_WORDS })
    fc.assert(
      fc.property(fc.array(fingerprint, { maxLength: 600 }), (fingerprints) => {
        const set = new FingerprintSet()
        const model = new Set<string>()
        for (const words of fingerprints) {
          const name = [((words[0] as number) | 1) >>> 0, ...words.slice(1)].join()
          expect(set.has(Uint32Array.from(words))).toBe(model.has(name))
          set.add(Uint32Array.from(words))
          model.add(name)
          expect(set.size).toBe(model.size)
        }
      }),
      { numRuns: 100 },
    )
  })

  test("holds many without losing one", () => {
    const set = new FingerprintSet()
    const all = Array.from({ length: 5000 }, (_, n) => {
      const digest = nativeCrypto.sha256(utf8(`${n}`))
      return new Uint32Array(digest.buffer.slice(digest.byteOffset, digest.byteOffset + 16))
    })
    for (const one of all) set.add(one)
    expect(set.size).toBe(all.length)
    for (const one of all) expect(set.has(one)).toBe(true)
  })
})

import { afterAll, beforeAll, expect, test } from "bun:test"
import { Client } from "../../src/client/client.ts"
import { type ClientStore, memoryStore } from "../../src/client/store.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { formatAuthorization, parseChallenges } from "../../src/privacypass/header.ts"
import { encodeBody } from "../../src/wire/cbor.ts"
import { ds } from "../../src/wire/ds.ts"
import type { TokenService } from "../../src/wire/endpoint.ts"
import { Homeserver } from "./homeserver.ts"
import { seeded } from "./random.ts"

let server: Homeserver
beforeAll(async () => {
  server = await Homeserver.start()
})
afterAll(() => server.end())

/** A client that only buys; its tokens are spent by hand. */
async function buyer(): Promise<ClientStore> {
  const store = memoryStore()
  const options = { url: server.url, store, crypto: nativeCrypto, spreadMilliseconds: 0 }
  const client = await Client.create(options)
  for (const service of ["as", "delivery"] as const)
    while ((await store.list(`token/${service}/`)).length < 25) await Bun.sleep(5)
  await client.close()
  return store
}

async function tokensOf(store: ClientStore, service: TokenService): Promise<string[]> {
  const names = await store.list(`token/${service}/`)
  const tokens = await Promise.all(names.map((name) => store.get(name)))
  return tokens.map((token) => formatAuthorization(token as Uint8Array))
}

const body = encodeBody({}) as Uint8Array<ArrayBuffer>

/** The answer's status; 0 if there was none. */
async function spend(
  authorization: string | undefined,
  path: string = ds.requestGroupId.path,
): Promise<number> {
  const headers = { "content-type": "application/cbor", ...(authorization && { authorization }) }
  const request = { method: "POST", headers, body }
  return await fetch(`${server.url}${path}`, request).then(
    async (response) => {
      await response.arrayBuffer()
      return response.status
    },
    () => 0,
  )
}

test(
  "of all requests with one token exactly one is answered, however often the server is killed in between",
  () =>
    seeded(async (random) => {
      const tokens = (await tokensOf(await buyer(), "delivery")).slice(0, 24)
      expect(tokens.length).toBe(24)
      let answered = 0
      let unknown = 0
      for (let round = 0; round < 6; round++) {
        const now = tokens.slice(4 * round, 4 * round + 4)
        const outcomes = new Map<string, number[]>(now.map((token) => [token, []]))
        const load = now.flatMap((token) =>
          [1, 2, 3].map(async () => void outcomes.get(token)?.push(await spend(token))),
        )
        await Bun.sleep(random() * 25)
        await server.kill()
        await Promise.all(load)
        await server.start()
        for (const token of now) {
          const before = outcomes.get(token) ?? []
          const after = await Promise.all([spend(token), spend(token), spend(token)])
          const yes = [...before, ...after].filter((status) => status === 200).length
          const lost = before.some((status) => status === 0)
          expect(yes).toBeLessThanOrEqual(1)
          // Spent by a request whose answer nobody got; otherwise somebody got it.
          if (!lost) expect(yes).toBe(1)
          answered += yes
          if (yes === 0) unknown += 1
        }
      }
      expect(answered + unknown).toBe(24)
      expect(answered).toBeGreaterThan(0)
    }),
  60_000,
)

test("an operation that costs a token is refused without one, with a challenge that says how to get it", async () => {
  const response = await fetch(`${server.url}${ds.requestGroupId.path}`, {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body,
  })
  expect(response.status).toBe(401)
  const [challenge] = parseChallenges(response.headers.get("www-authenticate") ?? "")
  expect([challenge?.challenge.length, challenge?.tokenKey?.length]).toEqual([61, 32])
  const directory = await fetch(`${server.url}/.well-known/private-token-issuer-directory`)
  expect(directory.headers.get("content-type")).toBe("application/private-token-issuer-directory")
  expect(directory.headers.get("cache-control")).toBe("public, max-age=86400")
  const { "token-keys": keys } = (await directory.json()) as { "token-keys": { "token-key": string }[] }
  const published = keys.map((key) => Buffer.from(key["token-key"], "base64url").toString("hex"))
  expect(published).toEqual([Buffer.from(challenge?.tokenKey ?? []).toString("hex")])
})

test("a token of the AS is no token of DS and QS, and a malformed request costs none", async () => {
  const store = await buyer()
  const [forAs = ""] = await tokensOf(store, "as")
  const [token = ""] = await tokensOf(store, "delivery")
  expect(forAs).not.toBe("")
  expect(await spend(forAs)).toBe(401)
  const malformed = { method: "POST", headers: { "content-type": "application/cbor", authorization: token } }
  const refused = await fetch(`${server.url}${ds.requestGroupId.path}`, { ...malformed, body: "no" })
  expect(refused.status).toBe(400)
  expect([await spend(token), await spend(token)]).toEqual([200, 401])
})

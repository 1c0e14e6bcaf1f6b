import { afterAll, beforeAll, expect, test } from "bun:test"
import { Value } from "@sinclair/typebox/value"
import { Client } from "../../src/client/client.ts"
import { load } from "../../src/client/record-store.ts"
import { Account } from "../../src/client/records.ts"
import { type ClientStore, memoryStore } from "../../src/client/store.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { FORMAT_VERSION, KEY_BYTES, REQUEST_NONCE_BYTES } from "../../src/limits.ts"
import { challengeDigest, encodeTokenChallenge } from "../../src/privacypass/challenge.ts"
import { formatAuthorization, parseAuthorization, parseChallenges } from "../../src/privacypass/header.ts"
import { serviceChallenge } from "../../src/privacypass/service-challenge.ts"
import { encodeToken, type Token } from "../../src/privacypass/token.ts"
import { as } from "../../src/wire/as.ts"
import { concat } from "../../src/wire/bytes.ts"
import { encodeBody, encodeCbor } from "../../src/wire/cbor.ts"
import { externalAad, signRequest } from "../../src/wire/cose.ts"
import { ds } from "../../src/wire/ds.ts"
import { type Endpoint, type TokenService, tokenService } from "../../src/wire/endpoint.ts"
import { qs } from "../../src/wire/qs.ts"
import { flipBit } from "../as/fixtures.ts"
import { buy, newKey } from "../privacypass/world.ts"
import { expectUnchanged } from "./forger.ts"
import { DOMAIN, Homeserver } from "./homeserver.ts"
import { unknownName } from "./hostile/siege.ts"
import { buyTokens } from "./purchases.ts"
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

const operations = [as, ds, qs].flatMap((table): Endpoint[] => Object.values(table))

/** A well-formed request, of a sender whom nobody knows. */
function anybodys({ path, sender, params: schema }: Endpoint): Uint8Array {
  const params: unknown = Value.Create(schema)
  if (sender === "none") return encodeBody(params)
  const issuedAt = Math.floor(Date.now() / 1000)
  const nonce = nativeCrypto.random(REQUEST_NONCE_BYTES)
  const parts = { kid: unknownName(sender), issuedAt, nonce, payload: encodeCbor(params) }
  const aad = externalAad("POST", path)
  return concat(
    Uint8Array.of(FORMAT_VERSION),
    signRequest(nativeCrypto, nativeCrypto.random(KEY_BYTES), parts, aad),
  )
}

interface Answer {
  /** A code, or `accepted`. */
  readonly outcome: string
  readonly challenge: string | null
}

async function ask(endpoint: Endpoint, authorization?: string): Promise<Answer> {
  const headers = { "content-type": "application/cbor", ...(authorization && { authorization }) }
  const request = { method: "POST", headers, body: anybodys(endpoint) as Uint8Array<ArrayBuffer> }
  const response = await fetch(`${server.url}${endpoint.path}`, request)
  const outcome = response.ok ? "accepted" : ((await response.json()) as { readonly code: string }).code
  return { outcome, challenge: response.headers.get("www-authenticate") }
}

/** Tokens that are of no use for the service, by what is wrong with them. */
async function uselessTokens(account: Account, service: TokenService): Promise<Record<string, string>> {
  const other = service === "as" ? "delivery" : "as"
  const digest = challengeDigest(nativeCrypto, serviceChallenge(nativeCrypto, DOMAIN, service))
  const [forged] = await buy(newKey(), 1, digest)
  const [[good = ""], [elsewhere = ""]] = await Promise.all([
    buyTokens(server, account, service, 1),
    buyTokens(server, account, other, 1),
  ])
  const bytes = parseAuthorization(good)
  return {
    "another service's": elsewhere,
    "another issuer's": formatAuthorization(encodeToken(forged as Token)),
    "a changed nonce": formatAuthorization(flipBit(bytes, 8 * 2)),
    "a changed challenge": formatAuthorization(flipBit(bytes, 8 * 34)),
    "another key's name": formatAuthorization(flipBit(bytes, 8 * 66)),
    "a changed authenticator": formatAuthorization(flipBit(bytes, 8 * bytes.length - 1)),
    "all but a byte": formatAuthorization(bytes.subarray(1)),
    "no token": "PrivateToken",
    "another scheme": good.replace("PrivateToken", "Bearer"),
  }
}

test("every operation that costs a token takes one of its service once, and nothing else; every free one asks for none", async () => {
  const account = await load(await buyer(), Account, "account")
  if (account === undefined) throw new Error("no account")
  const costly = operations.filter(({ token }) => token)
  const useless = {
    as: await uselessTokens(account, "as"),
    delivery: await uselessTokens(account, "delivery"),
  }
  await expectUnchanged(server, async () => {
    for (const endpoint of costly) {
      const service = tokenService(endpoint)
      const unpaid = await ask(endpoint)
      expect([endpoint.name, unpaid.outcome]).toEqual([endpoint.name, "token.required"])
      const [challenge] = parseChallenges(unpaid.challenge ?? "")
      const expected = encodeTokenChallenge(serviceChallenge(nativeCrypto, DOMAIN, service))
      expect(challenge?.challenge).toEqual(expected)
      for (const [why, token] of Object.entries(useless[service])) {
        const answer = await ask(endpoint, token)
        expect([endpoint.name, why, answer]).toEqual([
          endpoint.name,
          why,
          { outcome: "token.refused", challenge: unpaid.challenge },
        ])
      }
    }
    for (const endpoint of operations.filter(({ token }) => !token)) {
      const { outcome, challenge } = await ask(endpoint)
      expect([endpoint.name, outcome.startsWith("token."), challenge]).toEqual([endpoint.name, false, null])
    }
  })
  const tokens = {
    as: await buyTokens(server, account, "as", costly.length),
    delivery: await buyTokens(server, account, "delivery", costly.length),
  }
  for (const endpoint of costly) {
    const token = tokens[tokenService(endpoint)].pop()
    const outcomes = await Promise.all([1, 2, 3, 4].map(async () => (await ask(endpoint, token)).outcome))
    outcomes.push((await ask(endpoint, token)).outcome)
    const unspent = outcomes.filter((outcome) => outcome !== "token.spent")
    expect([endpoint.name, unspent.length, unspent[0]?.startsWith("token.")]).toEqual([
      endpoint.name,
      1,
      false,
    ])
  }
}, 60_000)

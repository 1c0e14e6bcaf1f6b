import { expect, test } from "bun:test"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { secretFinder } from "../../src/http/secrets.ts"
import { as } from "../../src/wire/as.ts"
import { encodeBody } from "../../src/wire/cbor.ts"
import { ds } from "../../src/wire/ds.ts"
import { qs } from "../../src/wire/qs.ts"
import { signedBody } from "./fixture.ts"

test("secrets are found as views of the body, and told apart by whether another member follows", () => {
  const params = { earKey: crypto.random(32), groupId: crypto.random(16) }
  const body = signedBody(params)
  const [found, ...others] = secretFinder(ds.deleteGroup.params)(body)
  expect(others).toEqual([])
  expect(found).toEqual({ bytes: params.earKey, isFollowed: true })
  body.fill(0)
  expect(found?.bytes).toEqual(new Uint8Array(32))
  const friendshipToken = crypto.random(32)
  const last = secretFinder(qs.claimAddPackages.params)(encodeBody({ friendshipToken }))
  expect(last).toEqual([{ bytes: friendshipToken, isFollowed: false }])
})

test("secrets are found within lists, and where a member may be null", () => {
  const cursor = () => ({ chain: crypto.random(16), address: crypto.random(32), month: 80, next: 0 })
  const read = [cursor(), cursor()]
  const body = signedBody({ acknowledge: [], usedUp: [], read, max: 1 })
  const addresses = secretFinder(as.dequeue.params)(body).map(({ bytes }) => bytes)
  expect(addresses).toEqual(read.map(({ address }) => address))
  const pushToken = crypto.random(qs.createClient.params.properties.pushToken.anyOf[0].maxByteLength ?? 0)
  const find = secretFinder(qs.createClient.params)
  expect(find(encodeBody({ pushToken })).map(({ bytes }) => bytes)).toEqual([pushToken])
  expect(find(encodeBody({ pushToken: null }))).toEqual([])
})

test("secrets are found in bodies that nobody can decode, up to where these break off", () => {
  const earKey = crypto.random(32)
  const broken = encodeBody({ earKey, groupId: 0 }).subarray(0, -1)
  const find = secretFinder(ds.deleteGroup.params)
  expect(find(broken).map(({ bytes }) => bytes)).toEqual([earKey])
  expect(find(encodeBody({ earKey }).subarray(0, -1))).toEqual([])
  expect(find(new Uint8Array(0))).toEqual([])
})

test("no more secrets are found in one body than a request may have", () => {
  const many = Array.from({ length: 5000 }, () => ({ earKey: crypto.random(32) }))
  expect(secretFinder(ds.deleteGroup.params)(encodeBody(many)).length).toBeLessThan(5000)
})

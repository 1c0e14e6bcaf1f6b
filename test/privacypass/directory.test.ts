import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { ISSUER_DIRECTORY_CHARACTERS_MAX, ISSUER_KEYS_MAX } from "../../src/limits.ts"
import {
  type DirectoryKey,
  formatDirectory,
  type IssuerDirectory,
  parseDirectory,
  preferredKey,
} from "../../src/privacypass/directory.ts"
import { toBase64Url } from "../../src/wire/base64url.ts"
import { newKey, outcome } from "./world.ts"

const [old, current, next] = [newKey().publicKey, newKey().publicKey, newKey().publicKey]

const directory: IssuerDirectory = {
  issuerRequestUri: "https://example.org/as/request-tokens",
  tokenKeys: [
    { tokenType: 5, tokenKey: next, notBefore: 2000 },
    { tokenType: 5, tokenKey: current, notBefore: 1000 },
    { tokenType: 5, tokenKey: old },
    { tokenType: 2, tokenKey: new Uint8Array(300) },
  ],
}

/** The document with one field of its first key, or of itself, replaced. */
function changed(fields: object, keyFields: object = {}): string {
  const document = JSON.parse(formatDirectory(directory)) as { "token-keys": object[] }
  document["token-keys"][0] = { ...document["token-keys"][0], ...keyFields }
  return JSON.stringify({ ...document, ...fields })
}

const refused = (text: string) => outcome(() => parseDirectory(text))

describe("an issuer's directory", () => {
  test("has the fields of RFC 9578 and comes back", () => {
    const text = formatDirectory(directory)
    expect(JSON.parse(text)).toEqual({
      "issuer-request-uri": "https://example.org/as/request-tokens",
      "token-keys": [
        { "token-type": 5, "token-key": toBase64Url(next), "not-before": 2000 },
        { "token-type": 5, "token-key": toBase64Url(current), "not-before": 1000 },
        { "token-type": 5, "token-key": toBase64Url(old) },
        { "token-type": 2, "token-key": toBase64Url(new Uint8Array(300)) },
      ],
    })
    expect(parseDirectory(text)).toEqual(directory)
  })

  test("offers the first key of our type whose time has come", () => {
    expect([0, 999, 1000, 1999, 2000].map((now) => preferredKey(directory, now))).toEqual([
      old,
      old,
      current,
      current,
      next,
    ])
    const [staged] = directory.tokenKeys as [DirectoryKey]
    expect(preferredKey({ ...directory, tokenKeys: [staged] }, 1999)).toBeUndefined()
    expect(preferredKey({ ...directory, tokenKeys: directory.tokenKeys.slice(3) }, 5000)).toBeUndefined()
  })

  test("may hold fields that are not known, and a relative address", () => {
    expect(parseDirectory(changed({ more: [1] }, { "token-key-legacy": "x" }))).toEqual(directory)
    expect(parseDirectory(changed({ "issuer-request-uri": "/request" })).issuerRequestUri).toBe("/request")
  })

  test("is refused if a field is missing, of another type or out of bounds", async () => {
    const key = { "token-type": 5, "token-key": toBase64Url(old) }
    for (const text of [
      "",
      "null",
      "[]",
      '"text"',
      "{}",
      "{",
      changed({ "issuer-request-uri": undefined }),
      changed({ "issuer-request-uri": 5 }),
      changed({ "issuer-request-uri": "" }),
      changed({ "issuer-request-uri": "https://exa mple.org" }),
      changed({ "token-keys": undefined }),
      changed({ "token-keys": {} }),
      changed({ "token-keys": [null] }),
      changed({ "token-keys": ["x"] }),
      changed({ "token-keys": Array.from({ length: ISSUER_KEYS_MAX + 1 }, () => key) }),
      changed({}, { "token-type": "5" }),
      changed({}, { "token-type": 5.5 }),
      changed({}, { "token-type": -1 }),
      changed({}, { "token-type": 0x1_0000 }),
      changed({}, { "token-key": toBase64Url(old.subarray(1)) }),
      changed({}, { "token-key": toBase64Url(old).replace("=", "") }),
      changed({}, { "token-key": 7 }),
      changed({}, { "not-before": "1" }),
      changed({}, { "not-before": -1 }),
      changed({}, { "not-before": 1.5 }),
      changed({}, { "not-before": null }),
      changed({ fill: "x".repeat(ISSUER_DIRECTORY_CHARACTERS_MAX) }),
    ]) {
      expect(await refused(text)).toBe("malformed")
    }
  })

  test("any JSON is read or refused, never anything else", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (text) =>
        expect(["done", "malformed"]).toContain(await refused(text)),
      ),
    )
  })
})

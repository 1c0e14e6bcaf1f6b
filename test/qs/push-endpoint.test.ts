import { expect, test } from "bun:test"
import fc from "fast-check"
import { parseEndpoint } from "../../src/qs/push/endpoint.ts"
import { utf8 } from "../../src/wire/bytes.ts"

test("push resources come apart into name, port, path and origin", () => {
  const cases = [
    ["https://fcm.googleapis.com/fcm/send/abc:d_e-f", "fcm.googleapis.com", 443, "/fcm/send/abc:d_e-f"],
    ["https://push.example.net:8443/a?b=c", "push.example.net", 8443, "/a?b=c"],
    ["https://localhost:1/", "localhost", 1, "/"],
    ["https://a.b2/@/https://x", "a.b2", 443, "/@/https://x"],
  ] as const
  for (const [url, host, port, path] of cases) {
    const endpoint = parseEndpoint(utf8(url))!
    expect([endpoint.host, endpoint.port, Buffer.from(endpoint.path).toString()]).toEqual([host, port, path])
    expect(endpoint.origin).toBe(new URL(url).origin)
  }
})

test("whatever could lead elsewhere, or make two requests of one, is no push resource", () => {
  const hostile = [
    ...[
      "",
      "https://",
      "https:///x",
      "https://push.example.net",
      "http://push.example.net/",
      "HTTPS://a.example/",
    ],
    ...[
      "https://127.0.0.1/",
      "https://2130706433/",
      "https://0x7f000001/",
      "https://0177.0.0.1/",
      "https://127.1/",
    ],
    ...["https://[::1]/", "https://::1/", "https://user@push.example.net/", "https://a:b@push.example.net/"],
    ...["https://push.example.net:/", "https://push.example.net:0/", "https://push.example.net:65536/"],
    ...["https://push.example.net:443:443/", "https://push.example.net:-1/", "https://PUSH.example.net/"],
    ...[
      "https://push..net/",
      "https://.net/",
      "https://-a.net/",
      "https://a-.net/",
      "https://push.example.net./",
    ],
    ...[
      "https://a_b.net/",
      `https://${"a".repeat(64)}.net/`,
      `https://${"a.".repeat(140)}net/`,
      "https://ä.net/",
    ],
    ...[
      "https://push.example.net/a b",
      "https://push.example.net/a\r\nHost: b",
      "https://push.example.net/\0",
    ],
    ...["https://push.example.net/ä", "https://push.example.net/#a", "https://push.example.net\\@evil.net/"],
    ...["https://push.example.net?a/", " https://push.example.net/", "//push.example.net/", "https:/a.net/"],
  ]
  for (const url of hostile) expect([url, parseEndpoint(utf8(url))]).toEqual([url, undefined])
})

test("any bytes are either refused or the same place for this parser as for the platform's", () => {
  const characters = "https://a.b-9:1@/?#[]%\\ \r\n"
  const text = fc.string({ unit: fc.constantFrom(...characters), maxLength: 30 })
  fc.assert(
    fc.property(
      fc.oneof(
        text,
        text.map((rest) => `https://a.example${rest}`),
      ),
      (url) => {
        const endpoint = parseEndpoint(utf8(url))
        if (endpoint === undefined) return
        const platform = new URL(url)
        expect([platform.protocol, platform.username, platform.hash]).toEqual(["https:", "", ""])
        expect([platform.hostname, Number(platform.port || 443)]).toEqual([endpoint.host, endpoint.port])
      },
    ),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(parseEndpoint(bytes)).toBeUndefined()
    }),
  )
})

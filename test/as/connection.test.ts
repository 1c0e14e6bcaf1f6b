import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { open, seal } from "../../src/crypto/hpke.ts"
import { labels } from "../../src/crypto/labels.ts"
import { CryptoError } from "../../src/crypto/provider.ts"
import { concat, equal } from "../../src/wire/bytes.ts"
import {
  CONNECTION_MESSAGE_BYTES,
  connectionPackageRef,
  decodeConnectionPackage,
  makeConnectionPackage,
  openConnectionRequest,
  readConnectionPackageRef,
  sealConnectionRequest,
  verifyConnectionPackage,
} from "../../src/wire/connection.ts"
import { CredentialError } from "../../src/wire/credentials.ts"
import {
  openWelcomeAttribution,
  sealWelcomeAttribution,
  WELCOME_ATTRIBUTION_BYTES,
} from "../../src/wire/friendship.ts"
import { CodecError } from "../../src/wire/tls.ts"
import { crypto, DAY, DOMAIN, flipBit, makeAuthority, makeClient, NOW, signPackage } from "./fixtures.ts"

const authority = makeAuthority()
const alice = makeClient(authority)
const bob = makeClient(authority)
const trustOf = (domain: string) => (domain === DOMAIN ? authority.trust : undefined)

const secretKey = crypto.random(32)
const encryptionKey = crypto.x25519Public(secretKey)
const group = { groupId: crypto.random(16), earKey: crypto.random(32), credentialKey: crypto.random(32) }

describe("a connection package", () => {
  const made = makeConnectionPackage(crypto, bob.seed, bob.credential, encryptionKey, NOW)

  test("names its owner and the key to seal to", () => {
    const verified = verifyConnectionPackage(crypto, authority.trust, made, NOW)
    expect(verified.encryptionKey).toEqual(encryptionKey)
    expect(verified.client.clientId).toEqual(bob.clientId)
  })

  test("is refused with any bit changed, by another's signature, expired and of another domain", () => {
    for (let bit = 0; bit < 8 * made.length; bit += 11) {
      expect(() => verifyConnectionPackage(crypto, authority.trust, flipBit(made, bit), NOW)).toThrow(
        CredentialError,
      )
    }
    const forged = makeConnectionPackage(crypto, alice.seed, bob.credential, encryptionKey, NOW)
    expect(() => verifyConnectionPackage(crypto, authority.trust, forged, NOW)).toThrow("bad-signature")
    expect(() => verifyConnectionPackage(crypto, authority.trust, made, NOW + 100 * DAY)).toThrow(
      "not-valid-now",
    )
    const elsewhere = makeAuthority("example.net").trust
    expect(() => verifyConnectionPackage(crypto, elsewhere, made, NOW)).toThrow("unknown-issuer")
  })

  test("is refused with a lifetime beyond its owner's credential", () => {
    const decoded = decodeConnectionPackage(made)
    const { expiration } = decoded
    const longer = { ...decoded, expiration: { ...expiration, notAfter: expiration.notAfter + 1 } }
    expect(() =>
      verifyConnectionPackage(crypto, authority.trust, signPackage(longer, bob.seed), NOW),
    ).toThrow("not-nested")
    expect(signPackage(decoded, bob.seed)).toEqual(made)
  })

  test("shows of its time the month and nothing else", () => {
    const later = makeConnectionPackage(crypto, bob.seed, bob.credential, encryptionKey, NOW + 5 * DAY)
    expect(later).toEqual(made)
  })
})

describe("a connection request", () => {
  const message = sealConnectionRequest(crypto, encryptionKey, alice.seed, alice.credential, group)

  test("brings the sender's identity and the group's keys to the recipient", () => {
    const { sender, ...opened } = openConnectionRequest(crypto, secretKey, message, trustOf, NOW)
    expect(sender.clientId).toEqual(alice.clientId)
    expect(opened).toEqual(group)
    expect(readConnectionPackageRef(message)).toEqual(connectionPackageRef(crypto, encryptionKey))
  })

  test("does not open with another key, changed, truncated or made up", () => {
    expect(() => openConnectionRequest(crypto, crypto.random(32), message, trustOf, NOW)).toThrow(CryptoError)
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.uint8Array({ maxLength: 900 }), (bit, cut, bytes) => {
        for (const input of [flipBit(message, bit), message.subarray(0, cut % message.length), bytes]) {
          expect(() => openConnectionRequest(crypto, secretKey, input, trustOf, NOW)).toThrow(CryptoError)
        }
      }),
      { numRuns: 60 },
    )
  })

  test("is refused when the sender is not whom the credential names", () => {
    const forged = sealConnectionRequest(crypto, encryptionKey, bob.seed, alice.credential, group)
    expect(() => openConnectionRequest(crypto, secretKey, forged, trustOf, NOW)).toThrow("bad-signature")
    const mallory = makeClient(makeAuthority())
    const unknown = sealConnectionRequest(crypto, encryptionKey, mallory.seed, mallory.credential, group)
    expect(() => openConnectionRequest(crypto, secretKey, unknown, trustOf, NOW)).toThrow("unknown-issuer")
    const foreigner = makeClient(makeAuthority("example.net"))
    const foreign = sealConnectionRequest(crypto, encryptionKey, foreigner.seed, foreigner.credential, group)
    expect(() => openConnectionRequest(crypto, secretKey, foreign, trustOf, NOW)).toThrow("unknown-issuer")
    expect(() => openConnectionRequest(crypto, secretKey, message, trustOf, NOW + 100 * DAY)).toThrow(
      "not-valid-now",
    )
  })

  test("cannot be passed on to somebody else as if it were for them", () => {
    const carolSecret = crypto.random(32)
    const carolKey = crypto.x25519Public(carolSecret)
    const plaintext = open(
      crypto,
      secretKey,
      labels.connectionEstablishment,
      message.subarray(0, 17),
      message.subarray(17),
    )
    const header = concat(message.subarray(0, 1), connectionPackageRef(crypto, carolKey))
    const passedOn = concat(header, seal(crypto, carolKey, labels.connectionEstablishment, header, plaintext))
    expect(() => openConnectionRequest(crypto, carolSecret, passedOn, trustOf, NOW)).toThrow("bad-signature")
  })

  test("has one length for every domain and no bytes in common with another", () => {
    const longest = makeClient(makeAuthority("a".repeat(253)))
    const other = sealConnectionRequest(crypto, encryptionKey, longest.seed, longest.credential, group)
    expect([message.length, other.length]).toEqual([CONNECTION_MESSAGE_BYTES, CONNECTION_MESSAGE_BYTES])
    const again = sealConnectionRequest(crypto, encryptionKey, alice.seed, alice.credential, group)
    expect(equal(again.subarray(17, 80), message.subarray(17, 80))).toBe(false)
  })

  test("is only sealed with parts of the right length", () => {
    const short = { ...group, earKey: new Uint8Array(31) }
    const seal = (credential: Uint8Array, parts: typeof group) => () =>
      sealConnectionRequest(crypto, encryptionKey, alice.seed, credential, parts)
    expect(seal(alice.credential, short)).toThrow(CodecError)
    expect(seal(new Uint8Array(2000), group)).toThrow(CodecError)
    expect(() => readConnectionPackageRef(message.subarray(1))).toThrow(CodecError)
  })
})

describe("a welcome attribution", () => {
  const friendshipKey = crypto.random(32)
  const credentialKey = crypto.random(32)
  const context = { groupId: crypto.random(16), welcome: crypto.random(5000) }
  const sender = { clientSeed: alice.seed, clientCredential: alice.credential }
  const sealed = sealWelcomeAttribution(crypto, friendshipKey, sender, credentialKey, context)
  const openAttribution = (key = friendshipKey, bytes = sealed, to = context) =>
    openWelcomeAttribution(crypto, key, bytes, to, trustOf, NOW)

  test("says who added the joiner and brings the group's credential key", () => {
    const opened = openAttribution()
    expect(opened.sender.clientId).toEqual(alice.clientId)
    expect(opened.groupCredentialKey).toEqual(credentialKey)
  })

  test("is refused with another key, group or Welcome", () => {
    expect(() => openAttribution(crypto.random(32))).toThrow(CryptoError)
    expect(() => openAttribution(friendshipKey, sealed, { ...context, groupId: crypto.random(16) })).toThrow(
      CryptoError,
    )
    expect(() =>
      openAttribution(friendshipKey, sealed, { ...context, welcome: crypto.random(5000) }),
    ).toThrow("bad-signature")
  })

  test("is refused changed, truncated, made up, or signed by another", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.uint8Array({ maxLength: 700 }), (bit, cut, bytes) => {
        for (const input of [flipBit(sealed, bit), sealed.subarray(0, cut % sealed.length), bytes]) {
          expect(() => openAttribution(friendshipKey, input)).toThrow(CryptoError)
        }
      }),
      { numRuns: 100 },
    )
    const forger = { clientSeed: bob.seed, clientCredential: alice.credential }
    const forged = sealWelcomeAttribution(crypto, friendshipKey, forger, credentialKey, context)
    expect(() => openAttribution(friendshipKey, forged)).toThrow("bad-signature")
  })

  test("has one length for every domain", () => {
    const longest = makeClient(makeAuthority("a".repeat(253)))
    const from = { clientSeed: longest.seed, clientCredential: longest.credential }
    const other = sealWelcomeAttribution(crypto, friendshipKey, from, credentialKey, context)
    expect([sealed.length, other.length]).toEqual([WELCOME_ATTRIBUTION_BYTES, WELCOME_ATTRIBUTION_BYTES])
  })
})

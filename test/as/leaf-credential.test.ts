import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { labels } from "../../src/crypto/labels.ts"
import { CryptoError } from "../../src/crypto/provider.ts"
import { signLabeled } from "../../src/crypto/signature.ts"
import { concat, equal, utf8 } from "../../src/wire/bytes.ts"
import { CREDENTIAL_CIPHERSUITE } from "../../src/wire/credential-format.ts"
import { CredentialError, verifyChain } from "../../src/wire/credentials.ts"
import {
  type CredentialPurpose,
  ENCRYPTED_CREDENTIAL_BYTES,
  openCredential,
  sealCredential,
} from "../../src/wire/encrypted-credential.ts"
import {
  decodeLeafPseudonym,
  LEAF_CREDENTIAL_BYTES,
  makeLeafCredential,
  verifyLeafCredential,
} from "../../src/wire/leaf-credential.ts"
import { openSymmetric, sealSymmetric } from "../../src/wire/sealed.ts"
import { CodecError } from "../../src/wire/tls.ts"
import { crypto, DAY, flipBit, makeAuthority, makeClient, NOW, type TestClient } from "./fixtures.ts"

const authority = makeAuthority()
const alice = makeClient(authority)
const bob = makeClient(authority)
const verified = (client: TestClient) => verifyChain(crypto, authority.trust, client.credential, NOW)

function makeLeaf(client: TestClient, signatureKey = crypto.random(32), leafSeed = crypto.random(32)) {
  const leafCredential = makeLeafCredential(crypto, {
    clientSeed: client.seed,
    clientCredential: client.credential,
    leafSeed,
    signatureKey,
    now: NOW,
  })
  return { leafCredential, leafPublicKey: crypto.ed25519Public(leafSeed), signatureKey }
}

describe("a leaf credential", () => {
  const leafSeed = crypto.random(32)
  const leaf = makeLeaf(alice, crypto.random(32), leafSeed)
  const check = (change: Partial<Parameters<typeof verifyLeafCredential>[1]>) => () =>
    verifyLeafCredential(crypto, { ...leaf, client: verified(alice), now: NOW, ...change })

  test("proves to those with the key whose it is", () => {
    expect(check({})).not.toThrow()
  })

  test("is refused for another leaf, client or key, and outside its time", () => {
    expect(check({ leafPublicKey: makeLeaf(alice).leafPublicKey })).toThrow("wrong-key")
    expect(check({ client: verified(bob) })).toThrow("unknown-issuer")
    expect(check({ signatureKey: crypto.random(32) })).toThrow("bad-signature")
    expect(check({ signatureKey: new Uint8Array(5) })).toThrow("bad-signature")
    expect(check({ now: NOW + 100 * DAY })).toThrow("not-valid-now")
    const { expiration } = verified(alice)
    const shorter = { ...verified(alice), expiration: { ...expiration, notAfter: expiration.notAfter - 1 } }
    expect(check({ client: shorter })).toThrow("not-nested")
  })

  test("is refused when somebody else signed for the client", () => {
    const forged = makeLeaf({ ...alice, seed: bob.seed })
    expect(check(forged)).toThrow("bad-signature")
  })

  test("is refused with any bit changed, shortened or lengthened", () => {
    for (let bit = 0; bit < 8 * LEAF_CREDENTIAL_BYTES; bit += 3) {
      expect(check({ leafCredential: flipBit(leaf.leafCredential, bit) })).toThrow(CredentialError)
    }
    for (let length = 0; length < LEAF_CREDENTIAL_BYTES; length += 7) {
      expect(check({ leafCredential: leaf.leafCredential.subarray(0, length) })).toThrow(CredentialError)
    }
    expect(check({ leafCredential: Uint8Array.of(...leaf.leafCredential, 0) })).toThrow(CredentialError)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(check({ leafCredential: bytes })).toThrow(CredentialError)
        expect(() => decodeLeafPseudonym(bytes)).toThrow(CodecError)
      }),
      { numRuns: 100 },
    )
  })

  test("is refused for a leaf key that the client has no proof of having", () => {
    const { publicKey } = decodeLeafPseudonym(leaf.leafCredential)
    const pseudonym = concat(Uint8Array.of(1, 0, 1), crypto.random(16), publicKey)
    const { expiration, fingerprint } = verified(alice)
    const times = new DataView(new ArrayBuffer(16))
    times.setBigUint64(0, BigInt(expiration.notBefore))
    times.setBigUint64(8, BigInt(expiration.notAfter))
    const tbs = concat(pseudonym, new Uint8Array(times.buffer), fingerprint)
    const make = (leafSeed: Uint8Array) => {
      const selfSignature = signLabeled(crypto, leafSeed, labels.leafRequest, tbs)
      const covered = concat(tbs, selfSignature)
      const signature = signLabeled(crypto, alice.seed, labels.leafCredential, covered)
      const proof = concat(covered.subarray(pseudonym.length), signature)
      const associatedData = concat(utf8("Cinder 1 leaf credential proof"), pseudonym)
      return concat(pseudonym, sealSymmetric(crypto, leaf.signatureKey, associatedData, proof))
    }
    expect(check({ leafCredential: make(leafSeed) })).not.toThrow()
    expect(check({ leafCredential: make(crypto.random(32)) })).toThrow("bad-signature")
  })

  test("is not made with a client credential that is expired", () => {
    const parts = {
      clientSeed: alice.seed,
      clientCredential: alice.credential,
      signatureKey: leaf.signatureKey,
    }
    const make = () => makeLeafCredential(crypto, { ...parts, leafSeed: alice.seed, now: NOW + 100 * DAY })
    expect(make).toThrow("not-valid-now")
  })

  test("shares nothing with another leaf of the client but version and ciphersuite", () => {
    const leaves = Array.from({ length: 40 }, () => makeLeaf(alice).leafCredential)
    const constant = Array.from({ length: LEAF_CREDENTIAL_BYTES }, (_, at) => at).filter((at) =>
      leaves.every((bytes) => bytes[at] === leaves[0]![at]),
    )
    expect(constant).toEqual([0, 1, 2])
    expect([...leaves[0]!.subarray(1, 3)]).toEqual([0, CREDENTIAL_CIPHERSUITE])
    const windows = new Set<string>()
    for (const bytes of leaves) {
      for (let at = 3; at + 6 <= bytes.length; at++)
        windows.add(Buffer.from(bytes.subarray(at, at + 6)).toString("hex"))
    }
    expect(windows.size).toBe(leaves.length * (LEAF_CREDENTIAL_BYTES - 8))
  })

  test("has one length, for short and for long domains", () => {
    const longest = makeAuthority("a".repeat(253))
    expect(makeLeaf(makeClient(longest)).leafCredential.length).toBe(LEAF_CREDENTIAL_BYTES)
    expect(leaf.leafCredential.length).toBe(LEAF_CREDENTIAL_BYTES)
  })
})

describe("an encrypted credential", () => {
  const key = crypto.random(32)
  const { leafPublicKey, signatureKey } = makeLeaf(alice)
  const owner = { clientCredential: alice.credential, signatureKey }

  test("opens for its purpose, key and leaf only", () => {
    for (const purpose of ["group", "add-package"] as const) {
      const other: CredentialPurpose = purpose === "group" ? "add-package" : "group"
      const sealed = sealCredential(crypto, purpose, key, leafPublicKey, owner)
      expect(openCredential(crypto, purpose, key, leafPublicKey, sealed)).toEqual(owner)
      expect(() => openCredential(crypto, other, key, leafPublicKey, sealed)).toThrow(CryptoError)
      expect(() => openCredential(crypto, purpose, crypto.random(32), leafPublicKey, sealed)).toThrow(
        CryptoError,
      )
      expect(() => openCredential(crypto, purpose, key, signatureKey, sealed)).toThrow(CryptoError)
    }
  })

  test("is refused changed, truncated or made up", () => {
    const sealed = sealCredential(crypto, "group", key, leafPublicKey, owner)
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.uint8Array({ maxLength: 700 }), (bit, cut, bytes) => {
        for (const input of [flipBit(sealed, bit), sealed.subarray(0, cut % sealed.length), bytes]) {
          expect(() => openCredential(crypto, "group", key, leafPublicKey, input)).toThrow(CryptoError)
        }
      }),
      { numRuns: 100 },
    )
  })

  test("is refused with anything but zeros after its content", () => {
    const associatedData = concat(labels.groupCredential, leafPublicKey)
    const sealed = sealCredential(crypto, "group", key, leafPublicKey, owner)
    const plaintext = openSymmetric(crypto, key, associatedData, sealed)
    plaintext[plaintext.length - 1] = 1
    const resealed = sealSymmetric(crypto, key, associatedData, plaintext)
    expect(() => openCredential(crypto, "group", key, leafPublicKey, resealed)).toThrow(CodecError)
  })

  test("has one length whatever the domain, and is new each time", () => {
    const longest = makeClient(makeAuthority("a".repeat(253)))
    const sealed = [owner, owner, { clientCredential: longest.credential, signatureKey }].map((each) =>
      sealCredential(crypto, "group", key, leafPublicKey, each),
    )
    expect(sealed.map(({ length }) => length)).toEqual(Array(3).fill(ENCRYPTED_CREDENTIAL_BYTES))
    expect(equal(sealed[0]!, sealed[1]!)).toBe(false)
    const oversized = { clientCredential: new Uint8Array(499), signatureKey }
    expect(() => sealCredential(crypto, "group", key, leafPublicKey, oversized)).toThrow(CodecError)
  })
})

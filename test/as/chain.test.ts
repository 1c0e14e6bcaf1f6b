import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { labels } from "../../src/crypto/labels.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { signLabeled } from "../../src/crypto/signature.ts"
import { equal } from "../../src/wire/bytes.ts"
import {
  decodeAsCredential,
  decodeIssuedCredential,
  encodeIssuedCredential,
  type IssuedCredential,
  issuedCredentialTbs,
} from "../../src/wire/credential-format.ts"
import {
  CredentialError,
  type CredentialRefusal,
  issueClientCredential,
  issueIntermediate,
  makeAsCredential,
  makeClientCsr,
  makeIntermediateCsr,
  type TrustAnchors,
  verifyChain,
  verifyChainOfAnyDomain,
  verifyClientCsr,
} from "../../src/wire/credentials.ts"
import { credentialFingerprint, subjectFingerprint } from "../../src/wire/revocation.ts"
import { type Authority, crypto, DAY, DOMAIN, flipBit, makeAuthority, makeClient, NOW } from "./fixtures.ts"

function refusal(work: () => unknown): CredentialRefusal | "accepted" {
  try {
    work()
    return "accepted"
  } catch (error) {
    if (error instanceof CredentialError) return error.code
    throw error
  }
}

const authority = makeAuthority()
const client = makeClient(authority)
const verify = (credential: Uint8Array, trust: TrustAnchors = authority.trust, now = NOW) =>
  refusal(() => verifyChain(crypto, trust, credential, now))

/** Changes a client credential and has the issuer sign it again. */
function reissued(from: Authority, change: (original: IssuedCredential) => Partial<IssuedCredential>) {
  const original = decodeIssuedCredential("client", client.credential)
  const changed = { ...original, ...change(original) }
  const tbs = issuedCredentialTbs(changed)
  const signature = signLabeled(crypto, from.intermediateSeed, labels.clientCredential, tbs)
  return encodeIssuedCredential({ ...changed, signature })
}

describe("a chain of credentials", () => {
  test("verifies up to the root, with both providers", () => {
    for (const provider of [crypto, portableCrypto]) {
      const verified = verifyChain(provider, authority.trust, client.credential, NOW)
      expect(verified.clientId).toEqual(client.clientId)
      expect(verified.domain).toBe(DOMAIN)
      expect(verified.publicKey).toEqual(crypto.ed25519Public(client.seed))
      expect(verified.fingerprint).toEqual(credentialFingerprint(crypto, client.credential))
    }
  })

  test("refuses every credential with a bit changed", () => {
    fc.assert(
      fc.property(fc.nat(), (bit) => {
        expect(verify(flipBit(client.credential, bit))).not.toBe("accepted")
      }),
      { numRuns: 200 },
    )
  })

  test("refuses a changed intermediate or root, whatever the bit", () => {
    fc.assert(
      fc.property(fc.nat(), (bit) => {
        const { root, intermediate, trust } = authority
        expect(verify(client.credential, { ...trust, intermediates: [flipBit(intermediate, bit)] })).toBe(
          "unknown-issuer",
        )
        expect(verify(client.credential, { ...trust, credentials: [flipBit(root, bit)] })).toBe(
          "unknown-issuer",
        )
      }),
      { numRuns: 50 },
    )
  })

  test("refuses a credential forged with another issuer's key", () => {
    const forger = makeAuthority()
    expect(verify(reissued(forger, () => ({})))).toBe("bad-signature")
    expect(verify(makeClient(forger).credential)).toBe("unknown-issuer")
    const mixed = { ...authority.trust, intermediates: [forger.intermediate] }
    expect(verify(makeClient(forger).credential, mixed)).toBe("unknown-issuer")
  })

  test("refuses an intermediate that a client signed for itself", () => {
    const seed = crypto.random(32)
    const csr = makeIntermediateCsr(crypto, seed, DOMAIN)
    const intermediate = issueIntermediate(crypto, client.seed, authority.root, csr, NOW)
    const forged = makeClient({ ...authority, intermediateSeed: seed, intermediate })
    const trust = { ...authority.trust, intermediates: [authority.intermediate, intermediate] }
    expect(verify(forged.credential, trust)).toBe("bad-signature")
  })

  test("refuses a root whose own signature does not verify", () => {
    const root = authority.root.slice()
    root[root.length - 70] = root[root.length - 70]! ^ 1
    const intermediate = issueIntermediate(
      crypto,
      authority.rootSeed,
      root,
      makeIntermediateCsr(crypto, authority.intermediateSeed, DOMAIN),
      NOW,
    )
    const changed = { ...authority, root, intermediate }
    const trust = { ...authority.trust, credentials: [root], intermediates: [intermediate] }
    expect(verify(makeClient(changed).credential, trust)).toBe("bad-signature")
  })

  test("refuses a credential without its subject's proof of possession", () => {
    const stripped = reissued(authority, ({ request }) => ({
      request: { ...request, selfSignature: new Uint8Array(64) },
    }))
    expect(verify(stripped)).toBe("bad-signature")
    const foreignKey = reissued(authority, ({ request }) => ({
      request: { ...request, publicKey: crypto.ed25519Public(crypto.random(32)) },
    }))
    expect(verify(foreignKey)).toBe("bad-signature")
  })

  test("refuses signatures under the label of another kind of credential", () => {
    const original = decodeIssuedCredential("client", client.credential)
    const tbs = issuedCredentialTbs(original)
    for (const label of Object.values(labels)) {
      if (label === labels.clientCredential) continue
      const signature = signLabeled(crypto, authority.intermediateSeed, label, tbs)
      expect(verify(encodeIssuedCredential({ ...original, signature }))).toBe("bad-signature")
    }
  })

  test("refuses what is not valid yet, or no longer, at each link", () => {
    const expiration = decodeIssuedCredential("client", client.credential).expiration
    expect(verify(client.credential, authority.trust, expiration.notBefore)).toBe("accepted")
    expect(verify(client.credential, authority.trust, expiration.notAfter)).toBe("accepted")
    expect(verify(client.credential, authority.trust, expiration.notBefore - 1)).toBe("not-valid-now")
    expect(verify(client.credential, authority.trust, expiration.notAfter + 1)).toBe("not-valid-now")
  })

  test("refuses a lifetime that reaches beyond the issuer's", () => {
    const longer = reissued(authority, ({ expiration }) => ({
      expiration: { ...expiration, notAfter: expiration.notAfter + 400 * DAY },
    }))
    expect(verify(longer)).toBe("not-nested")
    const earlier = reissued(authority, ({ expiration }) => ({
      expiration: { ...expiration, notBefore: expiration.notBefore - 1 },
    }))
    expect(verify(earlier)).toBe("not-nested")
  })

  test("refuses a chain of another domain, or of two", () => {
    const foreign = makeAuthority("example.net")
    const foreigner = makeClient(foreign)
    expect(verify(foreigner.credential, { ...foreign.trust, domain: DOMAIN })).toBe("wrong-domain")
    const csr = makeClientCsr(crypto, client.seed, client.clientId, "example.net")
    const request = decodeIssuedCredential("client", foreigner.credential).request
    expect(verify(reissued(authority, () => ({ request })))).toBe("wrong-domain")
    expect(
      refusal(() =>
        issueClientCredential(crypto, authority.intermediateSeed, authority.intermediate, csr, NOW),
      ),
    ).toBe("wrong-domain")
  })

  test("refuses a root of another domain, even if it signed for this one", () => {
    const foreign = makeAuthority("example.net")
    const unsigned = {
      ...decodeIssuedCredential("intermediate", authority.intermediate),
      signerFingerprint: credentialFingerprint(crypto, foreign.root),
    }
    const tbs = issuedCredentialTbs(unsigned)
    const signature = signLabeled(crypto, foreign.rootSeed, labels.asIntermediateCredential, tbs)
    const intermediate = encodeIssuedCredential({ ...unsigned, signature })
    const trust = { ...authority.trust, credentials: [foreign.root], intermediates: [intermediate] }
    expect(verify(makeClient({ ...authority, intermediate }).credential, trust)).toBe("wrong-domain")
  })

  test("refuses a chain with a revoked link", () => {
    for (const bytes of [client.credential, authority.intermediate, authority.root]) {
      const revoked = [crypto.random(32), credentialFingerprint(crypto, bytes)]
      expect(verify(client.credential, { ...authority.trust, revoked })).toBe("revoked")
    }
    for (const id of [client.clientId, client.clientId.subarray(0, 16)]) {
      const revoked = [crypto.random(32), subjectFingerprint(crypto, id)]
      expect(verify(client.credential, { ...authority.trust, revoked })).toBe("revoked")
      expect(verify(makeClient(authority).credential, { ...authority.trust, revoked })).toBe("accepted")
    }
  })

  test("finds its issuers among several, and its domain among those that are known", () => {
    const others = [makeAuthority(), makeAuthority()]
    const trust = {
      ...authority.trust,
      credentials: [...others.map(({ root }) => root), authority.root],
      intermediates: [...others.map(({ intermediate }) => intermediate), authority.intermediate],
    }
    expect(verify(client.credential, trust)).toBe("accepted")
    const known = (domain: string) => (domain === DOMAIN ? trust : undefined)
    const foreigner = makeClient(makeAuthority("example.net"))
    expect(verifyChainOfAnyDomain(crypto, known, client.credential, NOW).domain).toBe(DOMAIN)
    expect(refusal(() => verifyChainOfAnyDomain(crypto, known, foreigner.credential, NOW))).toBe(
      "unknown-issuer",
    )
  })

  test("never throws anything but a CredentialError on arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2500 }), (bytes) => {
        const trust = { ...authority.trust, intermediates: [bytes], credentials: [bytes] }
        expect(verify(bytes, trust)).not.toBe("accepted")
      }),
      { numRuns: 100 },
    )
  })
})

describe("issuing", () => {
  test("accepts a request with its proof of possession only", () => {
    const csr = makeClientCsr(crypto, client.seed, client.clientId, DOMAIN)
    expect(verifyClientCsr(crypto, csr, DOMAIN).clientId).toEqual(client.clientId)
    const { intermediateSeed, intermediate } = authority
    for (let bit = 0; bit < 8 * csr.length; bit += 5) {
      const changed = flipBit(csr, bit)
      expect(
        refusal(() => issueClientCredential(crypto, intermediateSeed, intermediate, changed, NOW)),
      ).not.toBe("accepted")
    }
    const intermediateCsr = makeIntermediateCsr(crypto, client.seed, DOMAIN)
    expect(refusal(() => verifyClientCsr(crypto, intermediateCsr, DOMAIN))).toBe("malformed")
  })

  test("nests every lifetime in its issuer's, also at the issuer's end", () => {
    const issuer = decodeIssuedCredential("intermediate", authority.intermediate).expiration
    const root = decodeAsCredential(authority.root).expiration
    expect(issuer.notBefore).toBeGreaterThanOrEqual(root.notBefore)
    const late = makeClient(authority, issuer.notAfter - DAY)
    expect(decodeIssuedCredential("client", late.credential).expiration.notAfter).toBe(issuer.notAfter)
    expect(verify(late.credential, authority.trust, issuer.notAfter - DAY)).toBe("accepted")
  })

  test("is refused with an issuer that is expired", () => {
    const { notAfter } = decodeIssuedCredential("intermediate", authority.intermediate).expiration
    expect(refusal(() => makeClient(authority, notAfter + 1))).toBe("not-valid-now")
  })

  test("shows of its time the month and nothing else", () => {
    const days = [1, 2, 15, 28, 30].map((day) => Date.UTC(2026, 10, day, day % 24, day, day) / 1000)
    const starts = days.map((now) => decodeIssuedCredential("client", makeClient(authority, now).credential))
    expect(new Set(starts.map(({ expiration }) => JSON.stringify(expiration))).size).toBe(1)
    const seed = crypto.random(32)
    const [first, ...others] = days.map((now) => makeAsCredential(crypto, seed, DOMAIN, now))
    for (const other of others) expect(equal(first!, other)).toBe(true)
  })
})

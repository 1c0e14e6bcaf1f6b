import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  exportedRoot,
  installIntermediate,
  makeRoot,
  requestIntermediate,
  signRequest,
} from "../../src/config/authority/ceremony.ts"
import type { RootFile, SignedFile } from "../../src/config/authority/files.ts"
import {
  clientRevocation,
  credentialRevocation,
  userRevocation,
  withRevocation,
} from "../../src/config/authority/revocation.ts"
import {
  intermediateEnd,
  makeAuthority,
  renewedIfDue,
  rootEnd,
  withNewIntermediate,
  withNewRoot,
  withoutExpired,
} from "../../src/config/authority/rotation.ts"
import {
  type AuthoritySecrets,
  decodeAuthority,
  emptyAuthority,
  encodeAuthority,
} from "../../src/config/authority/secrets.ts"
import { authorityWarnings } from "../../src/config/authority/warnings.ts"
import { ConfigError } from "../../src/config/config.ts"
import { REVOCATIONS_MAX } from "../../src/limits.ts"
import { equal, toHex } from "../../src/wire/bytes.ts"
import { decodeIssuedCredential, encodeIssuedCredential } from "../../src/wire/credential-format.ts"
import {
  issueClientCredential,
  issueIntermediate,
  makeClientCsr,
  makeIntermediateCsr,
  verifyChain,
} from "../../src/wire/credentials.ts"
import { endorsedRoots } from "../../src/wire/endorsement.ts"
import { credentialFingerprint, subjectFingerprint } from "../../src/wire/revocation.ts"
import { CodecError } from "../../src/wire/tls.ts"
import { crypto, DAY, DOMAIN, flipBit, NOW } from "../as/fixtures.ts"

const YEAR = 365 * DAY

function sentence(work: () => unknown): string {
  try {
    work()
    return "accepted"
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
}

const last = (authority: AuthoritySecrets) => authority.intermediates.at(-1) as Uint8Array
const fingerprint = (credential: Uint8Array) => toHex(credentialFingerprint(crypto, credential))

/** What clients are given to verify with. */
const trustOf = ({ roots, intermediates }: AuthoritySecrets) => ({
  domain: DOMAIN,
  credentials: roots,
  intermediates,
  revoked: [],
})

function requireUsable(authority: AuthoritySecrets, now = NOW): void {
  const csr = makeClientCsr(crypto, crypto.random(32), crypto.random(32), DOMAIN)
  const seed = authority.intermediateSeed as Uint8Array
  const credential = issueClientCredential(crypto, seed, last(authority), csr, now)
  verifyChain(crypto, trustOf(authority), credential, now)
}

/** A server that waits for the answer to its request, and the root elsewhere that can give it. */
function ceremony(
  before: AuthoritySecrets = emptyAuthority,
  root: RootFile = makeRoot(crypto, DOMAIN, undefined, NOW),
) {
  const { authority, csr } = requestIntermediate(crypto, before, DOMAIN)
  const signed = signRequest(crypto, root, csr, NOW)
  const install = (answer: SignedFile = signed, options: { newRoot?: boolean; now?: number } = {}) =>
    installIntermediate(crypto, authority, DOMAIN, answer, { newRoot: false, now: NOW, ...options })
  return { authority, csr, root, signed, install }
}

describe("a root that was never on the server", () => {
  test("signs an intermediate that clients' credentials chain up to", () => {
    const { install, root } = ceremony()
    const installed = install()
    requireUsable(installed)
    expect(installed).toMatchObject({ roots: [root.credential], rootSeed: undefined, pendingSeed: undefined })
  })

  test("is asked for the same until the answer is installed, which can be done twice", () => {
    const { authority, csr, install, signed } = ceremony()
    expect(requestIntermediate(crypto, authority, DOMAIN)).toEqual({ authority, csr })
    const installed = install()
    const again = installIntermediate(crypto, installed, DOMAIN, signed, { newRoot: false, now: NOW })
    expect(again).toBe(installed)
  })

  test("signs the next intermediate, with a key of its own, beside the one before", () => {
    const first = ceremony()
    const second = ceremony(first.install(), first.root).install()
    expect(second.intermediates).toHaveLength(2)
    expect(second.roots).toHaveLength(1)
    requireUsable(second)
    const keys = second.intermediates.map(
      (one) => decodeIssuedCredential("intermediate", one).request.publicKey,
    )
    expect(keys[0]).not.toEqual(keys[1] as Uint8Array)
  })

  test("signs nothing but requests of its domain that prove their key", () => {
    const root = makeRoot(crypto, DOMAIN, undefined, NOW)
    const sign = (csr: Uint8Array, now = NOW) => sentence(() => signRequest(crypto, root, csr, now))
    const csr = makeIntermediateCsr(crypto, crypto.random(32), DOMAIN)
    for (let bit = 0; bit < 8 * csr.length; bit += 7)
      expect(sign(flipBit(csr, bit))).toContain("cannot be signed")
    expect(sign(makeIntermediateCsr(crypto, crypto.random(32), "example.net"))).toContain("of another domain")
    expect(sign(makeClientCsr(crypto, crypto.random(32), crypto.random(32), DOMAIN))).toContain(
      "does not decode",
    )
    expect(sign(csr, NOW + 11 * YEAR)).toContain("has expired")
    expect(sign(csr)).toBe("accepted")
  })
})

describe("installing refuses", () => {
  test("the answer to another request, also one whose key the secrets have no more", () => {
    const { signed } = ceremony()
    expect(sentence(() => ceremony().install(signed))).toContain("its key is another one")
    const { install } = ceremony()
    const { csr, root } = ceremony(install())
    const foreign = signRequest(crypto, root, csr, NOW)
    const idle = install()
    expect(
      sentence(() => installIntermediate(crypto, idle, DOMAIN, foreign, { newRoot: true, now: NOW })),
    ).toContain("its key is another one")
  })

  test("an answer with any bit changed", () => {
    const { install, signed } = ceremony()
    fc.assert(
      fc.property(fc.nat(), (bit) => {
        for (const part of ["root", "intermediate"] as const) {
          const changed = { ...signed, [part]: flipBit(signed[part], bit) }
          expect(sentence(() => install(changed))).toContain("cannot be installed")
        }
      }),
      { numRuns: 100 },
    )
  })

  test("an answer that another root signed, or the requester itself", () => {
    const { install, signed, csr, authority } = ceremony()
    const other = makeRoot(crypto, DOMAIN, undefined, NOW)
    const foreign = signRequest(crypto, other, csr, NOW).intermediate
    expect(sentence(() => install({ ...signed, intermediate: foreign }))).toContain(
      "not signed by the root beside it",
    )
    const pending = authority.pendingSeed as Uint8Array
    const own = issueIntermediate(crypto, pending, signed.root, csr, NOW)
    expect(sentence(() => install({ ...signed, intermediate: own }))).toContain(
      "a signature in it does not verify",
    )
  })

  test("an answer for another domain, one that has expired, and one that would outlive its root", () => {
    const { authority, install, signed, root } = ceremony()
    const elsewhere = () =>
      installIntermediate(crypto, authority, "example.net", signed, { newRoot: true, now: NOW })
    expect(sentence(elsewhere)).toContain("of another domain")
    expect(sentence(() => install(signed, { now: NOW + 2 * YEAR }))).toContain("has expired")
    const decoded = decodeIssuedCredential("intermediate", signed.intermediate)
    const expiration = { ...decoded.expiration, notAfter: rootEnd(root.credential) + 1 }
    const longer = encodeIssuedCredential({ ...decoded, expiration })
    expect(sentence(() => install({ ...signed, intermediate: longer }))).toContain(
      "valid longer than its root",
    )
  })

  test("another kind of credential that the root's key signed", () => {
    const { install, signed, root } = ceremony()
    const csr = makeClientCsr(crypto, crypto.random(32), crypto.random(32), DOMAIN)
    const client = issueClientCredential(crypto, root.seed, signed.intermediate, csr, NOW)
    for (const wrong of [client, root.credential])
      expect(sentence(() => install({ ...signed, intermediate: wrong }))).toContain("does not decode")
  })

  test("a root that none of the published ones vouches for, unless it is asked for", () => {
    const known = ceremony().install()
    const { install, signed } = ceremony(known)
    expect(sentence(install)).toContain("none of the published ones vouches for")
    const forced = install(signed, { newRoot: true })
    expect([forced.roots.length, forced.endorsements.length]).toEqual([2, 0])
    requireUsable(forced)
  })

  test("an earlier root, and what is revoked", () => {
    const first = ceremony()
    const successor = makeRoot(crypto, DOMAIN, first.root, NOW)
    const second = ceremony(first.install(), successor).install()
    expect(sentence(() => ceremony(second, first.root).install())).toContain("signed by an earlier root")
    const revocation = {
      fingerprint: credentialFingerprint(crypto, successor.credential),
      notAfter: NOW + YEAR,
    }
    const revoked = { ...second, revocations: [revocation] }
    expect(sentence(() => ceremony(revoked, successor).install())).toContain("is revoked")
  })
})

describe("a new root", () => {
  test("is vouched for by the one before, offline or not, so that clients which pinned that one accept it", () => {
    const first = ceremony()
    const offline = ceremony(first.install(), makeRoot(crypto, DOMAIN, first.root, NOW)).install()
    const online = withNewRoot(crypto, makeAuthority(crypto, DOMAIN, NOW), DOMAIN, NOW)
    for (const authority of [offline, online]) {
      const [pinned, next] = authority.roots as [Uint8Array, Uint8Array]
      const trust = { ...trustOf(authority), credentials: [pinned] }
      expect(endorsedRoots(crypto, trust, authority.roots, authority.endorsements, NOW)).toEqual([next])
      expect(authority.intermediates).toHaveLength(2)
      requireUsable(authority)
    }
    expect(online.rootSeed).toBeDefined()
    expect(sentence(() => makeRoot(crypto, "example.net", first.root, NOW))).toContain("not of example.net")
  })

  test("takes the place of a root whose key is in the secrets, and that key with it", () => {
    const online = makeAuthority(crypto, DOMAIN, NOW)
    const { root } = exportedRoot(crypto, online)
    const { install } = ceremony(online, makeRoot(crypto, DOMAIN, root, NOW))
    expect(install().rootSeed).toBeUndefined()
    const rotated = withNewRoot(crypto, online, DOMAIN, NOW)
    expect(equal(rotated.rootSeed as Uint8Array, online.rootSeed as Uint8Array)).toBe(false)
  })
})

describe("an exported root", () => {
  test("signs what the server asks for, and is not in the secrets any more", () => {
    const online = withNewRoot(crypto, makeAuthority(crypto, DOMAIN, NOW), DOMAIN, NOW)
    const { root, rest } = exportedRoot(crypto, online)
    expect(Buffer.from(encodeAuthority(rest)).includes(root.seed)).toBe(false)
    const installed = ceremony(rest, root).install()
    expect(installed.intermediates).toHaveLength(3)
    requireUsable(installed)
    for (const work of [
      () => withNewIntermediate(crypto, rest, DOMAIN, NOW),
      () => withNewRoot(crypto, rest, DOMAIN, NOW),
    ])
      expect(sentence(work)).toContain("the root is not in the secrets file: make a request")
    expect(sentence(() => exportedRoot(crypto, rest))).toContain("was exported before")
    expect(renewedIfDue(crypto, rest, DOMAIN, NOW + YEAR - DAY)).toBe(rest)
  })
})

describe("a root in the secrets", () => {
  test("makes an intermediate when one is due and only if it lasts longer, for as long as the root lives", () => {
    let authority = makeAuthority(crypto, DOMAIN, NOW)
    const end = rootEnd(authority.roots[0] as Uint8Array)
    let made = 0
    for (let now = NOW; now < end; now += 20 * DAY) {
      const next = renewedIfDue(crypto, authority, DOMAIN, now)
      if (next !== authority) made += 1
      authority = next
      requireUsable(authority, now)
      expect(authority.intermediates.length).toBeLessThanOrEqual(3)
    }
    expect(intermediateEnd(last(authority))).toBe(end)
    expect(made).toBeGreaterThan(15)
    expect(made).toBeLessThan(25)
  })
})

describe("a revocation", () => {
  const authority = makeAuthority(crypto, DOMAIN, NOW)
  const revoke = (text: string) => credentialRevocation(crypto, authority, text, NOW)

  test("lasts as long as what it names can be valid", () => {
    const rotated = withNewRoot(crypto, authority, DOMAIN, NOW)
    const [root, intermediate] = [authority.roots[0] as Uint8Array, last(authority)]
    expect(credentialRevocation(crypto, rotated, fingerprint(root), NOW).notAfter).toBe(rootEnd(root))
    const colons = fingerprint(intermediate)
      .toUpperCase()
      .replace(/..(?=.)/g, "$&:")
    expect(credentialRevocation(crypto, rotated, colons, NOW).notAfter).toBe(intermediateEnd(intermediate))
    expect(revoke("00".repeat(32)).notAfter).toBeGreaterThan(NOW + 9 * YEAR)
  })

  test("names users of this domain and clients by their ids", () => {
    const user = "1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b"
    const id = Buffer.from(user.replaceAll("-", ""), "hex")
    const named = userRevocation(crypto, `${user}@${DOMAIN}`, DOMAIN, NOW)
    expect(named.fingerprint).toEqual(subjectFingerprint(crypto, id))
    const clientId = crypto.random(32)
    expect(clientRevocation(crypto, toHex(clientId), NOW).fingerprint).toEqual(
      subjectFingerprint(crypto, clientId),
    )
    for (const wrong of [user, `${user}@example.net`, `${user.toUpperCase()}@${DOMAIN}`])
      expect(sentence(() => userRevocation(crypto, wrong, DOMAIN, NOW))).toContain(
        "is no user of this server",
      )
    expect(sentence(() => clientRevocation(crypto, toHex(id), NOW))).toContain("is no client id")
    for (const wrong of ["", "12", "zz".repeat(32)])
      expect(sentence(() => revoke(wrong))).toContain("is no fingerprint")
  })

  test("is refused for the intermediate that signs and the root that it is of", () => {
    expect(sentence(() => revoke(fingerprint(last(authority))))).toContain(
      "this intermediate signs clients now",
    )
    expect(sentence(() => revoke(fingerprint(authority.roots[0] as Uint8Array)))).toContain(
      "make another root",
    )
  })

  test("is kept once, for as long as a client could renew, and there is a limit", () => {
    const revocation = clientRevocation(crypto, "ab".repeat(32), NOW)
    const once = withRevocation(crypto, authority, revocation, NOW)
    const again = withRevocation(crypto, once, { ...revocation, notAfter: NOW }, NOW)
    expect(again.revocations).toEqual([revocation])
    const until = revocation.notAfter + YEAR
    expect(withoutExpired(crypto, once, until - 1).revocations).toHaveLength(1)
    expect(withoutExpired(crypto, once, until).revocations).toHaveLength(0)
    const many = Array.from({ length: REVOCATIONS_MAX }, () => ({
      fingerprint: crypto.random(32),
      notAfter: NOW + YEAR,
    }))
    const full = { ...authority, revocations: many }
    expect(sentence(() => withRevocation(crypto, full, revocation, NOW))).toContain("no more are published")
    expect(withRevocation(crypto, full, many[0]!, NOW).revocations).toHaveLength(REVOCATIONS_MAX)
  })
})

describe("warnings", () => {
  const online = makeAuthority(crypto, DOMAIN, NOW)
  const offline = { ...online, rootSeed: undefined }
  const warn = (authority: AuthoritySecrets, now: number, managed = false) =>
    authorityWarnings(authority, { file: "FILE", managed }, now).join("\n")

  test("come sixty days before the intermediate ends and name the command to run", () => {
    const end = intermediateEnd(last(online))
    expect(warn(offline, end - 60 * DAY)).toBe("")
    const soon = warn(offline, end - 42 * DAY)
    expect(soon).toContain("in 42 days")
    expect(soon).toContain("cinder keys request --secrets FILE --out cinder.request")
    expect(warn(online, end - 42 * DAY, true)).toContain("cinder keys rotate --secrets FILE on the file that")
    expect(warn(offline, end + 1)).toContain("has ended")
  })

  test("come while the root still lasts longer than an intermediate", () => {
    const end = rootEnd(online.roots[0] as Uint8Array)
    expect(warn(renewedIfDue(crypto, online, DOMAIN, end - 430 * DAY), end - 430 * DAY)).toBe("")
    const late = renewedIfDue(crypto, online, DOMAIN, end - 400 * DAY)
    expect(warn(late, end - 400 * DAY)).toContain("cinder keys rotate --new-root --secrets FILE")
    expect(warn({ ...late, rootSeed: undefined }, end - 400 * DAY)).toContain(
      "cinder keys root --endorsed-by",
    )
  })
})

describe("the encoding of what the secrets hold", () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const list = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 3 })
  const optional = fc.option(bytes(32), { nil: undefined })
  const authority: fc.Arbitrary<AuthoritySecrets> = fc.record({
    roots: list,
    endorsements: fc.array(bytes(129), { maxLength: 2 }),
    rootSeed: optional,
    intermediates: list,
    intermediateSeed: bytes(32),
    pendingSeed: optional,
    revocations: fc.array(fc.record({ fingerprint: bytes(32), notAfter: fc.maxSafeNat() }), { maxLength: 3 }),
  })

  test("decodes to the same, and is the only one", () => {
    fc.assert(
      fc.property(authority, (value) => expect(decodeAuthority(encodeAuthority(value))).toEqual(value)),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
        try {
          expect(encodeAuthority(decodeAuthority(input))).toEqual(input)
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError)
        }
      }),
    )
  })

  test("refuses keys without the credentials that they are for", () => {
    const seed = crypto.random(32)
    for (const wrong of [{ rootSeed: seed }, { intermediateSeed: seed }])
      expect(() => decodeAuthority(encodeAuthority({ ...emptyAuthority, ...wrong }))).toThrow(CodecError)
  })
})

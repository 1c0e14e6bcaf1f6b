import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { labels } from "../../src/crypto/labels.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { signLabeled } from "../../src/crypto/signature.ts"
import { makeAsCredential } from "../../src/wire/credentials.ts"
import { encodeEndorsement, endorsedRoots, makeEndorsement } from "../../src/wire/endorsement.ts"
import { credentialFingerprint } from "../../src/wire/revocation.ts"
import { crypto, DAY, DOMAIN, flipBit, NOW } from "./fixtures.ts"

interface Root {
  readonly seed: Uint8Array
  readonly credential: Uint8Array
}

function makeRoot(domain = DOMAIN, now = NOW): Root {
  const seed = crypto.random(32)
  return { seed, credential: makeAsCredential(crypto, seed, domain, now) }
}

const endorse = (signer: Root, subject: Root) =>
  makeEndorsement(crypto, signer.seed, signer.credential, subject.credential)

const pinned = makeRoot()
const next = makeRoot()

/** What a client that pinned one root makes of what is published. */
function accepted(
  candidates: readonly Root[],
  endorsements: readonly Uint8Array[],
  { revoked = [], now = NOW }: { revoked?: readonly Root[]; now?: number } = {},
): Root[] {
  const trust = {
    domain: DOMAIN,
    credentials: [pinned.credential],
    intermediates: [],
    revoked: revoked.map(({ credential }) => credentialFingerprint(crypto, credential)),
  }
  const published = candidates.map(({ credential }) => credential)
  const found = endorsedRoots(crypto, trust, published, endorsements, now)
  expect(endorsedRoots(portableCrypto, trust, published, endorsements, now)).toEqual(found)
  return candidates.filter(({ credential }) => found.includes(credential))
}

describe("a new root", () => {
  test("is accepted when a known one vouches for it, directly or through others, in whatever order", () => {
    const [second, third] = [makeRoot(), makeRoot()]
    const endorsements = [endorse(second, third), endorse(next, second), endorse(pinned, next)]
    expect(accepted([third, pinned, second, next], endorsements)).toEqual([third, second, next])
    expect(accepted([third, next], endorsements)).toEqual([next])
  })

  test("is not accepted when nobody, a stranger or itself vouches for it", () => {
    const stranger = makeRoot()
    expect(accepted([next], [])).toEqual([])
    const endorsements = [endorse(stranger, next), endorse(next, next), endorse(next, stranger)]
    expect(accepted([next, stranger], endorsements)).toEqual([])
  })

  test("is not accepted on the word of a root that is revoked or expired, nor if it is so itself", () => {
    const endorsements = [endorse(pinned, next)]
    expect(accepted([next], endorsements)).toEqual([next])
    for (const root of [pinned, next]) expect(accepted([next], endorsements, { revoked: [root] })).toEqual([])
    expect(accepted([next], endorsements, { now: NOW + 3651 * DAY })).toEqual([])
    const young = makeRoot(DOMAIN, NOW + 3000 * DAY)
    expect(accepted([young], [endorse(pinned, young)], { now: NOW + 3100 * DAY })).toEqual([young])
    expect(accepted([young], [endorse(pinned, young)], { now: NOW + 3651 * DAY })).toEqual([])
  })

  test("is not accepted when it is of another domain or not signed by itself", () => {
    const foreign = makeRoot("example.net")
    const unsigned = { ...next, credential: flipBit(next.credential, 8 * (next.credential.length - 1)) }
    const endorsements = [endorse(pinned, foreign), endorse(pinned, unsigned)]
    expect(accepted([foreign, unsigned], endorsements)).toEqual([])
  })

  test("is not accepted with any bit of the endorsement changed, nor with one for another root or label", () => {
    const good = endorse(pinned, next)
    fc.assert(
      fc.property(fc.nat(), (bit) => {
        expect(accepted([next], [flipBit(good, bit), good.subarray(1), new Uint8Array(0)])).toEqual([])
      }),
      { numRuns: 100 },
    )
    const [signer, subject] = [pinned, next].map(({ credential }) =>
      credentialFingerprint(crypto, credential),
    )
    const names = { signer: signer as Uint8Array, subject: subject as Uint8Array }
    for (const label of Object.values(labels)) {
      const tbs = good.subarray(0, good.length - 64)
      const forged = encodeEndorsement({ ...names, signature: signLabeled(crypto, pinned.seed, label, tbs) })
      expect(accepted([next], [forged])).toEqual(label === labels.asEndorsement ? [next] : [])
    }
    expect(accepted([next], [endorse(pinned, makeRoot())])).toEqual([])
  })
})

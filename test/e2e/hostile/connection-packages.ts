import { nativeCrypto as crypto } from "../../../src/crypto/native.ts"
import { CONNECTION_PACKAGES_MAX } from "../../../src/limits.ts"
import { decodeAliasPackage, encodeAliasPackage, makeAliasPackage } from "../../../src/wire/alias-package.ts"
import { fromHex, fromUtf8 } from "../../../src/wire/bytes.ts"
import {
  decodeConnectionPackage,
  encodeConnectionPackage,
  makeConnectionPackage,
} from "../../../src/wire/connection.ts"
import { decodeIssuedCredential } from "../../../src/wire/credential-format.ts"
import { issueClientCredential, makeClientCsr } from "../../../src/wire/credentials.ts"
import { DAY, flipBit, makeAuthority, signPackage } from "../../as/fixtures.ts"
import type { Forger } from "../forger.ts"
import { DOMAIN } from "../homeserver.ts"

/** Connection packages that are not valid for whom they are published, by what is wrong with them. */
export type Packages = Readonly<Record<string, readonly Uint8Array[]>>

const seconds = () => Math.floor(Date.now() / 1000)
const freshKey = () => crypto.x25519Public(crypto.random(32))

/** What is wrong with packages of any kind; `good` has nothing wrong with it. */
function badBytes(good: Uint8Array, neighbours: readonly Uint8Array[]): Packages {
  return {
    "one twice": [good, good],
    "a good one and a changed one": [good, flipBit(good, 8 * 40)],
    "a changed signature": [flipBit(good, 8 * good.length - 1)],
    "a changed key": [flipBit(good, 8)],
    "another version": [flipBit(good, 0)],
    "somebody else's": neighbours,
    "a good one and somebody else's": [good, ...neighbours.slice(0, 1)],
  }
}

/** Of the request that is attacked. */
export function firstPackage(forger: Forger): Uint8Array {
  const [first] = forger.claimed["connectionPackages"] as Uint8Array[]
  if (first === undefined) throw new Error("no connection package")
  return first
}

/** The hash of the alias that signs. */
export function aliasOf(forger: Forger): Uint8Array {
  return fromHex(fromUtf8(forger.kid).slice("alias:".length))
}

/** As many packages as there may be, so that there is no room beside another. */
export function tooMany(make: (encryptionKey: Uint8Array) => Uint8Array): Packages {
  const made = Array.from({ length: CONNECTION_PACKAGES_MAX }, () =>
    make(crypto.x25519Public(crypto.random(32))),
  )
  return { "a hundred beside those there": made }
}

/** From a client's request. */
export function clientPackages(forger: Forger, neighbours: readonly Uint8Array[]): Packages {
  const { seed } = forger
  const good = firstPackage(forger)
  const real = decodeConnectionPackage(good)
  const { clientCredential } = real
  const { request, expiration } = decodeIssuedCredential("client", clientCredential)
  const { notBefore, notAfter } = expiration
  const lasting = (from: number, to: number) => [
    signPackage({ ...real, expiration: { notBefore: from, notAfter: to } }, seed),
  ]
  const issued = (domain: string, subject: Uint8Array, at = seconds()) => {
    const { intermediateSeed, intermediate } = makeAuthority(domain, at)
    const csr = makeClientCsr(crypto, seed, subject, domain)
    return issueClientCredential(crypto, intermediateSeed, intermediate, csr, at)
  }
  const under = (credential: Uint8Array, at = seconds()) => [
    makeConnectionPackage(crypto, seed, credential, freshKey(), at),
  ]
  const past = seconds() - 200 * DAY
  return {
    ...badBytes(good, neighbours),
    "bytes that are none": [crypto.random(good.length)],
    half: [good.subarray(0, good.length / 2)],
    "a byte too much": [Uint8Array.of(...good, 0)],
    "signed by another key": [signPackage(real, crypto.random(32))],
    "signed by nobody": [encodeConnectionPackage({ ...real, signature: new Uint8Array(64) })],
    "over already": lasting(notBefore, notBefore + 1),
    "not valid yet": lasting(seconds() + DAY, notAfter),
    "from before its credential": lasting(notBefore - 1, notAfter),
    "beyond its credential": lasting(notBefore, notAfter + 1),
    "under a credential of another authority": under(issued(DOMAIN, request.subject)),
    "under a credential of another domain": under(issued("other.example", request.subject)),
    "under an expired credential": under(issued(DOMAIN, request.subject, past), past),
    "under a made-up client's credential": under(issued(DOMAIN, crypto.random(32))),
    "under a changed credential": [
      signPackage(
        { ...real, clientCredential: flipBit(clientCredential, 8 * clientCredential.length - 1) },
        seed,
      ),
    ],
  }
}

/** From an alias's request. All are of the one length that there is. */
export function aliasPackages(forger: Forger, neighbours: readonly Uint8Array[]): Packages {
  const { seed } = forger
  const alias = aliasOf(forger)
  const good = firstPackage(forger)
  const real = decodeAliasPackage(good)
  const make = (of: Uint8Array, by: Uint8Array, at = seconds()) => [
    makeAliasPackage(crypto, of, by, freshKey(), at),
  ]
  const { notBefore, notAfter } = real.expiration
  return {
    ...badBytes(good, neighbours),
    "bytes that are none": [crypto.random(good.length)],
    "for another alias": make(crypto.random(32), seed),
    "by another key": make(alias, crypto.random(32)),
    "signed by nobody": [encodeAliasPackage({ ...real, signature: new Uint8Array(64) })],
    "over already": make(alias, seed, seconds() - 200 * DAY),
    "not valid yet": make(alias, seed, seconds() + 200 * DAY),
    "of a longer life": [encodeAliasPackage({ ...real, expiration: { notBefore, notAfter: notAfter + 1 } })],
  }
}

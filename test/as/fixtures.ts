import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto as crypto } from "../../src/crypto/native.ts"
import { signLabeled } from "../../src/crypto/signature.ts"
import { type ConnectionPackage, encodeConnectionPackage } from "../../src/wire/connection.ts"
import {
  issueClientCredential,
  issueIntermediate,
  makeAsCredential,
  makeClientCsr,
  makeIntermediateCsr,
  type TrustAnchors,
} from "../../src/wire/credentials.ts"

export { crypto }

/** A moment in the middle of a month, in seconds. */
export const NOW = Date.UTC(2026, 10, 17, 9, 30) / 1000
export const DAY = 86_400
export const DOMAIN = "example.org"

/** An AS's keys and credentials. */
export interface Authority {
  readonly domain: string
  readonly rootSeed: Uint8Array
  readonly root: Uint8Array
  readonly intermediateSeed: Uint8Array
  readonly intermediate: Uint8Array
  readonly trust: TrustAnchors
}

export function makeAuthority(domain = DOMAIN, now = NOW): Authority {
  const rootSeed = crypto.random(32)
  const root = makeAsCredential(crypto, rootSeed, domain, now)
  const intermediateSeed = crypto.random(32)
  const csr = makeIntermediateCsr(crypto, intermediateSeed, domain)
  const intermediate = issueIntermediate(crypto, rootSeed, root, csr, now)
  const trust = { domain, credentials: [root], intermediates: [intermediate], revoked: [] }
  return { domain, rootSeed, root, intermediateSeed, intermediate, trust }
}

/** The same root with one more intermediate, which signs. */
export function withNextIntermediate(authority: Authority, now: number): Authority {
  const { rootSeed, root, domain, trust } = authority
  const intermediateSeed = crypto.random(32)
  const csr = makeIntermediateCsr(crypto, intermediateSeed, domain)
  const intermediate = issueIntermediate(crypto, rootSeed, root, csr, now)
  const intermediates = [...trust.intermediates, intermediate]
  return { ...authority, intermediateSeed, intermediate, trust: { ...trust, intermediates } }
}

/** A client with a credential of an authority. */
export interface TestClient {
  readonly clientId: Uint8Array
  readonly seed: Uint8Array
  readonly credential: Uint8Array
}

export function makeClient(authority: Authority, now = NOW, seed = crypto.random(32)): TestClient {
  const clientId = crypto.random(32)
  const csr = makeClientCsr(crypto, seed, clientId, authority.domain)
  const { intermediateSeed, intermediate } = authority
  return {
    clientId,
    seed,
    credential: issueClientCredential(crypto, intermediateSeed, intermediate, csr, now),
  }
}

/** The bytes with one bit turned. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = bytes.slice()
  const at = (bit >> 3) % bytes.length
  changed[at] = changed[at]! ^ (1 << (bit & 7))
  return changed
}

/** The package as its owner would sign it, whatever it says. */
export function signPackage(unsigned: ConnectionPackage, seed: Uint8Array): Uint8Array {
  const encoded = encodeConnectionPackage(unsigned)
  const tbs = encoded.subarray(0, encoded.length - unsigned.signature.length)
  return encodeConnectionPackage({
    ...unsigned,
    signature: signLabeled(crypto, seed, labels.connectionPackage, tbs),
  })
}

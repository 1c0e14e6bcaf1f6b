import { ChainWriter } from "../src/crypto/chain.ts"
import { beginRecord, openRecord, sealRecord } from "../src/crypto/ear.ts"
import { open, seal } from "../src/crypto/hpke.ts"
import { nativeCrypto } from "../src/crypto/native.ts"
import { portableCrypto } from "../src/crypto/portable.ts"
import type { CryptoProvider } from "../src/crypto/provider.ts"
import { Writer } from "../src/wire/tls.ts"
import { type Options, type Result, summarized, timeCall } from "./harness.ts"

/** Each primitive in the server's provider, with the browser's beside it. */

interface Case {
  readonly name: string
  readonly size: number
  make(crypto: CryptoProvider): () => unknown
}

const { random } = nativeCrypto
const NONE = new Uint8Array(0)

const cases: readonly Case[] = [
  ...[1024, 262_144].flatMap((size): Case[] => [
    {
      name: "AES-256-GCM seal",
      size,
      make(crypto) {
        const [key, nonce, plaintext] = [random(32), random(12), random(size)]
        return () => crypto.aesGcmSeal(key, nonce, NONE, plaintext)
      },
    },
    {
      name: "AES-256-GCM open",
      size,
      make(crypto) {
        const [key, nonce] = [random(32), random(12)]
        const sealed = crypto.aesGcmSeal(key, nonce, NONE, random(size))
        return () => crypto.aesGcmOpen(key, nonce, NONE, sealed)
      },
    },
  ]),
  {
    name: "X25519",
    size: 32,
    make(crypto) {
      const [secret, peer] = [random(32), crypto.x25519Public(random(32))]
      return () => crypto.x25519(secret, peer)
    },
  },
  {
    name: "Ed25519 sign",
    size: 256,
    make(crypto) {
      const [seed, message] = [random(32), random(256)]
      return () => crypto.ed25519Sign(seed, message)
    },
  },
  {
    name: "Ed25519 verify",
    size: 256,
    make(crypto) {
      const [seed, message] = [random(32), random(256)]
      const [publicKey, signature] = [crypto.ed25519Public(seed), crypto.ed25519Sign(seed, message)]
      return () => crypto.ed25519Verify(publicKey, message, signature)
    },
  },
  {
    name: "HKDF-Expand",
    size: 32,
    make(crypto) {
      const [key, info] = [random(32), random(16)]
      return () => crypto.hkdfExpand(key, info, 32)
    },
  },
  {
    name: "SHA-256",
    size: 64,
    make(crypto) {
      const data = random(64)
      return () => crypto.sha256(data)
    },
  },
  {
    name: "HPKE seal",
    size: 64,
    make(crypto) {
      const [receiver, plaintext] = [crypto.x25519Public(random(32)), random(64)]
      return () => seal(crypto, receiver, NONE, NONE, plaintext)
    },
  },
  {
    name: "HPKE open",
    size: 64,
    make(crypto) {
      const secretKey = random(32)
      const sealed = seal(crypto, crypto.x25519Public(secretKey), NONE, NONE, random(64))
      return () => open(crypto, secretKey, NONE, NONE, sealed)
    },
  },
  {
    name: "chain seal",
    size: 512,
    make(crypto) {
      const [chain, message] = [ChainWriter.create(crypto), random(512)]
      return () => chain.seal(message)
    },
  },
  {
    name: "EAR seal",
    size: 65_536,
    make(crypto) {
      const [earKey, groupId, plaintext] = [random(32), random(16), random(60_000)]
      return () =>
        sealRecord(crypto, earKey, "head", groupId, 0n, beginRecord(new Writer()).raw(plaintext), 65_536)
    },
  },
  {
    name: "EAR open",
    size: 65_536,
    make(crypto) {
      const [earKey, groupId] = [random(32), random(16)]
      const record = sealRecord(
        crypto,
        earKey,
        "head",
        groupId,
        0n,
        beginRecord(new Writer()).raw(random(60_000)),
        65_536,
      )
      return () => openRecord(crypto, earKey, "head", groupId, 0n, record)
    },
  },
]

/** The native time; `portable` and how many times longer it takes beside it. */
export async function benchPrimitives(options: Options): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const { name, size, make } of cases) {
    const native: number[] = []
    const portable: number[] = []
    for (let run = 0; run < options.runs; run++) {
      native.push(await timeCall(make(nativeCrypto), options))
      portable.push(await timeCall(make(portableCrypto), options))
    }
    const { microseconds: portable_µs } = summarized(name, size, portable)
    const result = summarized(name, size, native)
    results.push({ ...result, more: { portable_µs, times: portable_µs / result.microseconds } })
  }
  return results
}

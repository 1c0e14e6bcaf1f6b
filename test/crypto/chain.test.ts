import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  CHAIN_MESSAGE_BYTES_MAX,
  CHAIN_START_BYTES,
  type ChainEntry,
  ChainReader,
  ChainWriter,
  ENTRY_BYTES,
  ENTRY_TAG_BYTES,
  entryTag,
  FRAGMENT_BYTES,
} from "../../src/crypto/chain.ts"
import { sealFragment } from "../../src/crypto/entry.ts"
import { seal } from "../../src/crypto/hpke.ts"
import { labels } from "../../src/crypto/labels.ts"
import { nativeCrypto } from "../../src/crypto/native.ts"
import { portableCrypto } from "../../src/crypto/portable.ts"
import { CryptoError } from "../../src/crypto/provider.ts"
import { concat, toHex } from "../../src/wire/bytes.ts"
import { CodecError, Writer } from "../../src/wire/tls.ts"
import { recordingCrypto } from "./recording.ts"

const secretKey = nativeCrypto.random(32)
const publicKey = nativeCrypto.x25519Public(secretKey)
const NONE = new Uint8Array(0)

function openStart(start: Uint8Array, crypto = nativeCrypto): ChainReader {
  const opened = ChainReader.open(crypto, secretKey, start)
  if (opened === undefined) throw new Error("chain start does not open")
  return opened.reader
}

function newChain(): { writer: ChainWriter; reader: ChainReader } {
  const writer = ChainWriter.create(nativeCrypto)
  return { writer, reader: openStart(writer.start(publicKey, 82)) }
}

/** A message whose content shows where every byte belongs. */
function message(size: number, salt: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8) + salt) & 0xff)
}

function pushAll(reader: ChainReader, entries: readonly ChainEntry[], from = reader.nextIndex): Uint8Array[] {
  const received: Uint8Array[] = []
  entries.forEach(({ entry }, offset) => {
    const whole = reader.push(from + offset, entry)
    if (whole !== undefined) received.push(whole)
  })
  return received
}

const sizes = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 20_000 }),
    fc.constantFrom(0, 1, FRAGMENT_BYTES - 1, FRAGMENT_BYTES, FRAGMENT_BYTES + 1, 2 * FRAGMENT_BYTES),
  ),
  { maxLength: 6 },
)

describe("a queue chain", () => {
  test("carries any sequence of messages of any sizes, in order, in entries of one size", () => {
    fc.assert(
      fc.property(sizes, (lengths) => {
        const { writer, reader } = newChain()
        const sent = lengths.map(message)
        const entries = sent.flatMap((content) => writer.seal(content))
        for (const { tag, entry } of entries) {
          expect(tag.length).toBe(ENTRY_TAG_BYTES)
          expect(entry.length).toBe(ENTRY_BYTES)
        }
        expect(writer.nextIndex).toBe(entries.length)
        expect(pushAll(reader, entries)).toEqual(sent)
        expect(reader.nextIndex).toBe(entries.length)
      }),
      { numRuns: 100 },
    )
  })

  test("is read by the portable provider as well", () => {
    const writer = ChainWriter.create(nativeCrypto)
    const reader = openStart(writer.start(publicKey, 82), portableCrypto)
    const sent = [0, 10, 5000].map(message)
    expect(sent.flatMap((content) => pushAll(reader, writer.seal(content)))).toEqual(sent)
  })

  test("has the same id, address and tags on both ends, and tags that look unrelated", () => {
    const { writer, reader } = newChain()
    expect(reader.id).toEqual(writer.id)
    expect(reader.address).toEqual(writer.address)
    const entries = Array.from({ length: 50 }, () => writer.seal(NONE)).flat()
    entries.forEach(({ tag }, index) => {
      expect(entryTag(portableCrypto, reader.address, index)).toEqual(tag)
    })
    expect(new Set(entries.map(({ tag }) => toHex(tag))).size).toBe(50)
    expect(newChain().writer.id).not.toEqual(writer.id)
  })

  test("equal messages give unrelated entries", () => {
    const { writer } = newChain()
    const [first, second] = [...writer.seal(message(100, 1)), ...writer.seal(message(100, 1))]
    expect(first!.entry).not.toEqual(second!.entry)
  })

  test("resumes from its serialized state at any entry, in the middle of a message too", () => {
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.boolean()), (lengths, restarts) => {
        const { writer, reader: first } = newChain()
        let reader = first
        const sent = lengths.map(message)
        const received: Uint8Array[] = []
        for (const { entry } of sent.flatMap((content) => writer.seal(content))) {
          if (restarts.next().value) reader = ChainReader.restore(nativeCrypto, reader.serialize())
          const whole = reader.push(reader.nextIndex, entry)
          if (whole !== undefined) received.push(whole)
        }
        expect(received).toEqual(sent)
      }),
      { numRuns: 50 },
    )
  })

  test("refuses dropped, repeated, reordered, foreign and changed entries and goes on unchanged", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 7 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (good, at, flip) => {
          const { writer, reader } = newChain()
          const sent = [message(3000, 1), message(4000, 2)]
          const entries = sent.flatMap((content) => writer.seal(content))
          const received = pushAll(reader, entries.slice(0, good))
          const before = reader.serialize()
          const refused = (index: number, entry: Uint8Array) => {
            expect(() => reader.push(index, entry)).toThrow(CryptoError)
            expect(reader.serialize()).toEqual(before)
          }
          const next = entries[good]?.entry ?? message(ENTRY_BYTES, 9)
          const changed = next.slice()
          changed[at % ENTRY_BYTES] = changed[at % ENTRY_BYTES]! ^ flip
          refused(good, changed)
          refused(good, next.subarray(1))
          refused(good, NONE)
          refused(good + 1, next)
          if (good > 0) refused(good, entries[good - 1]!.entry)
          if (good > 0) refused(good - 1, entries[good - 1]!.entry)
          if (entries[good + 1] !== undefined) refused(good, entries[good + 1]!.entry)
          refused(good, newChain().writer.seal(NONE)[0]!.entry)
          received.push(...pushAll(reader, entries.slice(good)))
          expect(received).toEqual(sent)
        },
      ),
      { numRuns: 40 },
    )
  })

  test("refuses fragments that do not continue the message, and fragments its writer would not make", () => {
    // The seed is chosen here, so that entries can be sealed with the right keys and wrong insides.
    const seed = nativeCrypto.random(32)
    const start = seal(
      nativeCrypto,
      publicKey,
      labels.queueChainStart,
      NONE,
      new Writer().u8(1).raw(seed).u16(7).finish(),
    )
    const prk = nativeCrypto.hkdfExtract(NONE, seed)
    const chainKey = nativeCrypto.hkdfExpand(prk, labels.queueChainKey, 32)
    const tag = entryTag(nativeCrypto, nativeCrypto.hkdfExpand(prk, labels.queueAddressKey, 32), 0)
    const full = message(FRAGMENT_BYTES, 0)
    const make = (position: 0 | 1 | 2 | 3, content: Uint8Array) =>
      sealFragment(nativeCrypto, chainKey, tag, { position, content })
    expect(openStart(start).push(0, make(3, NONE))).toEqual(NONE)
    expect(openStart(start).push(0, make(1, full))).toBeUndefined()
    const messageKey = nativeCrypto.hkdfExpand(chainKey, labels.queueKey, 32)
    const raw = (...header: number[]) =>
      nativeCrypto.aesGcmSeal(
        messageKey,
        new Uint8Array(12),
        tag,
        concat(Uint8Array.from(header), new Uint8Array(ENTRY_BYTES - 16 - header.length)),
      )
    const wrong = [
      make(0, full),
      make(2, message(5, 0)),
      make(1, message(5, 0)),
      make(2, NONE),
      raw(4, 0, 0),
      raw(255, 0, 0),
      raw(3, 0xff, 0xff),
      raw(3, 0x03, 0xee),
      raw(3, 0, 0, 1),
    ]
    for (const entry of wrong) expect(() => openStart(start).push(0, entry)).toThrow(CryptoError)
  })

  test("has bounded messages", () => {
    const { writer, reader } = newChain()
    expect(() => writer.seal(new Uint8Array(CHAIN_MESSAGE_BYTES_MAX + 1))).toThrow(CryptoError)
    expect(writer.nextIndex).toBe(0)
    expect(pushAll(reader, writer.seal(message(10, 0)))).toEqual([message(10, 0)])
  })
})

describe("a chain start", () => {
  test("has one length, carries the month and opens for the queue's owner alone", () => {
    for (const month of [0, 82, 65_535]) {
      const start = ChainWriter.create(nativeCrypto).start(publicKey, month)
      expect(start.length).toBe(CHAIN_START_BYTES)
      expect(ChainReader.open(nativeCrypto, secretKey, start)?.month).toBe(month)
      expect(ChainReader.open(nativeCrypto, nativeCrypto.random(32), start)).toBeUndefined()
    }
  })

  test("cannot be told from an unused slot by its length, and an unused slot opens to nothing", () => {
    for (let i = 0; i < 10; i++) {
      expect(
        ChainReader.open(nativeCrypto, secretKey, nativeCrypto.random(CHAIN_START_BYTES)),
      ).toBeUndefined()
    }
    for (const length of [0, 31, CHAIN_START_BYTES - 1, CHAIN_START_BYTES + 1]) {
      expect(ChainReader.open(nativeCrypto, secretKey, new Uint8Array(length))).toBeUndefined()
    }
    const future = new Writer().u8(2).raw(new Uint8Array(32)).u16(0).finish()
    const start = seal(nativeCrypto, publicKey, labels.queueChainStart, NONE, future)
    expect(ChainReader.open(nativeCrypto, secretKey, start)).toBeUndefined()
  })

  test("is given out once, for a valid month and a usable key", () => {
    const writer = ChainWriter.create(nativeCrypto)
    for (const month of [-1, 65_536, 0.5]) expect(() => writer.start(publicKey, month)).toThrow(CryptoError)
    expect(() => writer.start(new Uint8Array(32), 1)).toThrow(CryptoError)
    writer.start(publicKey, 1)
    expect(() => writer.start(publicKey, 1)).toThrow(CryptoError)
  })
})

describe("what a chain leaves behind", () => {
  test("its ends wipe every key and every padded plaintext that they used", () => {
    const { crypto, secrets } = recordingCrypto()
    const writer = ChainWriter.create(crypto)
    const reader = openStart(writer.start(publicKey, 1), crypto)
    expect(pushAll(reader, writer.seal(message(3000, 0))).length).toBe(1)
    for (const { what, bytes } of secrets) {
      expect({ what, left: bytes.some((byte) => byte !== 0) }).toEqual({ what, left: false })
    }
    expect(secrets.length).toBeGreaterThan(10)
  })

  test("a state after reading opens nothing that was read before", () => {
    const { writer, reader } = newChain()
    const [first, second] = [...writer.seal(message(10, 0)), ...writer.seal(message(10, 1))]
    reader.push(0, first!.entry)
    const state = reader.serialize()
    state.set(new Writer().u64(0n).finish(), 1 + 16 + 32 + 32)
    expect(() => ChainReader.restore(nativeCrypto, state).push(0, first!.entry)).toThrow(CryptoError)
    expect(reader.push(1, second!.entry)).toEqual(message(10, 1))
  })

  test("a wiped writer seals nothing", () => {
    const { writer } = newChain()
    writer.wipe()
    expect(() => writer.seal(NONE)).toThrow(CryptoError)
    expect(() => writer.start(publicKey, 1)).toThrow(CryptoError)
  })

  test("a state that no reader wrote is refused", () => {
    const { writer, reader } = newChain()
    reader.push(0, writer.seal(message(2000, 0))[0]!.entry)
    const state = reader.serialize()
    for (let length = 0; length < state.length; length += 7) {
      expect(() => ChainReader.restore(nativeCrypto, state.subarray(0, length))).toThrow(CodecError)
    }
    expect(() => ChainReader.restore(nativeCrypto, concat(state, Uint8Array.of(0)))).toThrow(CodecError)
    const future = state.slice()
    future[0] = 2
    expect(() => ChainReader.restore(nativeCrypto, future)).toThrow(CodecError)
    const huge = state.slice()
    huge.fill(0xff, 81, 89)
    expect(() => ChainReader.restore(nativeCrypto, huge)).toThrow(CodecError)
  })
})

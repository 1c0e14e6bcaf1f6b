import { ChainReader } from "../crypto/chain.ts"
import { CryptoError, type CryptoProvider } from "../crypto/provider.ts"
import { FORMAT_VERSION } from "../limits.ts"
import { equal } from "../wire/bytes.ts"
import { CodecError, decodeAll, encodeWith } from "../wire/tls.ts"
import { ClientError } from "./errors.ts"

/** Where to go on reading in one chain; what `read` frames and dequeue requests carry. */
export interface ChainPosition {
  readonly chain: Uint8Array
  readonly address: Uint8Array
  /** Months since January 2020. */
  readonly month: number
  /** Index of the first entry that is wanted. */
  readonly next: number
}

interface Chain {
  readonly reader: ChainReader
  readonly month: number
}

/**
 * The owner's view of one queue (docs/protocol.md section 6.2): its chains in order, and how far each was read. Pure state;
 * stream.ts and connection-queue.ts move it. {@link serialize} after an entry, together with what the entry caused,
 * is what makes reading exactly-once: an entry that comes again after a restart is recognised by its index.
 *
 *     struct { u16 month; opaque chain_state<V>; } Chain
 *     struct { u8 version; Chain chains<V>; } QueueReaderState          holds keys
 */
export class QueueReader {
  readonly #crypto: CryptoProvider
  readonly #secretKey: Uint8Array
  #chains: Chain[]

  /** `state` as {@link serialize} made it. Throws CodecError on anything else. */
  constructor(crypto: CryptoProvider, queueSecretKey: Uint8Array, state: Uint8Array | undefined) {
    this.#crypto = crypto
    this.#secretKey = queueSecretKey
    this.#chains = state === undefined ? [] : decodeState(crypto, state)
  }

  /**
   * Takes all slots of the queue's record, in order. Chains that are not among them any more are forgotten: the server
   * dropped them because they were reported as used up.
   */
  takeStarts(starts: readonly Uint8Array[]): void {
    const before = this.#chains
    this.#chains = []
    for (const start of starts) this.#take(start, before)
    for (const { reader } of before) if (this.#find(reader.id) === undefined) reader.wipe()
  }

  /** Takes the start of a chain that began just now. Returns its position, or `undefined` if it is known or not ours. */
  takeStart(start: Uint8Array): ChainPosition | undefined {
    const before = this.#chains.length
    this.#take(start, this.#chains)
    const taken = this.#chains.at(before)
    return taken && position(taken)
  }

  #take(start: Uint8Array, known: readonly Chain[]): void {
    const opened = ChainReader.open(this.#crypto, this.#secretKey, start)
    if (opened === undefined || this.#find(opened.reader.id) !== undefined) return
    const same = known.find(({ reader }) => equal(reader.id, opened.reader.id))
    if (same !== undefined) opened.reader.wipe()
    this.#chains.push(same ?? opened)
  }

  #find(id: Uint8Array): Chain | undefined {
    return this.#chains.find(({ reader }) => equal(reader.id, id))
  }

  /** All chains, in order. */
  positions(): ChainPosition[] {
    return this.#chains.map(position)
  }

  /**
   * Takes one entry; returns a message when its last fragment has come. An entry that was taken before is ignored.
   * Throws ClientError `client.unexpected-response` on an entry of an unknown chain, out of order, or that does not open.
   */
  push(chain: Uint8Array, index: number, entry: Uint8Array): Uint8Array | undefined {
    const found = this.#find(chain)
    if (found === undefined) throw new ClientError("client.unexpected-response")
    if (index < found.reader.nextIndex) return undefined
    try {
      return found.reader.push(index, entry)
    } catch (error) {
      if (error instanceof CryptoError) throw new ClientError("client.unexpected-response")
      throw error
    }
  }

  /** The chains before this one: once an entry of it came, nothing more comes in those. */
  before(chain: Uint8Array): Uint8Array[] {
    const index = this.#chains.findIndex(({ reader }) => equal(reader.id, chain))
    return this.#chains.slice(0, Math.max(index, 0)).map(({ reader }) => reader.id)
  }

  /** The newest chain, if there is one. */
  get newest(): Uint8Array | undefined {
    return this.#chains.at(-1)?.reader.id
  }

  serialize(): Uint8Array {
    return encodeWith(this.#chains, (writer, chains) => {
      writer.u8(FORMAT_VERSION).vector(chains, (inner, { reader, month }) => {
        const state = reader.serialize()
        inner.u16(month).opaque(state)
        state.fill(0)
      })
    })
  }

  /** Overwrites every key. */
  wipe(): void {
    for (const { reader } of this.#chains) reader.wipe()
    this.#chains = []
  }
}

function position({ reader, month }: Chain): ChainPosition {
  return { chain: reader.id, address: reader.address, month, next: reader.nextIndex }
}

function decodeState(crypto: CryptoProvider, state: Uint8Array): Chain[] {
  return decodeAll(state, (reader) => {
    if (reader.u8() !== FORMAT_VERSION) throw new CodecError("queue reader version")
    return reader.vector((inner) => ({
      month: inner.u16(),
      reader: ChainReader.restore(crypto, inner.opaque()),
    }))
  })
}

import { labels } from "../crypto/labels.ts"
import type { CryptoProvider } from "../crypto/provider.ts"
import { wipe } from "../crypto/wipe.ts"
import { FORMAT_VERSION, HASH_BYTES, KEY_BYTES, TOKEN_PERIOD_SECONDS } from "../limits.ts"
import { type Effect, put, remove, type View, type Writer } from "../store/database.ts"
import { concat, equal } from "../wire/bytes.ts"
import { Problem } from "../wire/problem.ts"
import { decodePadded, encodePadded, openSymmetric, sealSymmetric } from "../wire/sealed.ts"
import type { Writer as TlsWriter } from "../wire/tls.ts"
import { allowances } from "./tables.ts"

/**
 * The secret of one period: who drew, and how much, cannot be told from the data without it. It lives outside the
 * data and goes when the period ends.
 */
export interface PeriodKey {
  /** Periods since 1970. */
  readonly period: number
  /** 32 random bytes. */
  readonly key: Uint8Array
}

/** Where the period's key survives a restart. */
export interface PeriodKeys {
  /** The key that was kept last; undefined if there is none. */
  readonly kept: PeriodKey | undefined
  /** Keeps this one instead, durably; the one before is gone. */
  keep(key: PeriodKey): void
}

const DRAW_BYTES = 1 + 4 + HASH_BYTES
const CLEAR_STEP_ROWS = 256

/** struct { u8 version; uint32 drawn; opaque last_request[32]; } Draw */
interface Draw {
  readonly drawn: number
  /** SHA-256 of the last request that was paid for. */
  readonly request: Uint8Array
}

/**
 * How many tokens each client may still draw in this period (docs/protocol.md section 4.4). A client is a pseudonym here,
 * HMAC(period key, client id), and its draw is sealed, so that a snapshot shows neither who is active nor how active.
 */
export class Allowance {
  readonly #crypto: CryptoProvider
  readonly #keys: PeriodKeys
  readonly #perPeriod: number
  #current: PeriodKey | undefined
  #entering: Promise<void> = Promise.resolve()

  constructor(crypto: CryptoProvider, keys: PeriodKeys, perPeriod: number) {
    this.#crypto = crypto
    this.#keys = keys
    this.#perPeriod = perPeriod
    this.#current = keys.kept
  }

  /**
   * Begins a new period if the last one is over: no draws, then a new key; the one before is overwritten. `now` in
   * seconds. A clock that goes back does not begin a period anew.
   */
  enterPeriod(writer: Writer, now: number): Promise<void> {
    const period = Math.floor(now / TOKEN_PERIOD_SECONDS)
    this.#entering = this.#entering.catch(() => undefined).then(() => this.#enter(writer, period))
    return this.#entering
  }

  async #enter(writer: Writer, period: number): Promise<void> {
    if (this.#current !== undefined && this.#current.period >= period) return
    await clear(writer)
    const before = this.#current
    this.#current = { period, key: this.#crypto.random(KEY_BYTES) }
    this.#keys.keep(this.#current)
    wipe(before?.key)
  }

  /**
   * The effects of drawing `count` tokens by a request. The request that was paid for last is free: its answer may
   * have been lost.
   *
   * @throws Problem as.allowance-exceeded
   */
  draw(view: View, clientId: Uint8Array, count: number, request: Uint8Array): Effect[] {
    const pseudonym = this.#derive(labels.allowancePseudonym, clientId)
    const row = view.get(allowances, { pseudonym })
    const before = row === undefined ? undefined : this.#open(pseudonym, row.draw)
    if (before !== undefined && equal(before.request, request)) return []
    const drawn = (before?.drawn ?? 0) + count
    if (drawn > this.#perPeriod) throw new Problem("as.allowance-exceeded")
    return [put(allowances, { pseudonym, draw: this.#seal(pseudonym, { drawn, request }) })]
  }

  #derive(label: Uint8Array, data: Uint8Array): Uint8Array {
    if (this.#current === undefined) throw new Error("no period was entered")
    return this.#crypto.hmacSha256(this.#current.key, concat(label, data))
  }

  #seal(pseudonym: Uint8Array, { drawn, request }: Draw): Uint8Array {
    const plaintext = encodePadded(DRAW_BYTES, (writer: TlsWriter) =>
      writer.u8(FORMAT_VERSION).u32(drawn).raw(request),
    )
    return this.#withKey((key) => sealSymmetric(this.#crypto, key, pseudonym, plaintext))
  }

  #open(pseudonym: Uint8Array, sealed: Uint8Array): Draw {
    const plaintext = this.#withKey((key) => openSymmetric(this.#crypto, key, pseudonym, sealed))
    return decodePadded(plaintext, DRAW_BYTES, (reader) => {
      if (reader.u8() !== FORMAT_VERSION) throw new Error("draw version")
      return { drawn: reader.u32(), request: reader.raw(HASH_BYTES).slice() }
    })
  }

  #withKey<T>(work: (key: Uint8Array) => T): T {
    const key = this.#derive(labels.allowanceDraw, new Uint8Array(0))
    try {
      return work(key)
    } finally {
      wipe(key)
    }
  }
}

async function clear(writer: Writer): Promise<void> {
  for (let left = true; left; ) {
    await writer.submit({
      expects: [],
      effects: (view) => {
        const rows = view.list(allowances, {}, CLEAR_STEP_ROWS)
        left = rows.length === CLEAR_STEP_ROWS
        return rows.map(({ pseudonym }) => remove(allowances, { pseudonym }))
      },
    })
  }
}

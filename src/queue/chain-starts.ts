import type { CryptoProvider } from "../crypto/provider.ts"
import { CHAIN_SLOTS, CHAINS_PER_QUEUE_MAX, OVERFLOW_ENTRIES_MAX, OVERFLOW_STARTS } from "../limits.ts"
import { type Effect, put, remove, type Table, type View } from "../store/database.ts"
import { SlotKeys, SlotsUnreadable } from "../veil/slot-keys.ts"
import { equal } from "../wire/bytes.ts"
import { OverflowSealer } from "./overflow.ts"
import type { Pool } from "./pool.ts"
import {
  type OverflowPlace,
  type QueueRow,
  queueRow,
  type Recorded,
  recordedOf,
  startsOf,
  type UsedSlot,
} from "./slots.ts"

/** Room for one more chain's start: what the record holds then, and what has to move for it. */
export interface Room {
  readonly recorded: Recorded
  readonly moves: readonly Effect[]
}

/** An overflow entry and those of its starts whose chains can still have entries. */
interface OpenedPlace {
  readonly place: OverflowPlace
  readonly starts: readonly UsedSlot[]
  /** An older slot key sealed it. */
  readonly old: boolean
}

/**
 * The starts of each queue's chains, in the order of the chains: the newest in the slots of its record, the others, if
 * it has more than slots, in overflow entries. A chain whose partition was dropped is dropped with it, at the latest
 * when room is needed.
 */
export class ChainStarts {
  readonly #table: Table<QueueRow>
  readonly #pool: Pool
  readonly #crypto: CryptoProvider
  readonly #overflow: OverflowSealer
  readonly #max: number

  constructor(options: {
    readonly crypto: CryptoProvider
    readonly table: Table<QueueRow>
    readonly pool: Pool
    readonly slotKeys: readonly Uint8Array[]
    /** Chains per queue. */
    readonly max: number
  }) {
    this.#table = options.table
    this.#pool = options.pool
    this.#crypto = options.crypto
    this.#overflow = new OverflowSealer(options.crypto, new SlotKeys(options.crypto, options.slotKeys))
    this.#max = Math.min(options.max, CHAINS_PER_QUEUE_MAX)
  }

  /** The record of a queue without chains. */
  first(id: Uint8Array, queueKey: Uint8Array): Effect {
    return this.#put({ id, queue_key: queueKey }, { slots: [], overflow: [] })
  }

  /** The record with another key of the owner. */
  withKey(view: View, id: Uint8Array, queueKey: Uint8Array): Effect[] {
    const row = view.get(this.#table, { id })
    return row === undefined ? [] : [this.#put({ ...row, queue_key: queueKey }, recordedOf(row))]
  }

  /** How many chains there are, or a few more if the partitions of some were dropped. */
  count(row: QueueRow): number {
    const { slots, overflow } = recordedOf(row)
    return this.#kept(slots).length + total(overflow)
  }

  /** What the owner gets: all starts in the order of their chains, and random bytes for the free slots. */
  forOwner(view: View, row: QueueRow): Uint8Array[] {
    const { overflow } = recordedOf(row)
    const older = this.#open(view, row.id, overflow).flatMap(({ starts }) => starts)
    return [...older.map(({ start }) => start), ...startsOf(row)]
  }

  /** Room for the start of one more chain; undefined if the queue has as many as it may. */
  roomFor(view: View, row: QueueRow): Room | undefined {
    const recorded = recordedOf(row)
    const slots = this.#kept(recorded.slots)
    const { overflow } = recorded
    if (slots.length < CHAIN_SLOTS && slots.length + total(overflow) < this.#max) {
      return { recorded: { slots, overflow }, moves: [] }
    }
    const opened = this.#open(view, row.id, overflow)
    const kept = opened.filter(({ starts }) => starts.length > 0)
    const gone = opened.filter(({ starts }) => starts.length === 0)
    if (slots.length + countOf(kept) >= this.#max) return undefined
    const moves = this.#removals(row.id, gone.map(placeOf))
    if (slots.length < CHAIN_SLOTS) return { recorded: { slots, overflow: kept.map(placeOf) }, moves }

    const moving = slots.slice(0, OVERFLOW_STARTS)
    const full = kept.length === OVERFLOW_ENTRIES_MAX
    const staying = full ? [] : kept
    if (full) moves.push(...this.#removals(row.id, kept.map(placeOf)))
    const written = this.#write(row.id, full ? [...kept.flatMap(({ starts }) => starts), ...moving] : moving)
    moves.push(...written.effects)
    const places = [...staying.map(placeOf), ...written.places]
    return { recorded: { slots: slots.slice(OVERFLOW_STARTS), overflow: places }, moves }
  }

  /** The start of a chain that begins now, in the room made for it. */
  add(row: QueueRow, { recorded, moves }: Room, start: UsedSlot): Effect[] {
    const { slots, overflow } = recorded
    return [...moves, this.#put(row, { slots: [...slots, start], overflow })]
  }

  /**
   * Removes the starts of chains that are used up, the newest chain's excepted: the server may still write to it.
   * Nothing changes if there is nothing to remove.
   */
  without(view: View, id: Uint8Array, usedUp: readonly Uint8Array[]): Effect[] {
    const row = usedUp.length === 0 ? undefined : view.get(this.#table, { id })
    if (row === undefined) return []
    const { slots, overflow } = recordedOf(row)
    const opened = this.#open(view, id, overflow)
    const newest = slots.at(-1) ?? opened.findLast(({ starts }) => starts.length > 0)?.starts.at(-1)
    const stays = (start: UsedSlot) => start === newest || !usedUp.some((named) => equal(named, start.chain))
    const kept = { slots: slots.filter(stays), opened: opened.map(({ starts }) => starts.filter(stays)) }
    const older = kept.opened.flat()
    if (older.length + kept.slots.length === total(overflow) + slots.length) return []

    if (older.length + kept.slots.length <= CHAIN_SLOTS) {
      const recorded = { slots: [...older, ...kept.slots], overflow: [] }
      return [...this.#removals(id, overflow), this.#put(row, recorded)]
    }
    const effects: Effect[] = []
    const places: OverflowPlace[] = []
    for (const [i, { place }] of opened.entries()) {
      const starts = kept.opened[i] as UsedSlot[]
      if (starts.length === place.starts) {
        places.push(place)
        continue
      }
      const written = this.#write(id, starts)
      effects.push(...this.#removals(id, [place]), ...written.effects)
      places.push(...written.places)
    }
    return [...effects, this.#put(row, { slots: kept.slots, overflow: places })]
  }

  /** Deletes the record and whatever else there is of its queue's starts. */
  remove(view: View, id: Uint8Array): Effect[] {
    const row = view.get(this.#table, { id })
    if (row === undefined) return []
    return [remove(this.#table, { id }), ...this.#removals(id, recordedOf(row).overflow)]
  }

  /**
   * The record without the starts of chains that are over, written whether or not anything about it changed. Overflow entries stay
   * as they are, unless an older slot key than the last sealed one of them.
   */
  renewed(view: View, id: Uint8Array): Effect[] {
    const row = view.get(this.#table, { id })
    if (row === undefined) return []
    const { slots, overflow } = recordedOf(row)
    const opened = this.#open(view, id, overflow)
    if (!opened.some(({ old }) => old)) return [this.#put(row, { slots: this.#kept(slots), overflow })]
    const written = this.#write(
      id,
      opened.flatMap(({ starts }) => starts),
    )
    const recorded = { slots: this.#kept(slots), overflow: written.places }
    return [...this.#removals(id, overflow), ...written.effects, this.#put(row, recorded)]
  }

  /**
   * An entry that is not there any more went with its partition.
   *
   * @throws SlotsUnreadable it is there, but not under the keys that are left
   */
  #open(view: View, id: Uint8Array, places: readonly OverflowPlace[]): OpenedPlace[] {
    return places.map((place) => {
      for (const [age, tag] of this.#overflow.tags(id, place).entries()) {
        const entry = this.#pool.entryAt(view, place.month, tag)
        if (entry === undefined) continue
        return { place, starts: this.#kept(this.#overflow.open(id, { tag, entry })), old: age > 0 }
      }
      if (!this.#pool.dropped(place.month)) throw new SlotsUnreadable("an overflow entry is missing")
      return { place, starts: [], old: false }
    })
  }

  #kept(starts: readonly UsedSlot[]): UsedSlot[] {
    return starts.filter(({ month }) => !this.#pool.dropped(month))
  }

  /**
   * New overflow entries for these starts. They go where messages go now, because entries come into no other
   * partition; unless the clock was set back: no partition may be dropped before those of the chains in it.
   */
  #write(id: Uint8Array, starts: readonly UsedSlot[]): { effects: Effect[]; places: OverflowPlace[] } {
    const effects: Effect[] = []
    const places: OverflowPlace[] = []
    for (let at = 0; at < starts.length; at += OVERFLOW_STARTS) {
      const part = starts.slice(at, at + OVERFLOW_STARTS)
      const month = Math.max(this.#pool.currentMonth(), ...part.map((start) => start.month))
      const { place, row } = this.#overflow.seal(id, month, part)
      places.push(place)
      effects.push(this.#pool.put(month, row))
    }
    return { effects, places }
  }

  #put(queue: Pick<QueueRow, "id" | "queue_key">, recorded: Recorded): Effect {
    return put(this.#table, queueRow(this.#crypto, queue, recorded))
  }

  #removals(id: Uint8Array, places: readonly OverflowPlace[]): Effect[] {
    return places.flatMap((place) => {
      return this.#overflow.tags(id, place).flatMap((tag) => this.#pool.removeAt(place.month, tag) ?? [])
    })
  }
}

function total(places: readonly OverflowPlace[]): number {
  return places.reduce((sum, { starts }) => sum + starts, 0)
}

function countOf(opened: readonly OpenedPlace[]): number {
  return opened.reduce((sum, { starts }) => sum + starts.length, 0)
}

function placeOf({ place }: OpenedPlace): OverflowPlace {
  return place
}

/** Words of 32 bits in a fingerprint. */
export const FINGERPRINT_WORDS = 4

const SLOTS_MIN = 1024

/**
 * A growing set of 16-byte fingerprints in one flat array: open addressing, never more than half full. A million take
 * 32 to 64 MB and are nothing to the garbage collector. Fingerprints must be evenly distributed.
 */
export class FingerprintSet {
  #slots = new Uint32Array(SLOTS_MIN * FINGERPRINT_WORDS)
  #size = 0

  get size(): number {
    return this.#size
  }

  has(fingerprint: Uint32Array): boolean {
    return this.#occupied(this.#find(fingerprint))
  }

  add(fingerprint: Uint32Array): void {
    if (2 * (this.#size + 1) > this.#slots.length / FINGERPRINT_WORDS) this.#grow()
    const at = this.#find(fingerprint)
    if (this.#occupied(at)) return
    this.#slots.set(fingerprint, at)
    this.#slots[at] = marked(fingerprint)
    this.#size++
  }

  /** Where the fingerprint is, or the free slot where it belongs. */
  #find(fingerprint: Uint32Array): number {
    const slots = this.#slots
    const mask = slots.length / FINGERPRINT_WORDS - 1
    let slot = (fingerprint[1] as number) & mask
    while (slots[slot * FINGERPRINT_WORDS] !== 0 && !holds(slots, slot * FINGERPRINT_WORDS, fingerprint))
      slot = (slot + 1) & mask
    return slot * FINGERPRINT_WORDS
  }

  #occupied(at: number): boolean {
    return this.#slots[at] !== 0
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Uint32Array(2 * old.length)
    for (let at = 0; at < old.length; at += FINGERPRINT_WORDS) {
      if (old[at] === 0) continue
      const fingerprint = old.subarray(at, at + FINGERPRINT_WORDS)
      this.#slots.set(fingerprint, this.#find(fingerprint))
    }
  }
}

/** The first word is never zero in an occupied slot; that costs one bit. */
function marked(fingerprint: Uint32Array): number {
  return ((fingerprint[0] as number) | 1) >>> 0
}

function holds(slots: Uint32Array, at: number, fingerprint: Uint32Array): boolean {
  if (slots[at] !== marked(fingerprint)) return false
  for (let word = 1; word < FINGERPRINT_WORDS; word++)
    if (slots[at + word] !== fingerprint[word]) return false
  return true
}
